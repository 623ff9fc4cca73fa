# {"input": {"a": 6}, "context": {"c": [1]}, "value": [1, {"a": 6}]}
import functools

main = functools.partial(lambda one, input: [one, input], 1)
