// {"verdict": "output_invalid", "reason": "symbol"}
module.exports = () => (Symbol('x'));
