// memory_javascript: takes memory outside of the JavaScript heap.
// Buffers are outside of V8's heap and its limits.
const taken = [];
while (taken.length << 20 < 3 * limit('MEMORY'))
	taken.push(Buffer.alloc(1 << 20, 120));
succeeded(`${taken.length} MiB in buffers`);
