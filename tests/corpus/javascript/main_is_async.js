// {"input": {"a": 6}, "context": {"c": [1]}, "value": 42}
async function main(input) {
	await new Promise((resolve) => setTimeout(resolve, 10));
	return input.a * 7;
}
