// {"out": "{\"a\":1}\n", "value": "no"}
console.log('{"a":1}');
