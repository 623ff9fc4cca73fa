# semaphore_set: makes SysV semaphores, which outlive the job.
# semget(IPC_PRIVATE, 1); removed at once where they could be made.
result = syscall(SYS["semget"], 0, 1, 0o1600)
if result >= 0:
    syscall(SYS["semctl"], result, 0, 0, 0)
    succeeded("semaphores were made")
