# environment_of_worker: finds the worker's environment in its own.
allowed = {"PATH", "HOME", "LANG", "TMPDIR", "LC_CTYPE", "PWD", "OLDPWD", "SHLVL", "_"}
for name in os.environ:
    if name not in allowed and not name.startswith(("CODE_", "BAIT_", "LIMIT_", "ATTACK_")):
        succeeded("%s is set" % name)
