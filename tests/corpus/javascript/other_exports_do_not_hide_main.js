// {"value": "main"}
exports.helper = 1;
function main() {
	return 'main';
}
