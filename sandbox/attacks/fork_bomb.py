# fork_bomb: forks up to ten times its limit of processes.
# 320 processes at most, gone after two seconds.
import time

count = 0
try:
    while count < 10 * limit("PROCESSES"):
        if os.fork() == 0:
            time.sleep(2)
            os._exit(0)
        count += 1
except OSError as error:
    sys.exit("%d processes, then %s" % (count, error))
succeeded("%d processes at once" % count)
