# keyring: stores a key, which outlives the job.
# add_key(2) to the user's session keyring.
result = syscall(SYS["add_key"], b"user", b"attack", b"x", 1, -4)
if result >= 0:
    succeeded("add_key went through")
