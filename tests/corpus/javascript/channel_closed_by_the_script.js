// {"exit": 1, "err": "was closed"}
require('fs').closeSync(3);
function main() {
	return 1;
}
