// {"exit": 1, "err": "Error: boom\\n    at Object.<anonymous> \\(/job/script.js:2:16\\)"}
Promise.reject(new Error('boom'));
