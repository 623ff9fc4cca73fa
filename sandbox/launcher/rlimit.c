/* rlimit.c: see rlimit.h. */
#include "rlimit.h"

#include <sys/resource.h>

#define RESERVED_BYTES (128ull << 20)	/* by an interpreter, and not touched */
#define V8_CODE_BYTES (512ull << 20)	/* by each isolate of V8 for its code, writable since Node 24 */
#define V8_ISOLATES 5			/* the main thread and four workers */

static int lower(int resource, rlim_t value)
{
	struct rlimit limit;
	if (getrlimit(resource, &limit) < 0)
		return -1;
	if (limit.rlim_max < value)
		value = limit.rlim_max;
	limit.rlim_cur = limit.rlim_max = value;
	return setrlimit(resource, &limit);
}

/* A limit of 0 bytes does not stop a piped handler, a limit of 1 does (core(5), do_coredump). */
static int no_core(const struct host *host)
{
	struct rlimit one = {1, 1};
	if (setrlimit(RLIMIT_CORE, &one) == 0)
		return 0;
	return host->core_piped ? -1 : lower(RLIMIT_CORE, 0);
}

int rlimit_fixed(const struct host *host)
{
	if (!DROPPED(&host->setup, "rlimit_core") && no_core(host) < 0)
		return -1;
	if (lower(RLIMIT_MEMLOCK, 8 << 20) < 0 || lower(RLIMIT_MSGQUEUE, 0) < 0)
		return -1;
	if (lower(RLIMIT_NICE, 0) < 0 || lower(RLIMIT_RTPRIO, 0) < 0)
		return -1;
	return lower(RLIMIT_SIGPENDING, 1024);
}

static uint64_t reserved_bytes(enum sandbox_runtime_kind kind)
{
	return RESERVED_BYTES + (kind == SANDBOX_RUNTIME_NODE ? V8_ISOLATES * V8_CODE_BYTES : 0);
}

/* Without a memory cgroup a process may map private memory up to its limit, beside what its interpreter
 * reserves; sampling ends the job whose processes together go beyond. */
static int without_cgroup(const struct host *host, const struct sandbox_limits *limits,
	enum sandbox_runtime_kind kind)
{
	if (!DROPPED(&host->setup, "rlimit_data") &&
			lower(RLIMIT_DATA, limits->memory_bytes + reserved_bytes(kind)) < 0)
		return -1;
	if (!host->own_identity && !host->user_namespace)
		return 0;
	return lower(RLIMIT_NPROC, limits->processes);
}

int rlimit_job(const struct host *host, const struct sandbox_limits *limits, enum sandbox_runtime_kind kind)
{
	/* A second above the job's own limit: the launcher's count of all processes comes first. */
	if (lower(RLIMIT_CPU, limits->cpu_ms / 1000 + 2) < 0)
		return -1;
	if (!DROPPED(&host->setup, "rlimit_nofile") &&
			lower(RLIMIT_NOFILE, limits->open_files) < 0)
		return -1;
	return host->have_cgroup ? 0 : without_cgroup(host, limits, kind);
}
