# {"verdict": "output_invalid", "reason": "Circular"}
def main():
    value = []
    value.append(value)
    return value
