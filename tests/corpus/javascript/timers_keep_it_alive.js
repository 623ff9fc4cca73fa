// {"out": "late\n", "value": 1}
setTimeout(() => console.log('late'), 50);
function main() {
	return 1;
}
