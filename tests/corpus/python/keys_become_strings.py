# {"value": {"1": "a", "true": "b", "null": "c", "1.5": "d"}}
def main():
    return {1: "a", True and "true": "b", None: "c", 1.5: "d"}
