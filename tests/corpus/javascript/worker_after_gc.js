// {"out": "exit 3\n"}
// A worker ends although V8 has posted work to its helper threads.
let made = [];
for (let round = 0; round < 6; round++) {
	made = [];
	for (let i = 0; i < 300000; i++)
		made.push({ i, text: 'x' + i });
}
const { Worker } = require('worker_threads');
new Worker('process.exitCode = 3;', { eval: true }).on('exit', (code) => console.log('exit', code));
