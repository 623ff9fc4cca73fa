# {"input": {"a": 6}, "context": {"c": [1]}, "value": [6, "k"]}
def main(input, *, key="k"):
    return [input["a"], key]
