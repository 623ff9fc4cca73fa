# {"input": {"a": 6}, "context": {"c": [1]}, "value": 42}
def main(input):
    return input["a"] * 7
