// {"input": {"a": 6}, "context": {"c": [1]}, "value": 6}
const main = (input) => input.a;
