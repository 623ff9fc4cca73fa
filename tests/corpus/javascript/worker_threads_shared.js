// {"value": [[0, 1, 2], true, [], 3]}
const { Worker } = require('worker_threads');
const body = `const { parentPort, workerData } = require('worker_threads');
	Atomics.add(new Int32Array(workerData.shared), 0, 1);
	parentPort.postMessage([workerData.i, Math.random(), process.execArgv]);`;
module.exports = async () => {
	const shared = new SharedArrayBuffer(4);
	const answers = await Promise.all([0, 1, 2].map((i) => new Promise((resolve, reject) => {
		new Worker(body, { eval: true, workerData: { i, shared } }).on('message', resolve).on('error', reject);
	})));
	return [answers.map(([i]) => i), new Set(answers.map(([, random]) => random)).size === 3, answers[0][2],
		new Int32Array(shared)[0]];
};
