# core_dump: dies of SIGSEGV to leave a core dump or to start the host's handler of them.
import resource
import signal

hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
if hard not in (0, 1):
    succeeded("core dumps may have %d bytes" % hard)
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), signal.SIGSEGV)
    os._exit(0)
status = os.waitpid(pid, 0)[1]
if os.WCOREDUMP(status):
    succeeded("core dumped")
