/* init.c: pid 1 of a sandbox. See job.h. */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/record.h"
#include "identity.h"
#include "mount.h"

#define LINGER_MS 1		/* an end that comes before the launcher's answer and its reader delays both */

/* Cleared by every change of ids, so called after each; the look closes the gap before the call. getppid() says
 * 0 for a parent outside the pid namespace, hence the pidfd, which can be read as soon as the launcher has ended,
 * whether somebody has waited for it or not. */
static void death_tie(const struct birth *birth)
{
	struct pollfd life = {.fd = birth->host->life_fd, .events = POLLIN};
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		job_fail(birth->control_fd, "tying the sandbox to the launcher's life");
	if (poll(&life, 1, 0) != 0)
		_exit(1);
}

/* Only the new namespaces' init may do these, while it is still privileged. */
static void enter(const struct birth *birth)
{
	if (namespace_enter_slot(birth->namespaces, birth->namespace_count, &birth->host->setup) < 0)
		job_fail(birth->control_fd, "entering the slot's namespaces");
	const char *step = mounts_enter(birth->host, level_view(birth->level), birth->mount_fd);
	if (step)
		job_fail(birth->control_fd, step);
}

/* Beside the jobs' ids and the zygotes'. In a user namespace init keeps its launcher's: no other is mapped
 * there. */
static void renounce(const struct birth *birth)
{
	uid_t id = birth->host->setup.uid_base + host_cells(birth->host) + 1;
	if (birth->host->own_identity && identity_change(id) < 0)
		job_fail(birth->control_fd, "init's change of identity");
	if (capabilities_drop() < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		job_fail(birth->control_fd, "init's giving up of privileges");
	death_tie(birth);
}

static void close_all_but(int keep)
{
	if ((keep > 0 && close_range(0, (unsigned)keep - 1, 0) < 0) ||
			close_range((unsigned)(keep + 1), ~0u, 0) < 0)
		_exit(1);
}

/* Orphans are reparented to pid 1: reaps them all until the job's own process ends. */
static void reap_until(pid_t job, struct job_status *status)
{
	struct rusage usage;
	for (;;) {
		pid_t pid = wait4(-1, &status->wait_status, __WALL, &usage);
		if (pid == job)
			break;
		if (pid < 0 && errno != EINTR)
			_exit(1);
	}
	getrusage(RUSAGE_CHILDREN, &usage);	/* the orphans', too */
	status->cpu_us = job_cpu_us(&usage);
}

/* Only orphans come here now, which the kernel reaps for who ignores them. The launcher ends us. */
static _Noreturn void stay(void)
{
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		_exit(1);
	for (;;)
		pause();
}

/* Descriptors rather than our pidfd: joining by that takes the right to trace us. */
static void report_entered(const struct birth *birth)
{
	const struct job_report report = {.kind = JOB_ENTERED};
	int fds[JOB_ENTERED_FDS] = {open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC),
		open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)};
	if (fds[0] < 0 || fds[1] < 0)
		job_fail(birth->control_fd, "opening the sandbox's namespaces");
	if (record_send(birth->control_fd, &report, sizeof report, fds, JOB_ENTERED_FDS) < 0)
		_exit(1);
}

/* The job's process, cold: init stays out of its group. */
static _Noreturn void job_begin(const struct birth *birth)
{
	close(birth->status_fd);
	if (birth->cgroup && cgroup_join(birth->cgroup->procs_fds) < 0)
		job_fail(birth->control_fd, "joining the cgroup");
	if (namespace_enter_cgroup() < 0)
		job_fail(birth->control_fd, "a cgroup namespace");
	job_main(birth);
}

_Noreturn void init_main(const struct birth *birth)
{
	death_tie(birth);
	enter(birth);
	/* Before the job's process exists: in a user namespace both have one uid on the host. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		job_fail(birth->control_fd, "hiding init");
	if (birth->warm) {
		renounce(birth);
		report_entered(birth);
		close_all_but(-1);
		stay();
	}
	pid_t job = fork();
	if (job < 0)
		job_fail(birth->control_fd, "forking the job's process");
	if (job == 0)
		job_begin(birth);
	renounce(birth);
	close_all_but(birth->status_fd);
	struct job_status status = {0};
	reap_until(job, &status);
	if (write(birth->status_fd, &status, sizeof status) != sizeof status)
		_exit(1);
	(void)poll(NULL, 0, LINGER_MS);
	_exit(0);
}
