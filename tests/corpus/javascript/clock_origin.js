// {"value": true}
// The process has begun with this job.
const { performance: imported } = require('perf_hooks');
module.exports = () => {
	const { timeOrigin, nodeTiming } = performance;
	const now = performance.now();
	const fresh = [timeOrigin > Date.now() - 1500, timeOrigin <= Date.now() + 5, now > 0, now < 1500,
		process.uptime() > 0, process.uptime() < 1.5, imported === performance,
		Math.abs(timeOrigin + performance.now() - Date.now()) < 50, performance.mark('m').startTime < 1500,
		new Event('e').timeStamp < 1500, nodeTiming.bootstrapComplete < 1500,
		nodeTiming.bootstrapComplete >= 0];
	return fresh.every(Boolean) || [fresh, timeOrigin, now, process.uptime()];
};
