// {"out": "before 0\nexit 0\n"}
process.on('beforeExit', (code) => console.log('before', code));
process.on('exit', (code) => console.log('exit', code));
