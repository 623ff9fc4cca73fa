# process_accounting: writes a record of every process of the machine.
# acct(2) to a file of its own.
result = syscall(SYS["acct"], b"/job/work/none")
if result == 0 or result == -errno.ENOENT:
    succeeded("acct went through")
