// {"input": {"a": 6}, "context": {"c": [1]}, "value": [1, 2.5, null, true, "\u00e4"]}
function main() {
	return [1, 2.5, null, true, 'ä'];
}
