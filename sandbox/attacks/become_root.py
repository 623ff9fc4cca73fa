# become_root: becomes root, or the worker's user.
for uid in (0, int(bait("UID"))):
    for change in (lambda: os.setresuid(uid, uid, uid), lambda: os.setgroups([uid]),
                   lambda: os.setresgid(uid, uid, uid)):
        try:
            change()
            succeeded("uid %d" % uid)
        except OSError:
            pass
