# message_queue: makes a POSIX message queue, which outlives the job.
# mq_open(2); removed at once where it could be made.
result = syscall(SYS["mq_open"], b"attack", os.O_CREAT | os.O_RDWR, 0o600, None)
if result >= 0:
    syscall(SYS["mq_unlink"], b"attack")
    succeeded("a queue was made")
