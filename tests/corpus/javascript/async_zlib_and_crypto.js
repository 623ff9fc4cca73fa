// {"value": ["text", 32, 16, true, 32]}
const { promisify } = require('util');
const zlib = require('zlib');
const crypto = require('crypto');
module.exports = async () => {
	const zipped = await promisify(zlib.brotliCompress)('text');
	const keys = await promisify(crypto.generateKeyPair)('ec', { namedCurve: 'P-256' });
	return [(await promisify(zlib.brotliDecompress)(zipped)).toString(),
		(await promisify(crypto.scrypt)('p', 's', 32)).length, (await promisify(crypto.randomBytes)(16)).length,
		keys.privateKey.type === 'private', (await crypto.subtle.digest('SHA-256', zipped)).byteLength];
};
