// {"exit": 1, "err": "late", "value": "no"}
setTimeout(() => { throw new Error('late'); }, 20);
function main() {
	return 1;
}
