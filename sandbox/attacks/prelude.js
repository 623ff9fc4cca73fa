// Before every attack in JavaScript.
function succeeded(detail) {
	require('fs').writeSync(1, `ATTACK-SUCCEEDED: ${detail}\n`);
	process.exit(0);
}

const limit = (name) => Number(process.env[`LIMIT_${name}`]);
const bait = (name) => process.env[`BAIT_${name}`];

