/* rlimit.h: getrlimit(2). What a process may have, whatever cgroups say. */
#ifndef LAUNCHER_RLIMIT_H
#define LAUNCHER_RLIMIT_H

#include "host.h"

/* At lockdown: what is the same for every job. core_piped: refuse to go on when the handler of
 * core dumps could be started. 0, or -1 with errno. */
int rlimit_fixed(const struct host *host);

/* At hand-over: what this job asked for, where a runtime of that kind can run. Only ever lowers. */
int rlimit_job(const struct host *host, const struct sandbox_limits *limits, enum sandbox_runtime_kind kind);

#endif
