// {"verdict": "output_invalid", "reason": "Infinity"}
module.exports = () => (-Infinity);
