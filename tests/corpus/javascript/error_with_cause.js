// {"exit": 1, "err": "^/job/script.js:4\\n.*Error: outer\\n    at f \\(/job/script.js:4:\\d+\\)\\n.*code: .E_CODE.,\\n  \\[cause\\]: TypeError: inner\\n.*\\}\\n\\nNode"}
function f() {
	const cause = new TypeError('inner');
	throw Object.assign(new Error('outer', { cause }), { code: 'E_CODE' });
}
f();
