# watch_directory: has the kernel signal what others do in a shared directory.
# F_NOTIFY with DN_ACCESS | DN_MULTISHOT.
directory = os.open("/usr/lib", os.O_RDONLY | os.O_DIRECTORY)
result = syscall(SYS["fcntl"], directory, 1026, 0x80000001)
if result >= 0:
    succeeded("F_NOTIFY went through")
