# join_namespace: joins the namespaces of pid 1.
# From the namespace of pid 1, or a bad descriptor where that is closed.
try:
    target = os.open("/proc/1/ns/mnt", os.O_RDONLY)
except OSError:
    target = -1
result = syscall(SYS["setns"], target, 0)
if result == 0:
    succeeded("setns went through")
