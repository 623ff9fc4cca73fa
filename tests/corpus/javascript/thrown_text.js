// {"exit": 1, "err": "text"}
throw 'text';
