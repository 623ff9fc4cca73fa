// {"value": null}
function main() {}
