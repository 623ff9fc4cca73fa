# {"verdict": "output_invalid", "reason": "not JSON"}
def main():
    return [1, float("nan")]
