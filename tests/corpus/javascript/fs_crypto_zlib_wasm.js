// {"value": [true, 32, 4, 8]}
const fs = require('fs/promises');
module.exports = async () => {
	await fs.writeFile('f', 'x');
	const digest = await require('crypto').webcrypto.subtle.digest('SHA-256', new Uint8Array(4));
	const zip = require('util').promisify(require('zlib').gzip);
	const wasm = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
	return [(await fs.readFile('f', 'utf8')) === 'x' && wasm instanceof WebAssembly.Module, digest.byteLength,
		(await zip('x')).length > 10 ? 4 : 0, 8];
};
