// {"exit": 1, "err": "Error: boom\\n    at process.<anonymous> \\(/job/script.js:2:40\\)\\n    at process.emit \\(node:events:\\d+:\\d+\\)\\n\\nNode"}
process.on('beforeExit', () => { throw new Error('boom'); });
