// {"value": "1970-01-01T00:00:00.000Z"}
function main() {
	return new Date(0);
}
