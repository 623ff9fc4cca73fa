// {"exit": 1, "err": "^/job/script.js:3\\n\\tthrow new Error\\('boom'\\);\\n\\t +\\^\\n\\nError: boom\\n    at main \\(/job/script.js:3:8\\)\\n\\nNode", "value": "no"}
function main() {
	throw new Error('boom');
}
