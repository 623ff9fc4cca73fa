// {"directory": "sub/dir", "out": "/job/work/sub/dir\n"}
console.log(process.cwd());
