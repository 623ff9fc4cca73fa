// {"exit": 13, "err": "unsettled"}
await new Promise(() => {});
