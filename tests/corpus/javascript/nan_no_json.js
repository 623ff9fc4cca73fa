// {"verdict": "output_invalid", "reason": "NaN"}
module.exports = () => ([NaN]);
