// {"out": "SIGTERM\nSIGUSR2\n", "signal": "SIGINT"}
process.on('SIGTERM', (name) => {
	console.log(name);
	process.kill(process.pid, 'SIGUSR2');
});
process.once('SIGUSR2', (name) => {
	console.log(name);
	process.kill(process.pid, 'SIGINT');
});
process.kill(process.pid, 'SIGTERM');
setTimeout(() => {}, 5000);
