// cpu_threads: spins in worker threads.
const { Worker } = require('worker_threads');
const spin = 'const end = Date.now() + 4000; while (Date.now() < end);';
let running = 2;
for (let i = 0; i < 2; i++)
	new Worker(spin, { eval: true }).on('exit', () => {
		if (--running === 0) succeeded('two threads spun for 4 seconds');
	});
