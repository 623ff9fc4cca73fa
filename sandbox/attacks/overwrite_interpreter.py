# overwrite_interpreter: overwrites the program that runs it, for the next job.
# As in the escape from runc: through /proc/self/exe, of itself and of pid 1. Opened, not written.
for path in ("/proc/self/exe", "/proc/1/exe", sys.executable, "/.codesandbox/run.py"):
    try:
        os.open(path, os.O_WRONLY)
        succeeded("%s opens for writing" % path)
    except OSError:
        pass
