/* zygote.c: see zygote.h.
 *
 * The zygote is the parent of the jobs' processes and tells the launcher how each ended. It waits for both
 * through descriptors alone: the launcher's socket, and a pidfd for each job. Signals would do in a process of one
 * thread, which Node is not.
 */
#include "zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../launcher/identity.h"
#include "../launcher/zygote.h"
#include "../shared/huge_text.h"
#include "../shared/leave.h"
#include "working_set.h"

#define JOBS_MAX 512			/* cells at most */
#define TRIAL_MS 10000

struct zygote_job {
	pid_t pid;
	int status_fd;
};

struct serving {
	const struct zygote_hooks *hooks;
	struct host host;
	const char *extension;		/* of this language's scripts */
	struct zygote_job jobs[JOBS_MAX];
	struct pollfd polled[JOBS_MAX + 1];	/* the socket, then a pidfd for each job */
	size_t count;
	bool leaving;
};

static pid_t job_pid;			/* in a job's process: its own */
static int trial_fd = -1;		/* in the trial's: where it tells what it touched */
static struct working_set touched;	/* by the trial */

void zygote_job_leave(int status)
{
	if (getpid() != job_pid)
		_exit(status);
	if (trial_fd < 0)
		leave(status);
	working_set_end(&touched);
	(void)!write(trial_fd, &touched, sizeof touched);
	_exit(status);
}

static _Noreturn void give_up(const char *what)
{
	dprintf(2, "%s: %s\n", what, strerror(errno));
	_exit(1);
}

static void setup_open(struct setup *setup)
{
	struct stat st;
	if (fstat(ZYGOTE_SETUP_FD, &st) < 0 || st.st_size <= 0)
		give_up("the set-up");
	struct blob_reader reader = {.size = (size_t)st.st_size};
	reader.data = mmap(NULL, reader.size, PROT_READ, MAP_PRIVATE, ZYGOTE_SETUP_FD, 0);
	if (reader.data == MAP_FAILED || setup_read(setup, &reader) < 0)
		give_up("the set-up");
	close(ZYGOTE_SETUP_FD);
}

/* Returns which runtime it is. */
static uint32_t facts_receive(struct host *host)
{
	struct zygote_facts facts;
	size_t fd_count;
	if (record_receive(ZYGOTE_SOCKET_FD, &facts, sizeof facts, NULL, 0, &fd_count) !=
			sizeof facts)
		give_up("the launcher's facts");
	host->user_namespace = facts.user_namespace;
	host->own_identity = facts.own_identity;
	host->have_cgroup = facts.have_cgroup;
	host->core_piped = facts.core_piped;
	host->landlock_abi = facts.landlock_abi;
	if (facts.runtime >= host->setup.runtime_count)
		give_up("the launcher's facts");
	return facts.runtime;
}

/* ---- the trial */

/* As a job finds its own: an empty stdin, pipes with room for more than the trial writes. What it says on stderr is
 * why there is no zygote. */
static int trial_streams(void)
{
	int input = open("/dev/null", O_RDONLY | O_CLOEXEC), output[2];
	if (input < 0 || pipe2(output, O_CLOEXEC) < 0 || dup2(input, 0) < 0 || dup2(output[1], 1) < 0 ||
			dup2(output[1], 3) < 0)
		return -1;
	return close(input);
}

static void trial_begin(const struct zygote_hooks *hooks, struct script *script)
{
	static const char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/job/work",
		"LANG=C.UTF-8", "TMPDIR=/tmp", "CODE_INPUT=/dev/null", "CODE_CONTEXT=/dev/null", NULL};
	job_pid = getpid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || trial_streams() < 0)
		give_up("a job for trial");
	if (hooks->after_in_child)
		hooks->after_in_child();
	if (hooks->idle)
		hooks->idle();
	*script = (struct script){.file = "/job/script", .code = hooks->trial,
		.code_size = strlen(hooks->trial), .environment = environment, .compiled = ""};
	(void)working_set_begin();	/* jobs are as right without */
}

/* Returns whether it went as a job should, to its end. */
static bool trial_wait(pid_t pid, int fd)
{
	struct pollfd told = {.fd = fd, .events = POLLIN};
	size_t size = 0;
	int status;
	ssize_t got = poll(&told, 1, TRIAL_MS);
	if (got == 0)
		dprintf(2, "a job for trial did not end\n");
	while (got > 0 && size < sizeof touched)
		size += (got = read(fd, (char *)&touched + size, sizeof touched - size)) > 0 ? (size_t)got : 0;
	if (size < sizeof touched)
		kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && size == sizeof touched && status == 0;
}

/* Returns true in the trial's process, and false where it went well. */
static bool trial(const struct zygote_hooks *hooks, struct script *script)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		give_up("a job for trial");
	if (hooks->before)
		hooks->before();
	pid_t pid = fork();
	if (pid == 0) {
		trial_fd = ends[1];
		trial_begin(hooks, script);
		return true;
	}
	if (hooks->after_in_parent)
		hooks->after_in_parent();
	close(ends[1]);
	if (pid < 0)
		give_up("a job for trial");
	if (!trial_wait(pid, ends[0]))
		_exit(1);
	close(ends[0]);
	return false;
}

/* ---- in the job's process */

static const struct zygote_hooks *job_hooks;

static void idle(void)
{
	script_text_map();
	if (job_hooks->idle)
		job_hooks->idle();
	working_set_populate(&touched);
}

/* Returns locked down and with its job, or not at all. */
static void become_job(const struct serving *serving, const struct zygote_fork *fork, const int *fds,
	struct script *script)
{
	const struct birth birth = {.host = &serving->host, .level = (enum sandbox_level)fork->level,
		.id = fork->id, .warm = true, .extension = serving->extension, .mount_fd = -1, .control_fd = fds[ZYGOTE_CONTROL],
		.status_fd = -1};
	static struct job_start start;
	job_pid = getpid();
	if (serving->hooks->after_in_child)
		serving->hooks->after_in_child();
	if (fork->grouped && cgroup_join(&fds[ZYGOTE_MORE + fork->slotted]) < 0)
		job_fail(birth.control_fd, "joining the cgroup");
	if (namespace_enter_cgroup() < 0)
		job_fail(birth.control_fd, "a cgroup namespace");
	if (namespace_enter_slot(&fds[ZYGOTE_MORE], fork->slotted, &serving->host.setup) < 0)
		job_fail(birth.control_fd, "entering the slot's namespaces");
	if (setns(fds[ZYGOTE_MNT], CLONE_NEWNS) < 0)
		job_fail(birth.control_fd, "entering the sandbox's mount namespace");
	job_hooks = serving->hooks;
	job_await(&birth, fork->idle ? idle : NULL, &start);
	const char *step = script_prepare(&birth, &start, script);
	if (!step && script->fresh) {
		const struct job_report report = {.kind = JOB_COLD};
		(void)record_send(start.control_fd, &report, sizeof report, NULL, 0);
		for (int number = 1; number < NSIG; number++)
			(void)signal(number, SIG_DFL);
		step = script_execute(script);
	}
	if (step)
		job_fail(start.control_fd, step);
	/* Only the job's own are left; closing the socket says that it has begun. */
	if (close_range(4, ~0u, 0) < 0)
		job_fail(start.control_fd, "closing descriptors");
}

/* ---- in the zygote */

static void refuse(int control_fd, const char *step)
{
	struct job_report report = {.kind = JOB_FAILED, .errnum = errno};
	snprintf(report.step, sizeof report.step, "%s", step);
	(void)record_send(control_fd, &report, sizeof report, NULL, 0);
}

static void job_note(struct serving *serving, pid_t pid, int pid_fd, int status_fd)
{
	serving->jobs[serving->count] = (struct zygote_job){pid, status_fd};
	serving->polled[++serving->count] = (struct pollfd){.fd = pid_fd, .events = POLLIN};
}

/* The way back from the sandbox's pid namespace is never taken: the next fork goes into another one, and
 * there is no fork but for a job. Returns true in the job's process. */
static bool job_fork(struct serving *serving, const int *fds)
{
	const struct zygote_hooks *hooks = serving->hooks;
	if (serving->count == JOBS_MAX || setns(fds[ZYGOTE_PID], CLONE_NEWPID) < 0) {
		refuse(fds[ZYGOTE_CONTROL], "entering the sandbox's pid namespace");
		return false;
	}
	if (hooks->before)
		hooks->before();
	pid_t pid = fork();
	if (pid == 0)
		return true;
	int saved = errno;
	if (hooks->after_in_parent)
		hooks->after_in_parent();
	int pid_fd = pid < 0 ? -1 : pidfd_of(pid);
	if (pid_fd >= 0) {
		job_note(serving, pid, pid_fd, fds[ZYGOTE_STATUS]);
		return false;
	}
	errno = saved;
	refuse(fds[ZYGOTE_CONTROL], "forking the warm interpreter");
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return false;
}

static bool request_take(struct serving *serving, struct script *script)
{
	struct zygote_fork request;
	int fds[ZYGOTE_FDS];
	size_t count;
	long got = record_receive(ZYGOTE_SOCKET_FD, &request, sizeof request, fds, ZYGOTE_FDS,
		&count);
	if (got == 0)
		serving->leaving = true;
	if (got <= 0)
		return false;
	if (got != sizeof request || count != ZYGOTE_MORE + request.slotted +
			(request.grouped ? CGROUP_CONTROLLERS : 0)) {
		errno = EBADMSG;
		give_up("a request to fork");
	}
	if (job_fork(serving, fds)) {
		become_job(serving, &request, fds, script);
		return true;
	}
	bool noted = serving->count > 0 &&
		serving->jobs[serving->count - 1].status_fd == fds[ZYGOTE_STATUS];
	for (size_t i = 0; i < count; i++)
		if (i != ZYGOTE_STATUS || !noted)
			close(fds[i]);
	return false;
}

static void job_end(struct serving *serving, size_t at)
{
	const struct zygote_job *job = &serving->jobs[at];
	struct rusage usage;
	int status;
	if (wait4(job->pid, &status, 0, &usage) != job->pid)
		return;
	const struct job_status report = {.wait_status = status, .cpu_us = job_cpu_us(&usage)};
	(void)!write(job->status_fd, &report, sizeof report);
	close(job->status_fd);
	close(serving->polled[at + 1].fd);
	serving->count--;
	serving->jobs[at] = serving->jobs[serving->count];
	serving->polled[at + 1] = serving->polled[serving->count + 1];
}

void zygote_serve(const struct zygote_hooks *hooks, struct script *script)
{
	static struct serving serving;	/* the jobs' processes go on using its host */
	serving.hooks = hooks;
	setup_open(&serving.host.setup);
	serving.extension = serving.host.setup.runtimes[facts_receive(&serving.host)].extension;
	serving.polled[0] = (struct pollfd){.fd = ZYGOTE_SOCKET_FD, .events = POLLIN};
	huge_text_make();
	/* Nothing more is held: said once here, each fork need not ask. */
	if (bounding_set_narrow(forking_capabilities(serving.host.user_namespace)) < 0)
		give_up("the bounding set");
	if (trial(hooks, script))
		return;
	const struct zygote_up up = {.pages = working_set_pages(&touched)};
	if (record_send(ZYGOTE_SOCKET_FD, &up, sizeof up, NULL, 0) < 0)
		give_up("the launcher's socket");
	while (!serving.leaving || serving.count > 0) {
		serving.polled[0].fd = serving.leaving ? -1 : ZYGOTE_SOCKET_FD;
		if (poll(serving.polled, serving.count + 1, -1) < 0 && errno != EINTR)
			give_up("poll");
		for (size_t i = serving.count; i > 0; i--)
			if (serving.polled[i].revents)
				job_end(&serving, i - 1);
		if (serving.polled[0].revents && request_take(&serving, script))
			return;
	}
	_exit(0);
}
