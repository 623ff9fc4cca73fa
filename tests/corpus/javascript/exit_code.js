// {"exit": 4, "value": "no"}
process.exit(4);
