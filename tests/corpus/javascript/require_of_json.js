// {"input": {"a": 6}, "context": {"c": [1]}, "value": 6}
module.exports = () => require(process.env.CODE_INPUT).a;
