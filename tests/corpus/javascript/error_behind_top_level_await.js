// {"exit": 1, "err": "Error: boom\\n    at .*\\(/job/script.js:3:7\\)"}
await null;
throw new Error('boom');
