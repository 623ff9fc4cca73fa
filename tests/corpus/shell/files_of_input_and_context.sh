# {"input": {"a": 6}, "context": {"c": [1]}, "out": "{\"a\":6}\n{\"c\":[1]}\n"}
cat "$CODE_INPUT"; echo
cat "$CODE_CONTEXT"; echo
