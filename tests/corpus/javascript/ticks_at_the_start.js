// {"value": [0, 0]}
module.exports = () => [process._getActiveRequests().length,
	process.listenerCount('exit') + process.listenerCount('unhandledRejection')];
