// frame_flood: floods the value's channel to fill the worker's memory.
const block = Buffer.alloc(65536, 'v');
for (let i = 0; i < 1024; i++)
	require('fs').writeSync(3, block);
