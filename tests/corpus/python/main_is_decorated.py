# {"input": {"a": 6}, "context": {"c": [1]}, "value": 7}
import functools


def plus_one(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments) + 1
    return wrapper


@plus_one
def main(input):
    return input["a"]
