// {"exit": 1, "err": "^/job/script.js:2\\nprocess.on\\('exit', \\(\\) => \\{ throw new Error\\('boom'\\); \\}\\);\\n +\\^\\n\\nError: boom\\n    at process.<anonymous> \\(/job/script.js:2:34\\)\\n    at process.emit \\(node:events:\\d+:\\d+\\)\\n\\nNode"}
process.on('exit', () => { throw new Error('boom'); });
