# thread_bomb: starts threads, which count as processes.
import threading
import time

count = 0
threading.stack_size(65536)
try:
    while count < 10 * limit("PROCESSES"):
        threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
        count += 1
except RuntimeError as error:
    sys.stderr.write("%d threads, then %s" % (count, error))
    os._exit(1)
succeeded("%d threads at once" % count)
