# value_nesting: returns a value nested 100,000 deep.
def main():
    value = []
    for _ in range(100000):
        value = [value]
    return value
