// {"exit": 1, "err": "ReferenceError: x is not defined"}
'use strict';
x = 1;
