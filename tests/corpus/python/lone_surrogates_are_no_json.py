# {"verdict": "output_invalid", "reason": "surrogate"}
def main():
    return "\ud800"
