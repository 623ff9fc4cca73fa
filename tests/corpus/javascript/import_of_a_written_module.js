// {"value": [[4, 5, "/job/work/m.mjs"], "ERR_MODULE_NOT_FOUND"]}
const fs = require('fs');
module.exports = async () => {
	fs.writeFileSync('n.cjs', 'exports.five = 5;');
	fs.writeFileSync('m.mjs', 'import { five } from "./n.cjs"; export default [await 4, five, import.meta.filename ?? new URL(import.meta.url).pathname];');
	const { default: found } = await import('/job/work/m.mjs');
	return [found, await import('/job/work/none.mjs').catch((error) => error.code)];
};
