// {"value": ["/.codesandbox/run.js", "/job/script.js"]}
module.exports = () => Object.keys(require.cache);
