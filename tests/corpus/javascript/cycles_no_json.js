// {"verdict": "output_invalid", "reason": "circular"}
function main() {
	const value = {};
	value.value = value;
	return value;
}
