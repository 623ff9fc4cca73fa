# climb_out: climbs out by .., /proc/self/root, /proc/self/cwd and descriptors of the root.
hidden = bait("HIDDEN").lstrip("/")
root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
os.chdir("/")
for _ in range(20):
    os.chdir("..")
starts = ["", "/proc/self/root/", "/proc/self/cwd/", "/proc/self/task/%d/root/" % os.getpid(),
          "/proc/1/root/", "/proc/1/cwd/", "../" * 40, "/proc/self/fd/%d/../" % root,
          "/proc/thread-self/root/"]
for start in starts:
    if os.path.exists(start + hidden):
        succeeded("the host's root by %r" % start)
