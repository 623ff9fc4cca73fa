// {"value": "exported"}
module.exports = () => 'exported';
function main() {
	return 'main';
}
