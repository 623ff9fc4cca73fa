# {"out": "a\n", "err": "^b\n$"}
echo a >/dev/stdout
echo b >/dev/stderr
