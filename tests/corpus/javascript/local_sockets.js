// {"value": "ping pong"}
const net = require('net');
module.exports = () => new Promise((resolve, reject) => {
	const server = net.createServer((socket) => socket.on('data', (data) => socket.end(`${data} pong`)));
	server.listen('socket', () => {
		const client = net.connect('socket', () => client.write('ping'));
		client.on('data', (data) => { server.close(); resolve(String(data)); }).on('error', reject);
	});
});
