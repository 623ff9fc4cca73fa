// value_proxy: returns an object that lies about itself without end.
function main() {
	const liar = new Proxy({}, { ownKeys: () => ['a'], get: () => liar,
		getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) });
	return liar;
}
