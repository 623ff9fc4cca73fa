# {"input": {"a": 6}, "context": {"c": [1]}, "value": [{"a": 6}, {"c": [1]}]}
def main(input, context):
    return [input, context]
