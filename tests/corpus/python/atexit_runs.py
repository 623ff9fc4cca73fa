# {"out": "main\nat exit\n", "value": 1}
import atexit

atexit.register(print, "at exit")


def main():
    print("main")
    return 1
