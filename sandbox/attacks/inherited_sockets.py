# inherited_sockets: finds the launcher's socket among its descriptors.
for name in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink("/proc/self/fd/" + name)
    except OSError:
        continue
    if target.startswith("socket:") or "memfd" in target or target.startswith("anon_inode"):
        succeeded("descriptor %s is %s" % (name, target))
