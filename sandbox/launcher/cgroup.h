/* cgroup.h: cgroups(7), version 1: memory, pids and cpuacct, all three or none.
 *
 * Groups stand below the launcher's own place in each hierarchy: codesandbox-INSTANCE/SERIAL. Moving a
 * process into one may wait for a grace period: the job's process joins by itself, before it waits in the
 * pool, and init never does: what a group counts is the job's.
 *
 * Making and removing groups is the largest part of what a sandbox costs. So a released one waits, and in each
 * hierarchy serves another sandbox where it shows nothing of the first: no process, no count that can't be
 * set back, and of memory (page cache and the like stay charged) at most 1 MiB. Else a new one takes its place.
 */
#ifndef LAUNCHER_CGROUP_H
#define LAUNCHER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "../err.h"

enum cgroup_controller { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_CONTROLLERS };

#define CGROUP_SWEEP_MAX 192
#define CGROUP_SPARE_MAX 64

/* What a job's end asks for: opened when the group is made, since opening takes most of the time. */
enum cgroup_counter { CGROUP_PROCESSES, CGROUP_PROCESSES_PEAK, CGROUP_MEMORY_PEAK, CGROUP_CPU_TIME,
	CGROUP_COUNTERS };

/* A directory: controller is an enum cgroup_controller, serial its name. */
struct cgroup_part {
	unsigned controller, serial;
};

struct cgroup {
	unsigned serials[CGROUP_CONTROLLERS];	/* its directories' names */
	int directory_fds[CGROUP_CONTROLLERS];	/* -1: there is none */
	int procs_fds[CGROUP_CONTROLLERS];	/* cgroup.procs, for cgroup_join */
	int counter_fds[CGROUP_COUNTERS];	/* -1: the kernel has none */
	uint64_t memory_bytes, processes;	/* limits that hold now; 0: none */
};

struct cgroups {
	char parents[CGROUP_CONTROLLERS][512];	/* paths of our own groups */
	bool memsw;				/* memory.memsw: swap is limited too */
	struct cgroup spares[CGROUP_SPARE_MAX];	/* released ones, the oldest first */
	unsigned spare_count;
	struct cgroup_part busy[CGROUP_SWEEP_MAX];	/* that could not be removed yet */
	unsigned busy_count;
	int sweeper_fd;				/* takes parts to remove; -1: there is none */
	int sweeper;				/* its process id */
};

struct cgroup_usage {
	uint64_t cpu_us;
	uint64_t memory_peak_bytes;
	uint64_t pids_peak;			/* 0 where the kernel keeps none */
	uint64_t oom_kills;			/* from here on: cgroup_denials */
	bool memory_limit_hit;			/* the group's own limit, not the host's */
	uint64_t pids_denied;
};

/* Where cgroups_open would make our own groups; "" where it can't. */
void cgroups_places(const char *instance, char places[CGROUP_CONTROLLERS][512]);

/* A process that removes groups, since each takes the kernel a while: it is left to it from now on, where it can
 * be had. It ends with the caller, or in cgroups_close. */
void cgroups_sweeper_start(struct cgroups *cgroups);

/* Finds the hierarchies, makes our own group in each, and tries by effect that limits hold a child.
 * Returns 0, or -1 with err set: ERR_UNAVAILABLE, ERR_SYSTEM; nothing is left then. */
int cgroups_open(struct cgroups *cgroups, const char *instance, struct err *err);

/* Ends what is still in our groups and removes them. */
void cgroups_close(struct cgroups *cgroups);

/* Ends and removes the groups of a dead instance below one of its places; any other path is left alone. 0
 * when nothing of it is left. */
int cgroups_clear_leftovers(const char *instance, const char *path);

/* Tries again to remove what was still busy; cheap when there is nothing. */
void cgroups_sweep(struct cgroups *cgroups);

/* A group without processes, as good as new (above): serial, which no other group has had, names what is new. 0, or
 * -1 with err. */
int cgroup_acquire(struct cgroups *cgroups, unsigned serial, struct cgroup *cgroup, struct err *err);

/* Once its processes are dead: for another sandbox, or to be removed. */
void cgroup_release(struct cgroups *cgroups, struct cgroup *cgroup);

/* Moves the calling process into the group; called by the job's. procs_fds: opened by who may move processes.
 * 0, or -1 with errno. */
static inline int cgroup_join(const int procs_fds[CGROUP_CONTROLLERS])
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (write(procs_fds[i], "0", 1) != 1)
			return -1;
	return 0;
}

/* memory_bytes: with swap. processes: threads counted. May be called again. */
int cgroup_limit(const struct cgroups *cgroups, struct cgroup *cgroup, uint64_t memory_bytes, uint64_t processes,
	struct err *err);

/* 0, or -1 with errno. */
int cgroup_cpu_us(const struct cgroup *cgroup, uint64_t *cpu_us);
int cgroup_usage(const struct cgroup *cgroup, struct cgroup_usage *usage);

/* Adds what the kernel denied; a job that succeeded needs no such evidence. */
void cgroup_denials(const struct cgroup *cgroup, struct cgroup_usage *usage);

/* How many processes and threads are in the group now, those that nobody has waited for too; -1 with errno. */
int cgroup_processes(const struct cgroup *cgroup);

#endif
