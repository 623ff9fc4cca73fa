// {"value": "no"}
const main = 5;
