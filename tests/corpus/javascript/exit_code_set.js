// {"exit": 5}
process.exitCode = 5;
