/* host.h: what the launcher knows of this machine and holds for all sandboxes.
 *
 * Filled once at the start, read-only from then on (cgroups keep their own counters). Every
 * sandbox's processes inherit it by fork and see the same facts.
 */
#ifndef LAUNCHER_HOST_H
#define LAUNCHER_HOST_H

#include <sys/types.h>

#include "../shared/setup.h"
#include "cgroup.h"

/* The two views of the file system that a sandbox can have. */
enum view { VIEW_HOST, VIEW_SYSTEM, VIEWS };

struct host {
	struct setup setup;
	bool user_namespace;		/* the launcher is root in a user namespace of its own */
	bool own_identity;		/* jobs get a host uid of their own */
	bool have_cgroup;
	char no_cgroup_reason[256];
	struct cgroups cgroups;
	int landlock_abi;		/* 0: none */
	bool core_piped;		/* core_pattern starts a handler */
	long processors;
	int view_ns[VIEWS];		/* mount namespaces to copy, -1: could not be made */
	char view_error[VIEWS][200];
	int life_fd;			/* the launcher's pidfd: readable once it is gone */
};

static inline enum view level_view(enum sandbox_level level)
{
	return level == SANDBOX_NONE ? VIEW_HOST : VIEW_SYSTEM;
}

/* Sandboxes at once: those that run and those that wait ready. Each has a uid of its own. */
static inline unsigned host_cells(const struct host *host)
{
	return host->setup.slots + host->setup.pool;
}

/* What a sandbox of this level has here, as bits of sandbox_mechanism. */
uint32_t host_mechanisms(const struct host *host, enum sandbox_level level);

/* Looks around and makes what all sandboxes share. Returns 0, or -1 where nothing can work at all;
 * what only some levels lack shows in their self-test. */
int host_open(struct host *host, struct err *err);
void host_close(struct host *host);

#endif
