# {"out": "{\"a\": 1}\n", "value": "no"}
print('{"a": 1}')
