// {"exit": 1, "err": "^/job/script.js:3\\n\\tthrow new Error\\('boom'\\);\\n\\t\\^\\n\\nError: boom\\n    at f \\(/job/script.js:3:8\\)\\n    at Object.<anonymous> \\(/job/script.js:5:1\\)\\n(    at .*node:internal.*\\n)*\\nNode"}
function f() {
	throw new Error('boom');
}
f();
