// {"out": "before 0\nlater\nbefore 1\nexit 0\n"}
let rounds = 0;
process.on('beforeExit', () => {
	console.log('before', rounds);
	if (rounds++ === 0)
		setTimeout(() => console.log('later'), 5);
});
process.on('exit', (code) => console.log('exit', code));
