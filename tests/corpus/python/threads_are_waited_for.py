# {"out": "late\n", "value": 1}
import threading
import time

threading.Thread(target=lambda: (time.sleep(0.1), print("late"))).start()


def main():
    return 1
