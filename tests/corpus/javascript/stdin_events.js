// {"input": [1, 2, 3], "out": "[1,2,3]\nend\n"}
let text = '';
process.stdin.on('data', (chunk) => { text += chunk; });
process.stdin.on('end', () => console.log(`${text}\nend`));
