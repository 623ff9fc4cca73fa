// {"input": {"a": 6}, "context": {"c": [1]}, "value": 6}
module.exports = (input) => input.a;
