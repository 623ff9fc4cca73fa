# {"verdict": "output_invalid"}
def main():
    return {float("nan"): 1}
