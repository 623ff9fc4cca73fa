// {"value": ["abc", 3, ["a", "b"]]}
const fs = require('fs/promises');
module.exports = async () => {
	await fs.mkdir('d');
	await Promise.all(['a', 'b'].map((name) => fs.writeFile(`d/${name}`, 'abc')));
	return [await fs.readFile('d/a', 'utf8'), (await fs.stat('d/b')).size, (await fs.readdir('d')).sort()];
};
