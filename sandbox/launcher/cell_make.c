/* cell_make.c: making one sandbox: what it owns outside and the limits there, its init, a zygote's fork. */
#include "cell_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mount.h"

#define PREPARE_US 10000000

static int64_t wall_clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static void cell_reset(struct cell *cell, const struct host *host, enum sandbox_level level,
	int runtime, uint64_t serial)
{
	struct cell fresh = {.index = cell->index, .slot_made = cell->slot_made,
		.state = CELL_PREPARING, .level = level, .runtime = runtime,
		.zygote = -1, .warm = runtime >= 0, .serial = serial, .init_fd = -1, .control_fd = -1,
		.status_fd = -1, .listener_fd = -1, .mount_fd = -1, .proc_fd = -1,
		.child_control_fd = -1, .child_status_fd = -1, .entered_fds = {-1, -1},
		.created_at_ms = wall_clock_ms(), .check_us = INT64_MAX,
		.prepare_end_us = clock_us() + PREPARE_US, .wall_end_us = INT64_MAX};
	memcpy(fresh.namespaces, cell->namespaces, sizeof fresh.namespaces);
	fresh.mechanisms = host_mechanisms(host, level);
	*cell = fresh;
}

static int slot_ensure(struct cell *cell, struct err *err)
{
	if (cell->slot_made)
		return 0;
	if (namespace_make_slot(cell->namespaces, err) < 0)
		return -1;
	cell->slot_made = true;
	return 0;
}

static int cgroup_ensure(struct cell *cell, const struct host *host, struct err *err)
{
	if (!host->have_cgroup)
		return 0;
	if (cgroup_acquire((struct cgroups *)&host->cgroups, (unsigned)cell->serial, &cell->cgroup,
			err) < 0)
		return -1;
	cell->has_cgroup = true;
	return 0;
}

/* raw clone3 without a stack: like fork, with the pid namespace and a pidfd. */
static pid_t init_clone(const struct host *host, int *pidfd)
{
	struct clone_args args = {.flags = CLONE_PIDFD | CLONE_NEWPID,
		.pidfd = (uint64_t)(uintptr_t)pidfd, .exit_signal = SIGCHLD};
	if (DROPPED(&host->setup, "pid_namespace"))
		args.flags &= ~(uint64_t)CLONE_NEWPID;
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static int birth_give(struct cell *cell, const struct host *host, uint32_t cold_runtime, struct err *err)
{
	int control[2], status[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		return err_system(err, "socketpair");
	/* non-blocking: a job's parent that lives on and says nothing must not stop the launcher */
	if (pipe2(status, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(control[0]);
		close(control[1]);
		return err_system(err, "pipe");
	}
	cell->control_fd = control[0];
	cell->status_fd = status[0];
	struct birth birth = {.host = host, .level = cell->level, .warm = cell->warm,
		.extension = host->setup.runtimes[cold_runtime].extension,
		.id = host->setup.uid_base + cell->index, .mount_fd = cell->mount_fd,
		.namespaces = cell->namespaces, .namespace_count = level_namespaces(cell->level),
		.cgroup = cell->has_cgroup && !DROPPED(&host->setup, "cgroup") ? &cell->cgroup : NULL,
		.control_fd = control[1], .status_fd = status[1]};
	int init_fd = -1;
	cell->init = init_clone(host, &init_fd);
	if (cell->init == 0)
		init_main(&birth);
	if (cell->warm) {
		cell->child_control_fd = control[1];
		cell->child_status_fd = status[1];
	} else {
		close(control[1]);
		close(status[1]);
	}
	if (cell->init < 0)
		return err_system(err, "clone3 with a pid namespace");
	cell->init_fd = init_fd;
	if (fcntl(cell->status_fd, F_SETFL, O_NONBLOCK) < 0)	/* a zygote that hangs holds nobody up */
		return -1;
	return fcntl(cell->control_fd, F_SETFL, O_NONBLOCK);
}

/* What the sandbox has already is left: jobs of a kind mostly have the same limits. */
int cell_outer_set(struct cell *cell, const struct host *host, const struct sandbox_limits *limits,
	struct err *err)
{
	uint64_t memory_bytes = DROPPED(&host->setup, "cgroup_memory") ? 1ull << 40 :
		limits->memory_bytes + limits->disk_bytes;
	uint64_t processes = DROPPED(&host->setup, "cgroup_pids") ? 100000 : limits->processes;
	if (limits->disk_bytes != cell->disk_bytes &&
			job_files_resize(host, cell->mount_fd, limits->disk_bytes, err) < 0)
		return -1;
	cell->disk_bytes = limits->disk_bytes;
	return cell->has_cgroup ? cgroup_limit(&host->cgroups, &cell->cgroup, memory_bytes, processes, err) : 0;
}

int cell_prepare(struct cell *cell, const struct host *host, enum sandbox_level level, int runtime,
	uint64_t serial, const struct expected *expected, struct err *err)
{
	uid_t owner = host->own_identity ? host->setup.uid_base + cell->index : 0;
	cell_reset(cell, host, level, runtime, serial);
	cell->mount_fd = job_files_make(host, owner, expected->limits.disk_bytes, err);
	cell->disk_bytes = expected->limits.disk_bytes;
	if (cell->mount_fd < 0 || cgroup_ensure(cell, host, err) < 0 ||
			cell_outer_set(cell, host, &expected->limits, err) < 0 ||
			(level_namespaces(level) > 0 && slot_ensure(cell, err) < 0) ||
			birth_give(cell, host, expected->cold_runtime, err) < 0) {
		cell_release(cell, host);
		return -1;
	}
	return 0;
}

int cell_fork(struct cell *cell, const struct host *host, struct zygote *zygote, bool idle)
{
	bool grouped = cell->has_cgroup && !DROPPED(&host->setup, "cgroup");
	const struct zygote_fork request = {.level = cell->level,
		.id = host->setup.uid_base + cell->index, .grouped = grouped,
		.slotted = level_namespaces(cell->level), .idle = idle};
	int fds[ZYGOTE_FDS] = {cell->child_control_fd, cell->child_status_fd,
		cell->entered_fds[0], cell->entered_fds[1]};
	size_t count = ZYGOTE_MORE;
	for (uint32_t i = 0; i < request.slotted; i++)
		fds[count++] = cell->namespaces[i];
	for (uint32_t i = 0; grouped && i < CGROUP_CONTROLLERS; i++)
		fds[count++] = cell->cgroup.procs_fds[i];
	int result = zygote_fork(zygote, &request, fds, count), saved = errno;
	close_fd(&cell->child_control_fd);
	close_fd(&cell->child_status_fd);
	for (int i = 0; i < JOB_ENTERED_FDS; i++)
		close_fd(&cell->entered_fds[i]);
	errno = saved;
	return result;
}
