# write_limits: raises its own hard limits.
import resource

for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE, resource.RLIMIT_CPU):
    soft, hard = resource.getrlimit(kind)
    try:
        if hard != resource.RLIM_INFINITY:
            resource.setrlimit(kind, (hard + 1, hard + 1))
            succeeded("a hard limit was raised")
    except (ValueError, OSError):
        pass
