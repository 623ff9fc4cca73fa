// {"exit": 13, "err": "settles", "value": "no"}
function main() {
	return new Promise(() => {});
}
