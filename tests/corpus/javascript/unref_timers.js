// {"out": "end\n", "wall_ms": 3000}
setTimeout(() => console.log('never'), 3500).unref();
setInterval(() => {}, 3500).unref();
console.log('end');
