// {"value": [0, 0, 0, 0, true]}
module.exports = () => [process.stdout.bytesWritten, process.stdout.writableLength, process.stderr.bytesWritten,
	process.stdout.listenerCount('error'), process.stdout.fd === 1 && process.stderr.fd === 2];
