// {"value": {"b": [null]}}
function main() {
	return { a: undefined, b: [undefined] };
}
