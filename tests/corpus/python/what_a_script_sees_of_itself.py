# {"out": "['/job/script.py'] __main__ /job/script.py None\n"}
import sys

print(sys.argv, __name__, __file__, __package__)
assert sys.modules["__main__"].__dict__ is globals()
assert __builtins__ is sys.modules["builtins"]
