// {"value": 4}
const vm = require('vm');
module.exports = () => new Set([Math.random(), Math.random(), vm.runInNewContext('Math.random()'),
	vm.runInNewContext('Math.random()')]).size;
