// {"value": 42}
const { Worker } = require('worker_threads');
module.exports = () => new Promise((resolve) => {
	new Worker('require("worker_threads").parentPort.postMessage(42)', { eval: true }).on('message', resolve);
});
