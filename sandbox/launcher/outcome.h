/* outcome.h: who ended a job, and why, from the kernel's evidence. */
#ifndef LAUNCHER_OUTCOME_H
#define LAUNCHER_OUTCOME_H

#include "cell.h"

#define LEASE_REASON "the caller was not heard of in time"

/* What is known of a sandbox after its last process is dead. */
struct evidence {
	bool has_status;		/* init told how the job's process ended */
	int status;			/* wait status */
	struct cgroup_usage usage;	/* of the group; zeros without one */
	struct sampling_usage sampled;	/* zeros with one */
	bool disk_full;			/* no free block or inode on the job's tmpfs */
	uint64_t disk_used;
	uint64_t cpu_ms;		/* from the group, or init's rusage */
};

/* Fills verdict, exit code, signal, limit, peaks and usage. Pure. */
void outcome_judge(const struct cell *cell, const struct evidence *evidence, int64_t now_us,
	struct record_outcome *outcome);

#endif
