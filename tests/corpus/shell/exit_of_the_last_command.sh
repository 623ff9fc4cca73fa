# {"exit": 1}
true
false
