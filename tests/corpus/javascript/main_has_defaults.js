// {"input": {"a": 6}, "context": {"c": [1]}, "value": [6, [1]]}
function main({ a } = {}, ...rest) {
	return [a, rest[0].c];
}
