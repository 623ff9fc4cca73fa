// {"exit": 9, "out": "0\n"}
process.on('exit', (code) => { console.log(code); process.exitCode = 9; });
