// cpu_threads: spins in worker threads.
const { Worker } = require('worker_threads');
const spin = 'while (process.cpuUsage().user < 4e6);'; // of all threads
let running = 2;
for (let i = 0; i < 2; i++)
	new Worker(spin, { eval: true }).on('exit', () => {
		if (--running === 0) succeeded('4 seconds of processor time in two threads');
	});
