// {"exit": 1, "err": "SyntaxError: Unexpected end of input\\n\\nNode"}
function f() {
