# core_limit: sets its limit of core dumps to 0, which lets the host's handler of them start.
import resource

CORE = resource.RLIMIT_CORE
zero = (ctypes.c_ulong * 2)(0, 0)
before = resource.getrlimit(CORE)
for result in (syscall(SYS["setrlimit"], CORE, zero), syscall(SYS["prlimit64"], 0, CORE, zero, None)):
    if result >= 0:
        succeeded("the limit was %s and is %s" % (before, resource.getrlimit(CORE)))
