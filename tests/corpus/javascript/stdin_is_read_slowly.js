// {"input": {"a": [1, 2]}, "value": [{"a": [1, 2]}, "{\"a\":[1,2]}"]}
const { text } = require('stream/consumers');
module.exports = async () => {
	const lines = [];
	const copy = require('child_process').execSync('cat /dev/stdin', { stdio: [0, 'pipe', 2] }).toString();
	process.stdin.setEncoding('utf8');
	for await (const chunk of require('fs').createReadStream('/job/input.json', { encoding: 'utf8', highWaterMark: 3 }))
		lines.push(chunk);
	return [JSON.parse(lines.join('')), copy];
};
