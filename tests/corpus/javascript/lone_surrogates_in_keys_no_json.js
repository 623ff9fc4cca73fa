// {"verdict": "output_invalid", "reason": "surrogate"}
module.exports = () => ({ '\udc00': 1 });
