# value_flood: returns a value of 20 MiB.
def main():
    return "x" * (20 << 20)
