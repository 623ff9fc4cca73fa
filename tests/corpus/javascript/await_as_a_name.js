// {"out": "3\n"}
var await = 3;
console.log(await);
