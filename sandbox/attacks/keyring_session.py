# keyring_session: joins or makes a session keyring.
# KEYCTL_JOIN_SESSION_KEYRING.
result = syscall(SYS["keyctl"], 1, b"attack")
if result >= 0:
    succeeded("keyctl went through")
