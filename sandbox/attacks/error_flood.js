// error_flood: writes 20 MiB to stderr.
for (let i = 0; i < 320; i++)
	require('fs').writeSync(2, 'x'.repeat(65536));
