# {"input": {"a": 6}, "context": {"c": [1]}, "value": [{"a": 6}, {"c": [1]}]}
def main(input=None, context=None):
    return [input, context]
