/* init.c: pid 1 of a sandbox. See job.h. */
#include "job.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/record.h"
#include "identity.h"
#include "mount.h"

#define INIT_ID 65534

_Noreturn void job_fail(int control_fd, const char *step)
{
	struct job_report report = {.errnum = errno};
	snprintf(report.step, sizeof report.step, "%s", step);
	(void)record_send(control_fd, &report, sizeof report, NULL, 0);
	_exit(1);
}

/* Cleared by every change of ids, so called after each; the second look closes the gap before the
 * first call. getppid() says 0 for a parent outside the pid namespace, hence the pipe. */
static void death_tie(const struct birth *birth)
{
	struct pollfd life = {.fd = birth->host->life_fd};
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		job_fail(birth->control_fd, "tying the sandbox to the launcher's life");
	if (poll(&life, 1, 0) != 0)
		_exit(1);
}

/* Only the new namespaces' init may do these, while it is still privileged. */
static void enter(const struct birth *birth)
{
	if (birth->cgroup && cgroup_join(birth->cgroup) < 0)
		job_fail(birth->control_fd, "joining the cgroup");
	if (birth->namespaces && namespace_enter_slot(birth->namespaces,
			birth->only_net, &birth->host->setup) < 0)
		job_fail(birth->control_fd, "entering the slot's namespaces");
	const char *step = mounts_enter(birth->host, level_view(birth->level), birth->mount_fd);
	if (step)
		job_fail(birth->control_fd, step);
}

/* init keeps its launcher's uid in a user namespace: no other is mapped there. */
static void renounce(const struct birth *birth)
{
	if (birth->host->own_identity && identity_change(INIT_ID) < 0)
		job_fail(birth->control_fd, "init's change of identity");
	if (capabilities_drop() < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		job_fail(birth->control_fd, "init's giving up of privileges");
	death_tie(birth);
}

static void close_all_but(int keep)
{
	if ((keep > 0 && close_range(0, (unsigned)keep - 1, 0) < 0) ||
			close_range((unsigned)keep + 1, ~0u, 0) < 0)
		_exit(1);
}

/* Orphans are reparented to pid 1: reaps them all until the job's own process ends. */
static int reap_until(pid_t job)
{
	int status;
	for (;;) {
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid == job)
			return status;
		if (pid < 0 && errno != EINTR)
			_exit(1);
	}
}

_Noreturn void init_main(const struct birth *birth)
{
	death_tie(birth);
	enter(birth);
	/* Before the job's process exists: in a user namespace both have one uid on the host. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		job_fail(birth->control_fd, "hiding init");
	pid_t job = fork();
	if (job < 0)
		job_fail(birth->control_fd, "forking the job's process");
	if (job == 0) {
		close(birth->status_fd);
		job_main(birth);
	}
	renounce(birth);
	close_all_but(birth->status_fd);
	int status = reap_until(job);
	if (write(birth->status_fd, &status, sizeof status) != sizeof status)
		_exit(1);
	_exit(0);
}
