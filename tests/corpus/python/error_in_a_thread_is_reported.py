# {"exit": 0, "err": "Exception in thread .*line 6, in broken\\n.*ZeroDivisionError"}
import threading


def broken():
    1 / 0


thread = threading.Thread(target=broken)
thread.start()
thread.join()
