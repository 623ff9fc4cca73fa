/* job.c: locks a job's process down, in this order, before it sees a byte of the job. See job.h. */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/record.h"
#include "identity.h"
#include "landlock.h"
#include "mount.h"
#include "rlimit.h"

_Noreturn void job_fail(int control_fd, const char *step)
{
	struct job_report report = {.kind = JOB_FAILED, .errnum = errno};
	snprintf(report.step, sizeof report.step, "%s", step);
	(void)record_send(control_fd, &report, sizeof report, NULL, 0);
	_exit(1);
}

/* A step that failed ends the process: the sandbox is unavailable, and says which step it was. */
static void must(const struct birth *birth, int result, const char *step)
{
	if (result < 0)
		job_fail(birth->control_fd, step);
}

#define ABOVE 32			/* where nothing of ours is in the way of the job's own */

static int close_between(int above, int below)
{
	return below - above < 2 ? 0 : close_range((unsigned)above + 1, (unsigned)below - 1, 0);
}

/* Leaves the control socket, and /proc's directory when sampling needs it. 0, 1, 2 are closed: the
 * job's own come with the hand-over. */
static int fds_keep_only(const struct birth *birth, int *control_fd, int *proc_fd)
{
	int last;
	*control_fd = last = fcntl(birth->control_fd, F_DUPFD_CLOEXEC, ABOVE);
	*proc_fd = -1;
	if (*control_fd < 0)
		return -1;
	if (!birth->host->have_cgroup) {
		int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (proc < 0 || (*proc_fd = fcntl(proc, F_DUPFD_CLOEXEC, *control_fd + 1)) < 0)
			return -1;
		last = *proc_fd;
	}
	if (DROPPED(&birth->host->setup, "fd_close"))
		return 0;
	if (close_between(-1, *control_fd) < 0 || close_between(*control_fd, last) < 0)
		return -1;
	return close_range((unsigned)last + 1, ~0u, 0);
}

/* The kernel's OOM killer takes the job's processes before init and before the host's. */
static int oom_first(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t wrote = write(fd, "1000", 4);
	close(fd);
	return wrote == 4 ? 0 : -1;
}

static int identity_drop(const struct birth *birth)
{
	if (DROPPED(&birth->host->setup, "identity"))
		return 0;
	if (birth->host->own_identity)
		return identity_change(birth->id);
	return namespace_enter_identity(birth->id);
}

static int privileges_renounce(const struct birth *birth)
{
	if (!DROPPED(&birth->host->setup, "capabilities") && capabilities_drop() < 0)
		return -1;
	if (DROPPED(&birth->host->setup, "no_new_privs"))
		return 0;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int landlock_apply(const struct birth *birth)
{
	static const char *const read_execute[] = {"/", NULL};
	static const char *const read_write[] = {JOB_DIRECTORY, "/tmp", NULL};
	static const char *const noexec[] = {"/dev", NULL};
	struct landlock_policy policy = {.read_execute = read_execute, .read_write = read_write,
		.read_write_noexec = noexec, .scope_signals = true, .scope_abstract_sockets = true,
		.deny_network = true};
	if (birth->level == SANDBOX_NONE || birth->host->landlock_abi == 0 ||
			DROPPED(&birth->host->setup, "landlock"))
		return 0;
	return landlock_restrict(&policy, birth->host->landlock_abi);
}

/* Linux 5.19; headers may be older. */
#define WAIT_KILLABLE_RECV (1ul << 5)

static int listener_open(const struct birth *birth, const struct sock_fprog *program, bool *waits_killable)
{
	unsigned long flag = DROPPED(&birth->host->setup, "seccomp_wait") ? 0 : WAIT_KILLABLE_RECV;
	int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER | flag, program);
	*waits_killable = listener >= 0;
	return listener >= 0 || errno != EINVAL ? listener : (int)syscall(SYS_seccomp,
		SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, program);
}

/* Returns the listener of the kill tier, -1 with errno, -2 where the level has no such tier. */
static int seccomp_apply(const struct birth *birth, bool *waits_killable)
{
	const struct setup_filter *filter =
		&birth->host->setup.filters[birth->level][birth->host->have_cgroup ? 0 : 1];
	struct sock_fprog program = {.len = (unsigned short)filter->count,
		.filter = (struct sock_filter *)filter->code};
	if (filter->count == 0 || DROPPED(&birth->host->setup, "seccomp"))
		return -2;
	/* A listener that nobody needs would be in the way of the job's own. */
	if (birth->level == SANDBOX_NONE)
		return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -1 : -2;
	return listener_open(birth, &program, waits_killable);
}

/* Returns the listener, or -2. */
static int lockdown(const struct birth *birth, bool *waits_killable)
{
	must(birth, setsid(), "a session of its own");
	must(birth, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "its own /proc");	/* init has not */
	if (!birth->warm)		/* a warm interpreter's are as its own start left them */
		must(birth, signal(SIGPIPE, SIG_DFL) == SIG_ERR ? -1 : 0, "resetting signals");
	must(birth, rlimit_fixed(birth->host), "fixed resource limits");
	must(birth, oom_first(), "its rank for the OOM killer");
	must(birth, keyring_leave(), "a keyring of its own");
	must(birth, identity_drop(birth), "a change of identity");
	must(birth, privileges_renounce(birth), "giving up privileges");
	must(birth, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "its own /proc");	/* as after an exec */
	must(birth, landlock_apply(birth), "Landlock");
	int listener = seccomp_apply(birth, waits_killable);
	must(birth, listener == -1 ? -1 : 0, "seccomp");
	if (listener < 0)
		return listener;
	int above = fcntl(listener, F_DUPFD_CLOEXEC, ABOVE);
	must(birth, above, "seccomp's listener");
	close(listener);
	return above;
}

static void report_ready(const struct birth *birth, int listener, bool waits_killable, int proc_fd)
{
	struct job_report report = {.kind = JOB_READY, .has_listener = listener >= 0,
		.waits_killable = waits_killable, .has_proc = proc_fd >= 0};
	int fds[2];
	size_t count = 0;
	if (listener >= 0)
		fds[count++] = listener;
	if (proc_fd >= 0)
		fds[count++] = proc_fd;
	must(birth, record_send(birth->control_fd, &report, sizeof report, fds, count), "ready");
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static bool is_waited_for(int control_fd)
{
	struct pollfd handover = {.fd = control_fd, .events = POLLIN};
	return poll(&handover, 1, 0) != 0;
}

void job_await(const struct birth *shared, void (*idle)(void), struct job_start *start)
{
	struct birth birth = *shared;
	int proc_fd;
	size_t fd_count;
	umask(022);
	must(shared, fds_keep_only(shared, &birth.control_fd, &proc_fd), "closing descriptors");
	bool waits_killable = false;
	int listener = lockdown(&birth, &waits_killable);
	must(&birth, script_await(birth.extension), "making the job's files");
	report_ready(&birth, listener, waits_killable, proc_fd);
	start->control_fd = birth.control_fd;
	if (idle && !is_waited_for(birth.control_fd))
		idle();
	/* The launcher closes its end when the sandbox is not needed any more. */
	start->fds[START_PAYLOAD] = -1;
	long got = record_receive(birth.control_fd, &start->handover, sizeof start->handover, start->fds,
		START_FDS, &fd_count);
	if (got < (long)offsetof(struct job_handover, payload) ||
			(size_t)got != offsetof(struct job_handover, payload) + start->handover.head.payload_size)
		_exit(1);
	bool probe = start->handover.head.runtime == RUNTIME_PROBE;
	const char *step = probe ? probe_effects(&birth) :
		fd_count != (start->handover.head.payload_size > 0 ? START_PAYLOAD : START_FDS) ?
			"the hand-over's descriptors" : NULL;
	if (step)
		job_fail(birth.control_fd, step);
	if (probe)
		_exit(0);
}

_Noreturn void job_main(const struct birth *birth)
{
	static struct job_start start;
	struct script script;
	job_await(birth, NULL, &start);
	const char *step = script_prepare(birth, &start, &script);
	job_fail(start.control_fd, step ? step : script_execute(&script));
}
