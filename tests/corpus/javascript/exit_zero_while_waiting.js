// {"exit": 0, "value": "no"}
setTimeout(() => process.exit(0), 10);
await new Promise(() => {});
