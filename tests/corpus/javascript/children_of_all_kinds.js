// {"value": ["a\n", 3, "SIGTERM", "hello", "x\n"]}
const { spawn, fork, exec, spawnSync } = require('child_process');
const fs = require('fs');
const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...values) => resolve(values)));
module.exports = async () => {
	const echo = spawn('echo', ['a']);
	const text = (await echo.stdout.toArray()).join('');
	const [code] = await once(spawn('sh', ['-c', 'exit 3']), 'exit');
	const sleeper = spawn('sleep', ['20']);
	sleeper.kill();
	const [, signal] = await once(sleeper, 'exit');
	fs.writeFileSync('child.js', 'process.send("hello")');
	const [message] = await once(fork('./child.js'), 'message');
	return [text, code, signal, message, spawnSync('echo', ['x']).stdout.toString()];
};
