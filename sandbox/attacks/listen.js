// listen: opens a port for others to come in.
require('net').createServer().listen(0, '0.0.0.0', function () {
	succeeded(`listening on ${this.address().port}`);
}).on('error', () => {});
