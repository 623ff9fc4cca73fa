// value_cycle: returns what refers to itself.
function main() {
	const value = [];
	value.push({ value });
	return value;
}
