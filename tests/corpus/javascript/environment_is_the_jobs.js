// {"environment": ["A=b", "HOME=/job/work/home"], "value": [["A", "CODE_CONTEXT", "CODE_INPUT", "CODE_OUTPUT", "HOME", "LANG", "PATH", "TMPDIR"], "b/job/work/home", "bc\n", true, "no"]}
const { execSync } = require('child_process');
module.exports = () => {
	process.env.B = 'c';
	const own = Object.keys(process.env).filter((name) => !/^CODE_(THREAD|NODE|EXEC|ATT)|^B$/.test(name)).sort();
	return [own, process.env.A + process.env.HOME, execSync('echo $A$B').toString(),
		require('module').globalPaths.includes('/job/work/home/.node_modules'),
		execSync('echo ${LD_PRELOAD-no}').toString().trim()];
};
