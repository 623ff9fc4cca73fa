// {"value": [true, 1, [], "/usr/bin/node", "/job/work", 0], "out": ""}
const fs = require('fs');
module.exports = () => [process.pid === Number(fs.readlinkSync('/proc/self')), process.ppid, process.execArgv,
	process.argv0, process.cwd(), process.listenerCount('uncaughtException')];
