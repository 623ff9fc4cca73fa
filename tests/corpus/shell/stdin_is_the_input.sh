# {"input": {"a": 6}, "context": {"c": [1]}, "out": "{\"a\":6}"}
cat
