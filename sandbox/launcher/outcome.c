/* outcome.c: see outcome.h. A kill of ours was noted before its signal was sent and comes first.
 * Else the job's own end counts; a job that failed after the kernel had denied it something failed
 * of that limit. One that coped and exited with 0 succeeded. */
#include "outcome.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static void limit_hit(struct record_outcome *outcome, enum sandbox_limit limit, uint64_t value,
	uint64_t peak, bool sampled)
{
	outcome->verdict = SANDBOX_LIMIT;
	outcome->limit = limit;
	outcome->limit_value = value;
	outcome->limit_peak = peak;
	outcome->sampled = sampled;
}

static uint64_t memory_peak(const struct cell *cell, const struct evidence *evidence)
{
	if (!cell->has_cgroup)
		return evidence->sampled.memory_peak_bytes;
	uint64_t peak = evidence->usage.memory_peak_bytes;
	return peak > evidence->disk_used ? peak - evidence->disk_used : 0;
}

static uint64_t processes_peak(const struct cell *cell, const struct evidence *evidence)
{
	uint64_t peak = cell->has_cgroup ? evidence->usage.pids_peak
					 : evidence->sampled.processes_peak;
	return peak > 0 ? peak : 1;
}

/* The kernel counts a fork that a group further up denies as one of ours, so the job's own number must have
 * reached its limit. */
static bool processes_denied(const struct cell *cell, const struct evidence *evidence)
{
	const struct cgroup_usage *usage = &evidence->usage;
	return usage->pids_denied > 0 &&
		(usage->pids_peak == 0 || usage->pids_peak >= cell->limits.processes);
}

/* A limit that the kernel says it enforced on this job's own group. */
static bool evidence_of_limit(const struct cell *cell, const struct evidence *evidence,
	struct record_outcome *outcome)
{
	const struct sandbox_limits *limits = &cell->limits;
	if (evidence->usage.oom_kills > 0 && evidence->usage.memory_limit_hit) {
		limit_hit(outcome, SANDBOX_LIMIT_MEMORY, limits->memory_bytes,
			memory_peak(cell, evidence), false);
		return true;
	}
	if (processes_denied(cell, evidence)) {
		limit_hit(outcome, SANDBOX_LIMIT_PROCESSES, limits->processes, evidence->usage.pids_peak ?
			evidence->usage.pids_peak : limits->processes, false);
		return true;
	}
	if (evidence->disk_full) {
		limit_hit(outcome, SANDBOX_LIMIT_DISK, limits->disk_bytes, limits->disk_bytes,
			false);
		return true;
	}
	if (evidence->cpu_ms >= limits->cpu_ms) {
		limit_hit(outcome, SANDBOX_LIMIT_CPU, limits->cpu_ms, evidence->cpu_ms, false);
		return true;
	}
	return false;
}

static void judge_status(const struct cell *cell, const struct evidence *evidence,
	struct record_outcome *outcome)
{
	int status = evidence->status;
	if (WIFEXITED(status))
		outcome->exit_code = WEXITSTATUS(status);
	else
		outcome->signal = WTERMSIG(status);
	if (outcome->exit_code == 0) {
		outcome->verdict = SANDBOX_EXITED;
		return;
	}
	if (evidence_of_limit(cell, evidence, outcome))
		return;
	outcome->verdict = WIFEXITED(status) ? SANDBOX_EXITED : SANDBOX_SIGNALED;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && evidence->usage.oom_kills > 0)
		outcome->verdict = SANDBOX_KILLED_OUTSIDE;
}

static void judge_cause(const struct cell *cell, const struct evidence *evidence, int64_t now_us,
	struct record_outcome *outcome)
{
	const struct sandbox_limits *limits = &cell->limits;
	switch (cell->cause) {
	case CAUSE_TIMEOUT:
		outcome->verdict = SANDBOX_TIMEOUT;
		outcome->limit_value = limits->wall_ms;
		outcome->limit_peak = (uint64_t)(now_us - cell->started_us) / 1000;
		break;
	case CAUSE_CPU:
		limit_hit(outcome, SANDBOX_LIMIT_CPU, limits->cpu_ms,
			evidence->cpu_ms > limits->cpu_ms ? evidence->cpu_ms : limits->cpu_ms,
			!cell->has_cgroup);
		break;
	case CAUSE_MEMORY:
		limit_hit(outcome, SANDBOX_LIMIT_MEMORY, limits->memory_bytes, cell->cause_peak, true);
		break;
	case CAUSE_PROCESSES:
		limit_hit(outcome, SANDBOX_LIMIT_PROCESSES, limits->processes, cell->cause_peak, true);
		break;
	case CAUSE_VIOLATION:
		outcome->verdict = SANDBOX_VIOLATION;
		outcome->syscall_arch = cell->syscall_arch;
		outcome->syscall_number = cell->syscall_number;
		break;
	case CAUSE_DISK:
		limit_hit(outcome, SANDBOX_LIMIT_DISK, limits->disk_bytes, limits->disk_bytes, false);
		break;
	case CAUSE_KILLED:
		outcome->verdict = SANDBOX_KILLED;
		break;
	case CAUSE_LEASE:
		outcome->verdict = SANDBOX_KILLED;
		snprintf(outcome->reason, sizeof outcome->reason, "%s", LEASE_REASON);
		break;
	case CAUSE_FAILED:
	case CAUSE_NONE:
		outcome->verdict = SANDBOX_FAILED;
		snprintf(outcome->reason, sizeof outcome->reason, "%s: %s",
			cell->failed_step[0] ? cell->failed_step : "the sandbox died",
			strerror(cell->failed_errno));
		break;
	}
}

void outcome_judge(const struct cell *cell, const struct evidence *evidence, int64_t now_us,
	struct record_outcome *outcome)
{
	outcome->exit_code = -1;
	outcome->wall_ms = (uint64_t)(now_us - cell->started_us) / 1000;
	outcome->cpu_ms = evidence->cpu_ms;
	outcome->memory_peak_bytes = memory_peak(cell, evidence);
	outcome->processes_peak = processes_peak(cell, evidence);
	if (cell->cause != CAUSE_NONE) {
		judge_cause(cell, evidence, now_us, outcome);
	} else if (evidence->has_status) {
		judge_status(cell, evidence, outcome);
	} else {
		/* init was killed, and not by us: by the host's OOM killer, or by hand. */
		outcome->signal = SIGKILL;
		if (!evidence_of_limit(cell, evidence, outcome))
			outcome->verdict = SANDBOX_KILLED_OUTSIDE;
	}
}
