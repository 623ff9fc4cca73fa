# {"verdict": "output_invalid"}
def main():
    return -float("inf")
