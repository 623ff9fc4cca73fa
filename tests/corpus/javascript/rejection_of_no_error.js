// {"exit": 1, "err": "UnhandledPromiseRejection.*reason \"5\""}
Promise.reject(5);
