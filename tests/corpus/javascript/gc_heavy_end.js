// {"out": "300000\nexit 0\n", "limits": {"cpu_ms": 60000}}
// V8 posts work to its helper threads that nobody waits for.
process.on('exit', (code) => console.log('exit', code));
let made = [];
for (let round = 0; round < 12; round++) {
	made = [];
	for (let i = 0; i < 300000; i++)
		made.push({ i, text: 'x' + i });
}
console.log(made.length);
