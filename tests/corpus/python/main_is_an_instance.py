# {"input": {"a": 6}, "context": {"c": [1]}, "value": 6}
class Main:
    def __call__(self, input):
        return input["a"]


main = Main()
