// {"out": "function\n", "err": "^$"}
const { cpus } = await import('node:os');
console.log(typeof cpus);
