# rename_host: renames the machine for the slot's next job.
# Denied by the filter, by the lack of capabilities and confined by the namespace.
if syscall(SYS["sethostname"], b"attack", 6) == 0 or os.uname().nodename == "attack":
    succeeded("the host's name was set")
