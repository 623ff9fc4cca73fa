// connect_javascript: connects to a port of the machine from Node.
require('net').connect(Number(bait('PORT')), '127.0.0.1', () => succeeded('connected'))
	.on('error', () => {});
