# shared_segment: makes a SysV segment, which outlives the job.
# shmget(IPC_PRIVATE); removed at once where it could be made.
result = syscall(SYS["shmget"], 0, 4096, 0o1600)
if result >= 0:
    syscall(SYS["shmctl"], result, 0, None)
    succeeded("a segment was made")
