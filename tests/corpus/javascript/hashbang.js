#!/usr/bin/env node
// {"out": "line 3\n"}
console.log('line', /js:(\d+)/.exec(new Error().stack)[1]);
