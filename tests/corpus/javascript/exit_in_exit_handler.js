// {"exit": 8}
process.on('exit', () => process.exit(8));
