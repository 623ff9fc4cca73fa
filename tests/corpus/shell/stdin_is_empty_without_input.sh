# {"out": "0\n"}
cat | wc -c
