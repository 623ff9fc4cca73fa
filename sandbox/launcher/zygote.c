/* zygote.c: see zygote.h. */
#include "zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/record.h"
#include "cell.h"
#include "close_fd.h"
#include "identity.h"
#include "mount.h"
#include "namespace.h"
#include "runtime_files.h"

#define START_US 20000000
#define PAUSE_MIN_US 500000
#define PAUSE_MAX_US 60000000
#define FORKS_TRUSTED 8			/* one that has done so many was no failed start */

bool zygote_possible(const struct host *host, uint32_t runtime)
{
	const struct setup_runtime *wanted = &host->setup.runtimes[runtime];
	size_t library = wanted->kind == SANDBOX_RUNTIME_PYTHON ? zygote_python_size :
		wanted->kind == SANDBOX_RUNTIME_NODE ? zygote_node_size : 0;
	return library > 0 && !host->setup.no_warm && host->view_ns[VIEW_SYSTEM] >= 0 &&
		access(wanted->argv[0], X_OK) == 0;
}

/* ---- in the zygote's process, until it executes the interpreter */

static int capabilities_narrow(const struct host *host)
{
	const uint64_t kept = forking_capabilities(host->user_namespace);
	const uint32_t half[2] = {(uint32_t)kept, (uint32_t)(kept >> 32)};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){half[i], half[i], half[i]};
	if (syscall(SYS_capset, &header, data) < 0 || bounding_set_narrow(kept) < 0)
		return -1;
	for (int capability = 0; capability < 64; capability++)	/* so that they outlive exec without being root */
		if (kept >> capability & 1 &&
				prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			return -1;
	return 0;
}

static int privileges_fix(const struct host *host)
{
	return DROPPED(&host->setup, "no_new_privs") ? 0 : prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Beside the jobs' uids; in a user namespace no other is mapped. */
static int identity_take(const struct host *host)
{
	uid_t id = host->setup.uid_base + host_cells(host);
	if (!host->own_identity)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -1;
	return identity_change_ids(id);
}

static int place_take(const struct host *host)
{
	if (setns(host->view_ns[VIEW_SYSTEM], CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)
		return -1;
	if (!host->user_namespace &&	/* there the view has the host's */
			mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -1;
	/* Where jobs may have the host's network, they get it from here. */
	return host->setup.floor > SANDBOX_NONE ? unshare(CLONE_NEWNET) : 0;
}

static int descriptors_place(int input, int output, int socket)
{
	int high[4] = {input, output, socket, LAUNCHER_SETUP_FD};
	for (int i = 0; i < 4; i++)
		if ((high[i] = fcntl(high[i], F_DUPFD, 10)) < 0)
			return -1;
	if (dup2(high[0], 0) < 0 || dup2(high[1], 1) < 0 || dup2(high[1], 2) < 0 ||
			dup2(high[2], ZYGOTE_SOCKET_FD) < 0 || dup2(high[3], ZYGOTE_SETUP_FD) < 0)
		return -1;
	return close_range(ZYGOTE_SETUP_FD + 1, ~0u, 0);
}

/* As a cold job's: what the interpreter says of itself is then the same. What its libraries call is looked up now,
 * not in each fork. */
static void interpreter_execute(const struct setup_runtime *runtime)
{
	static char preload[4096];
	char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/job/work",
		"LANG=C.UTF-8", "TMPDIR=/tmp", "LD_BIND_NOW=1", preload, NULL, NULL, NULL};
	const char *argv[SETUP_MAX_ARGS + 8];
	size_t used = 0;
	snprintf(preload, sizeof preload, ZYGOTE_VARIABLE "=%s", runtime->preload);
	for (; runtime->argv[used]; used++)
		argv[used] = runtime->argv[used];
	if (runtime->kind == SANDBOX_RUNTIME_PYTHON) {
		argv[used++] = "-I";
		argv[used++] = RUNTIME_DIRECTORY "/run.py";
		argv[used++] = JOB_DIRECTORY "/script.py";
	} else {
		environment[6] = "LD_PRELOAD=" RUNTIME_DIRECTORY "/" ZYGOTE_NODE_FORKABLE;
		environment[7] = "UV_THREADPOOL_SIZE=1";	/* in forks, that of their own environment counts */
		argv[used++] = "--single-threaded";
		argv[used++] = "--v8-pool-size=0";
		argv[used++] = "--no-memory-reducer";	/* it would be due in forks that have waited */
		/* V8 knows nothing of the job's limit, and without threads lets garbage grow to several times
		 * of what lives: past the limit since V8 13, with twice the new space. */
		argv[used++] = "--heap-growing-percent=50";
		argv[used++] = "--max-semi-space-size=16";
		argv[used++] = RUNTIME_DIRECTORY "/run.js";
		argv[used++] = JOB_DIRECTORY "/script.js";
	}
	argv[used] = NULL;
	execve(argv[0], (char *const *)argv, environment);
}

static _Noreturn void become_zygote(const struct host *host, uint32_t runtime, int input, int output,
	int socket)
{
	static const char *steps[] = {"a place of its own", "its descriptors", "its identity",
		"its capabilities", "executing the interpreter"};
	int step = 0;
	if (place_take(host) == 0 && ++step && descriptors_place(input, output, socket) == 0 &&
			setsid() > 0 && ++step && identity_take(host) == 0 && ++step &&
			capabilities_narrow(host) == 0 && privileges_fix(host) == 0 &&
			prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ++step) {
		for (int number = 1; number < NSIG; number++)
			(void)signal(number, SIG_DFL);
		interpreter_execute(&host->setup.runtimes[runtime]);
	}
	dprintf(2, "%s: %s\n", steps[step], strerror(errno));
	_exit(1);
}

/* ---- in the launcher */

static int failed(struct zygote *zygote, const char *what)
{
	snprintf(zygote->reason, sizeof zygote->reason, "%s: %s", what, strerror(errno));
	return -1;
}

/* An empty file for its stdin, pipes for its output, as a job has them: what the interpreter finds out about
 * its streams at its start is then right for jobs. */
static int streams_make(int *input, int output[2])
{
	*input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (*input < 0 || pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	return 0;
}

static int spawn(struct zygote *zygote, const struct host *host, uint32_t runtime, const int ends[2],
	int input, const int output[2])
{
	const struct zygote_facts facts = {.runtime = runtime, .user_namespace = host->user_namespace,
		.own_identity = host->own_identity, .have_cgroup = host->have_cgroup,
		.core_piped = host->core_piped, .landlock_abi = host->landlock_abi};
	if (fcntl(output[1], F_SETFL, 0) < 0)
		return -1;
	zygote->pid = fork();
	if (zygote->pid == 0)
		become_zygote(host, runtime, input, output[1], ends[1]);
	if (zygote->pid < 0)
		return -1;
	zygote->pid_fd = pidfd_of(zygote->pid);
	if (zygote->pid_fd >= 0 && record_send(ends[0], &facts, sizeof facts, NULL, 0) == 0)
		return 0;
	kill(zygote->pid, SIGKILL);
	waitpid(zygote->pid, NULL, 0);
	return -1;
}

int zygote_start(struct zygote *zygote, const struct host *host, uint32_t runtime)
{
	int ends[2] = {-1, -1}, input = -1, output[2] = {-1, -1};
	zygote->runtime = runtime;
	zygote->pid_fd = zygote->socket = zygote->output_fd = -1;
	zygote->forks = zygote->failures = 0;
	int result = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
	if (result == 0)
		result = streams_make(&input, output);
	if (result == 0)
		result = fcntl(ends[1], F_SETFL, 0);
	if (result == 0)
		result = spawn(zygote, host, runtime, ends, input, output);
	if (result < 0)
		failed(zygote, "a zygote can't be started");
	close_fd(&ends[1]);
	close_fd(&input);
	close_fd(&output[1]);
	zygote->socket = ends[0];
	zygote->output_fd = output[0];
	if (result < 0) {
		close_fd(&zygote->socket);
		close_fd(&zygote->output_fd);
		close_fd(&zygote->pid_fd);
		return -1;
	}
	zygote->state = ZYGOTE_STARTING;
	zygote->deadline_us = clock_us() + START_US;
	return 0;
}

bool zygote_read(struct zygote *zygote)
{
	struct zygote_up up;
	size_t fd_count;
	long got = record_receive(zygote->socket, &up, sizeof up, NULL, 0, &fd_count);
	if (got == sizeof up && zygote->state == ZYGOTE_STARTING) {
		zygote->state = ZYGOTE_UP;
		zygote->pages = up.pages;
		zygote->reason[0] = '\0';
		return true;
	}
	if (got == 0 || (got < 0 && errno != EAGAIN))
		zygote_kill(zygote);
	return false;
}

int zygote_fork(struct zygote *zygote, const struct zygote_fork *fork, const int *fds,
	size_t fd_count)
{
	if (record_send(zygote->socket, fork, sizeof *fork, fds, fd_count) < 0)
		return -1;
	zygote->forks++;
	return 0;
}

void zygote_leave(struct zygote *zygote)
{
	zygote->state = ZYGOTE_LEAVING;
	(void)shutdown(zygote->socket, SHUT_WR);
}

void zygote_kill(struct zygote *zygote)
{
	if (zygote->pid_fd >= 0)
		(void)pidfd_kill(zygote->pid_fd);
}

/* The last line it printed, if it came to nothing. */
static void last_words(struct zygote *zygote)
{
	char text[4096];
	ssize_t got, size = 0;
	while ((got = read(zygote->output_fd, text + size, sizeof text - 1 - (size_t)size)) > 0)
		size += got;
	while (size > 0 && text[size - 1] == '\n')
		size--;
	text[size] = '\0';
	const char *line = strrchr(text, '\n');
	snprintf(zygote->reason, sizeof zygote->reason, "%.159s", size == 0 ?
		"the warm interpreter ended" : line ? line + 1 : text);
}

void zygote_end(struct zygote *zygote, int64_t now_us)
{
	bool served = zygote->forks >= FORKS_TRUSTED;
	waitpid(zygote->pid, NULL, 0);
	if (zygote->state != ZYGOTE_LEAVING)
		last_words(zygote);
	zygote->pause_us = served ? 0 : zygote->pause_us * 2;
	if (zygote->pause_us < PAUSE_MIN_US)
		zygote->pause_us = PAUSE_MIN_US;
	if (zygote->pause_us > PAUSE_MAX_US)
		zygote->pause_us = PAUSE_MAX_US;
	zygote->retry_us = now_us + (zygote->state == ZYGOTE_LEAVING ? 0 : zygote->pause_us);
	zygote->state = ZYGOTE_DOWN;
	close_fd(&zygote->pid_fd);
	close_fd(&zygote->socket);
	close_fd(&zygote->output_fd);
}
