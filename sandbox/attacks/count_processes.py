# count_processes: sees processes that are neither init nor its own.
pids = [name for name in os.listdir("/proc") if name.isdigit()]
if len(pids) > 2:
    succeeded("%d processes are visible" % len(pids))
