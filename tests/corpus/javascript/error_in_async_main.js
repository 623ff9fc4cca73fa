// {"exit": 1, "err": "Error: boom\\n    at main \\(/job/script.js:4:8\\)\\n\\nNode"}
async function main() {
	await null;
	throw new Error('boom');
}
