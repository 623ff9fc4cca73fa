# {"input": {"a": 6}, "context": {"c": [1]}, "value": [1, 2.5, null, true, "\u00e4\u2028"]}
def main():
    return [1, 2.5, None, True, "ä\u2028"]
