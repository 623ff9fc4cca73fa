// {"out": "a\n", "value": "no"}
console.log('a');
return;
console.log('b');
