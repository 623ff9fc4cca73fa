// {"out_size": 200001}
const line = 'x'.repeat(99) + '\n';
for (let i = 0; i < 2000; i++)
	process.stdout.write(line);
process.stdout.end('\n');
