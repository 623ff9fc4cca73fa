// {"exit": 1, "err": "^/job/script.js:3\\nlet x = = 2;\\n"}
await null;
let x = = 2;
