// {"verdict": "output_invalid", "reason": "surrogate"}
module.exports = () => ('\ud800');
