// {"out": "1\n", "value": 2}
const one = await (async () => 1)();
console.log(one);
function main() {
	return 2;
}
