# {"verdict": "output_invalid", "reason": "digits"}
def main():
    return 10 ** 5000
