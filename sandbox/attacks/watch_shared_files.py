# watch_shared_files: sees what other jobs do to shared files.
# inotify on /usr/lib: other jobs' interpreters start there.

result = syscall(SYS["inotify_init1"], 0)
if result >= 0:
    succeeded("inotify_init1 went through")
