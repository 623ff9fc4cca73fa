// {"exit": 1, "err": "^/job/script.js:3\\nlet x = = 2;\\n        \\^\\n\\nSyntaxError: Unexpected token '='\\n\\nNode"}
let y = 1;
let x = = 2;
