// {"verdict": "output_invalid", "reason": "bigint"}
module.exports = () => (10n);
