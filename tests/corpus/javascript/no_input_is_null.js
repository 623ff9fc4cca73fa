// {"value": [null, null]}
function main(input, context) {
	return [input, context];
}
