# {"input": {"a": 6}, "context": {"c": [1]}, "value": 2}
def main(*arguments):
    return len(arguments)
