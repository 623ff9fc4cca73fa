# watch_file_system: watches every access to a file system.
# fanotify_init(2).
result = syscall(SYS["fanotify_init"], 0, 0)
if result >= 0:
    succeeded("fanotify_init went through")
