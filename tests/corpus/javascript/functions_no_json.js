// {"verdict": "output_invalid", "reason": "function"}
module.exports = () => (() => 1);
