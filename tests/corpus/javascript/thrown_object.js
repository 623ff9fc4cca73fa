// {"exit": 1, "err": "^\\n/job/script.js:2\\nthrow \\{ a: 1 \\};\\n\\^\\n\\{ a: 1 \\}\\n\\nNode"}
throw { a: 1 };
