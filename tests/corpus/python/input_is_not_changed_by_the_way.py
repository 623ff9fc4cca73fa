# {"input": {"big": 12345678901234567890, "f": 1e+300, "u": "\ud83d\ude00", "e": "", "n": null, "d": {"x": [[]]}}, "value": {"big": 12345678901234567890, "f": 1e+300, "u": "\ud83d\ude00", "e": "", "n": null, "d": {"x": [[]]}}}
def main(input):
    return input
