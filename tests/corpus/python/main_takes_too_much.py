# {"exit": 1, "err": "^TypeError: main\\(\\) missing 1 required positional argument"}
def main(a, b, c):
    pass
