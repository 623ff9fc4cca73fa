// {"out": "/usr/bin/node /job/script.js 2 true . /job/script.js /job\n"}
console.log(...process.argv, process.argv.length, require.main === module, module.id, __filename, __dirname);
