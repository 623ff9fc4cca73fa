# memory_children: spreads memory over children, each of them below the limit.
# Six children hold 0.6 times the limit each, all at once.
size = limit("MEMORY") * 6 // 10
ready, children = os.pipe(), []
for _ in range(6):
    pid = os.fork()
    if pid == 0:
        held = bytearray(b"x" * size)
        os.write(ready[1], b"r")
        os.read(0, 1)
        import time

        time.sleep(2)
        os._exit(len(held) and 0)
    children.append(pid)
status = [os.waitpid(pid, 0)[1] for pid in children]
if not any(status):
    succeeded("%d MiB in six children" % (6 * size >> 20))
sys.exit("children ended with %s" % status)
