/* cell.c: see cell.h. */
#include "cell_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../shared/leave.h"
#include "outcome.h"

#define END_US 5000000
#define CHECK_MIN_US 5000
#define SAMPLE_US 20000
#define SAMPLED_INIT 1			/* its processes are counted with init, a group's are not */

int64_t clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

void cell_release(struct cell *cell, const struct host *host)
{
	close_fd(&cell->init_fd);
	close_fd(&cell->control_fd);
	close_fd(&cell->status_fd);
	close_fd(&cell->listener_fd);
	close_fd(&cell->mount_fd);
	close_fd(&cell->proc_fd);
	close_fd(&cell->child_control_fd);
	close_fd(&cell->child_status_fd);
	for (int i = 0; i < JOB_ENTERED_FDS; i++)
		close_fd(&cell->entered_fds[i]);
	if (cell->has_cgroup)
		cgroup_release((struct cgroups *)&host->cgroups, &cell->cgroup);
	cell->has_cgroup = false;
	cell->end_us = 0;		/* or it would be found stuck, and its zygote killed */
	cell->state = CELL_FREE;
}

static enum cell_news cell_failed(struct cell *cell, const char *step, int errnum)
{
	snprintf(cell->failed_step, sizeof cell->failed_step, "%s", step);
	cell->failed_errno = errnum;
	/* The job's own files and directory are all that is written by then. */
	cell_kill(cell, cell->state == CELL_RUNNING && errnum == ENOSPC ? CAUSE_DISK : CAUSE_FAILED);
	return CELL_HAS_FAILED;
}

enum cell_news cell_read_control(struct cell *cell)
{
	struct job_report report = {0};
	int fds[2];
	size_t count, taken = 0;
	long got = record_receive(cell->control_fd, &report, sizeof report, fds, 2, &count);
	if (got < 0 && errno == EAGAIN)
		return CELL_NO_NEWS;
	if (got == 0)
		return cell->state == CELL_RUNNING ? CELL_STARTED :
			cell_failed(cell, "the sandbox's process died", 0);
	bool whole = got == sizeof report &&
		count == (size_t)(report.has_listener != 0) + (report.has_proc != 0);
	if (got == sizeof report && report.kind == JOB_ENTERED && count == JOB_ENTERED_FDS &&
			cell->state == CELL_PREPARING && cell->child_control_fd >= 0 &&
			cell->entered_fds[0] < 0) {
		memcpy(cell->entered_fds, fds, sizeof fds);
		return CELL_ENTERED;
	}
	if (whole && report.kind == JOB_COLD && count == 0 && cell->state == CELL_RUNNING) {
		cell->warm = false;
		return CELL_NO_NEWS;
	}
	if (whole && report.kind == JOB_READY && cell->state == CELL_PREPARING) {
		cell->listener_fd = report.has_listener ? fds[taken++] : -1;
		cell->proc_fd = report.has_proc ? fds[taken++] : -1;
		cell->waits_killable = report.waits_killable;
		cell->state = CELL_READY;
		return CELL_IS_READY;
	}
	while (count > 0)
		close(fds[--count]);
	report.step[sizeof report.step - 1] = '\0';
	return cell_failed(cell, report.step, report.errnum);
}

static bool is_leaving(const struct seccomp_data *data)
{
	return LEAVE_ARCH && data->arch == LEAVE_ARCH && data->nr == SYS_exit_group &&
		data->args[1] == LEAVE_MARK;
}

/* The count holds whatever the job started: with nothing beside the process that asks, which waits
 * for us and can't be interrupted, nothing can run or fork. */
static bool leave_judge(struct cell *cell, const struct seccomp_notif *notification)
{
	struct seccomp_notif_resp go_on = {.id = notification->id,
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	cell->left = cell->state == CELL_RUNNING && cell->cause == CAUSE_NONE && cell->has_cgroup &&
		cell->waits_killable &&
		cgroup_processes(&cell->cgroup) == 1;
	cell->left_status = (int)(notification->data.args[0] & 0xff) << 8;
	if (!cell->left)
		(void)ioctl(cell->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &go_on);
	return cell->left;
}

bool cell_read_listener(struct cell *cell)
{
	struct seccomp_notif notification = {0};
	/* ENOENT: the caller was interrupted meanwhile. It made the call all the same. */
	bool told = ioctl(cell->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &notification) == 0;
	if (told && is_leaving(&notification.data))
		return leave_judge(cell, &notification);
	if (told && cell->cause == CAUSE_NONE) {
		cell->syscall_arch = notification.data.arch;
		cell->syscall_number = notification.data.nr;
	}
	cell_kill(cell, CAUSE_VIOLATION);
	return false;
}

/* A descriptor's seals and kinds are checked before a process of ours acts on them. */
static int fds_check(const struct host *host, uid_t owner, const int *fds, size_t fd_count, struct err *err)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int found = fd_count > START_PAYLOAD ? fcntl(fds[START_PAYLOAD], F_GET_SEALS) : seals;
	if (found < 0 || (found & seals) != seals)
		return err_set(err, ERR_INVALID, "the payload is not a sealed memfd");
	for (int i = 0; i < START_PAYLOAD; i++) {
		struct statfs fs;
		if (fstatfs(fds[i], &fs) < 0 || fs.f_type != PIPEFS_MAGIC)
			return err_set(err, ERR_INVALID, "stdout, stderr or the value is no pipe");
		/* or opening /dev/stdout would be EACCES */
		if (host->own_identity && fchown(fds[i], owner, owner) < 0)
			return err_system(err, "fchown of a pipe");
	}
	return 0;
}

static void clocks_start(struct cell *cell, const struct host *host)
{
	cell->started_us = clock_us();
	cell->wall_end_us = DROPPED(&host->setup, "wall_timer") ? INT64_MAX :
		cell->started_us + (int64_t)cell->limits.wall_ms * 1000;
	cell->check_us = cell->has_cgroup ?
		cell->started_us + (int64_t)cell->limits.cpu_ms * 1000 / host->processors :
		cell->started_us + SAMPLE_US;
	cell->state = CELL_RUNNING;
}

int cell_hand_over(struct cell *cell, const struct host *host, const struct record_start *start, const int *fds,
	struct err *err)
{
	const struct job_handover_head handover = {.runtime = start->runtime, .payload_size = start->payload_size,
		.limits = start->limits};
	size_t fd_count = fds ? record_start_fds(start) : 0;
	cell->limits = start->limits;
	cell->tag = start->tag;
	if (fds && fds_check(host, host->setup.uid_base + cell->index, fds, fd_count, err) < 0)
		return -1;
	if (cell_outer_set(cell, host, &start->limits, err) < 0)
		return -1;
	if (record_send_two(cell->control_fd, &handover, sizeof handover, start->payload, start->payload_size, fds,
			fd_count) < 0) {
		bool gone = errno == EPIPE || errno == ECONNRESET || errno == EBADF;
		err_system(err, "handing the job over");
		err->code = gone ? ERR_CLOSED : ERR_SYSTEM;
		return -1;
	}
	clocks_start(cell, host);
	return 0;
}

static void init_kill(struct cell *cell)
{
	if (cell->init_fd < 0)
		return;
	(void)pidfd_kill(cell->init_fd);
	if (!cell->end_us)
		cell->end_us = clock_us() + END_US;
}

void cell_kill(struct cell *cell, enum cause cause)
{
	if (cell->cause == CAUSE_NONE)
		cell->cause = cause;
	init_kill(cell);
}

bool cell_is_stuck(const struct cell *cell, int64_t now_us)
{
	return cell_is_forked(cell) && cell->end_us && now_us >= cell->end_us;
}

int64_t cell_next_check_us(const struct cell *cell)
{
	if (cell->end_us)
		return cell_is_forked(cell) ? cell->end_us : INT64_MAX;
	if (cell->state == CELL_PREPARING && cell->cause == CAUSE_NONE)
		return cell->prepare_end_us;
	if (cell->state != CELL_RUNNING || cell->cause != CAUSE_NONE)
		return INT64_MAX;
	return cell->wall_end_us < cell->check_us ? cell->wall_end_us : cell->check_us;
}

/* All processors could be busy until the next look: so soon it must be. */
static void check_cpu(struct cell *cell, const struct host *host, int64_t now_us, uint64_t used_us)
{
	int64_t left_us = (int64_t)cell->limits.cpu_ms * 1000 - (int64_t)used_us;
	if (left_us <= 0 && !DROPPED(&host->setup, "cpu_timer")) {
		cell_kill(cell, CAUSE_CPU);
		return;
	}
	int64_t wait_us = left_us / host->processors;
	cell->check_us = now_us + (wait_us < CHECK_MIN_US ? CHECK_MIN_US : wait_us);
}

static void check_samples(struct cell *cell, const struct host *host, int64_t now_us)
{
	if (sampling_take(&cell->sampling, cell->proc_fd) < 0) {
		cell->check_us = now_us + SAMPLE_US;	/* it is just ending */
		return;
	}
	const struct sampling_usage *usage = &cell->sampling.usage;
	if (usage->memory_bytes > cell->limits.memory_bytes + cell->limits.disk_bytes) {
		cell->cause_peak = usage->memory_bytes;
		cell_kill(cell, CAUSE_MEMORY);
	} else if (usage->processes > cell->limits.processes + SAMPLED_INIT) {
		cell->cause_peak = usage->processes;
		cell_kill(cell, CAUSE_PROCESSES);
	}
	check_cpu(cell, host, now_us, usage->cpu_us);
	if (cell->check_us > now_us + SAMPLE_US)
		cell->check_us = now_us + SAMPLE_US;
}

void cell_check(struct cell *cell, const struct host *host, int64_t now_us)
{
	if (cell->state == CELL_PREPARING && cell->cause == CAUSE_NONE &&
			now_us >= cell->prepare_end_us)
		(void)cell_failed(cell, "making the sandbox", ETIMEDOUT);
	if (cell->end_us)
		return;
	if (cell->state != CELL_RUNNING || cell->cause != CAUSE_NONE)
		return;
	if (now_us >= cell->wall_end_us) {
		cell_kill(cell, CAUSE_TIMEOUT);
	} else if (now_us >= cell->check_us && !cell->has_cgroup) {
		check_samples(cell, host, now_us);
	} else if (now_us >= cell->check_us) {
		uint64_t cpu_us;
		if (cgroup_cpu_us(&cell->cgroup, &cpu_us) < 0)
			cell->check_us = now_us + CHECK_MIN_US;
		else
			check_cpu(cell, host, now_us, cpu_us);
	}
}

/* Read when no process can run any more. A link, a pipe or a device is not followed or opened. */
static int output_open(const struct cell *cell, const struct host *host, bool *irregular)
{
	struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV |
			RESOLVE_NO_MAGICLINKS};
	struct stat st;
	*irregular = false;
	if (DROPPED(&host->setup, "value_nofollow"))
		how = (struct open_how){.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC};
	else if (fstatat(cell->mount_fd, "output.json", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	else if (!S_ISREG(st.st_mode)) {
		*irregular = true;
		return -1;
	}
	return (int)syscall(SYS_openat2, cell->mount_fd, "output.json", &how, sizeof how);
}

static void evidence_of_group(const struct cell *cell, struct evidence *evidence)
{
	if (!cell->has_cgroup || cgroup_usage(&cell->cgroup, &evidence->usage) < 0)
		return;
	evidence->cpu_ms = evidence->usage.cpu_us / 1000;
	if (!evidence->has_status || evidence->status != 0)
		cgroup_denials(&cell->cgroup, &evidence->usage);
}

static void evidence_gather(struct cell *cell, struct evidence *evidence)
{
	struct job_status status = {0};
	struct statfs fs;
	bool told = !cell->left && read(cell->status_fd, &status, sizeof status) == sizeof status;
	evidence->has_status = told || cell->left;
	evidence->status = cell->left ? cell->left_status : status.wait_status;
	if (told)
		evidence->cpu_ms = status.cpu_us / 1000;
	evidence_of_group(cell, evidence);
	evidence->sampled = cell->sampling.usage;
	if (evidence->cpu_ms < evidence->sampled.cpu_us / 1000)
		evidence->cpu_ms = evidence->sampled.cpu_us / 1000;
	if (fstatfs(cell->mount_fd, &fs) == 0) {
		evidence->disk_full = fs.f_bavail == 0 || fs.f_ffree == 0;
		evidence->disk_used = (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
	}
}

static void outcome_describe(const struct cell *cell, struct record_outcome *outcome)
{
	outcome->header = (struct record_header){RECORD_MAGIC, RECORD_OUTCOME};
	outcome->tag = cell->tag;
	outcome->level = cell->level;
	outcome->warm = cell->warm;
	outcome->mechanisms = cell->mechanisms;
	outcome->created_at_ms = cell->created_at_ms;
	outcome->limits = cell->limits;
	snprintf(outcome->sandbox_id, sizeof outcome->sandbox_id, "%llx-%u-%llu",
		(unsigned long long)cell->created_at_ms, cell->index,
		(unsigned long long)cell->serial);
}

static void judge(struct cell *cell, const struct host *host, struct evidence *evidence,
	struct record_outcome *outcome, int *output_fd)
{
	bool irregular = false;
	*outcome = (struct record_outcome){0};
	*output_fd = -1;
	evidence_gather(cell, evidence);
	outcome_describe(cell, outcome);
	outcome_judge(cell, evidence, clock_us(), outcome);
	if (outcome->verdict == SANDBOX_EXITED && outcome->exit_code == 0)
		*output_fd = output_open(cell, host, &irregular);
	outcome->has_output = *output_fd >= 0;
	if (irregular) {
		outcome->verdict = SANDBOX_OUTPUT_INVALID;
		snprintf(outcome->reason, sizeof outcome->reason,
			"CODE_OUTPUT is not a regular file");
	}
}

/* The count holds whatever the job's process left, and where nothing is left nothing can fork any more. */
static bool nothing_left(const struct cell *cell)
{
	if (cell->left || !cell->has_cgroup)
		return cell->left;
	return cgroup_processes(&cell->cgroup) == 0;
}

bool cell_finish(struct cell *cell, const struct host *host, struct record_outcome *outcome, int *output_fd)
{
	struct evidence evidence = {0};
	bool ended = cell->state == CELL_RUNNING && nothing_left(cell);
	if (ended) {
		judge(cell, host, &evidence, outcome, output_fd);
		cell->state = CELL_ENDING;
	}
	return ended;
}

void cell_dismiss(struct cell *cell)
{
	init_kill(cell);		/* no cause: the job has ended by itself */
}

bool cell_end(struct cell *cell, const struct host *host, struct record_outcome *outcome,
	int *output_fd)
{
	struct rusage usage = {0};
	while (wait4(cell->init, NULL, __WALL, &usage) < 0 && errno == EINTR)
		continue;
	if (cell->state != CELL_RUNNING)
		return false;
	struct evidence evidence = {.cpu_ms = job_cpu_us(&usage) / 1000};
	judge(cell, host, &evidence, outcome, output_fd);
	return true;
}
