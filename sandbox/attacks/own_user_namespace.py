# own_user_namespace: gets all capabilities in a user namespace of its own.
# CLONE_NEWUSER: the entrance to most kernel bugs of the last years.
result = syscall(SYS["unshare"], 0x10000000)
if result >= 0:
    succeeded("unshare went through")
