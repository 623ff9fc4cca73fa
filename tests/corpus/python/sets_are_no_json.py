# {"verdict": "output_invalid", "reason": "set"}
def main():
    return {1, 2}
