/* demo_worker.c: see demo_worker.h. */
#include "demo_worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SETTINGS_MAX 32
#define STOP_TENTHS 80			/* how long it may take to end by itself */
#define LOG_TAIL 3000

static void worker_child(pid_t parent, int log_fd, char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);		/* it died before the tie was made */
	setpgid(0, 0);			/* Ctrl-C is the parent's to handle */
	if (dup2(log_fd, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0)
		_exit(1);
	execv("/proc/self/exe", argv);
	_exit(1);
}

int demo_worker_start(struct demo_worker *worker, const char *const *settings, size_t count,
	struct err *err)
{
	char *argv[2 * SETTINGS_MAX + 3] = {"codeworker", "run"};
	pid_t parent = getpid();
	size_t used = 2;
	for (size_t i = 0; i < count && i < SETTINGS_MAX; i++) {
		argv[used++] = "--set";
		argv[used++] = (char *)settings[i];
	}
	worker->log_fd = memfd_create("worker log", MFD_CLOEXEC);
	if (worker->log_fd < 0)
		return err_system(err, "a file for the worker's log");
	worker->pid = fork();
	if (worker->pid == 0)
		worker_child(parent, worker->log_fd, argv);
	if (worker->pid < 0) {
		worker->pid = 0;
		return err_system(err, "fork the worker");
	}
	return 0;
}

bool demo_worker_runs(struct demo_worker *worker)
{
	if (worker->pid > 0 && waitpid(worker->pid, NULL, WNOHANG) == worker->pid)
		worker->pid = 0;
	return worker->pid > 0;
}

void demo_worker_complain(const struct demo_worker *worker)
{
	char text[LOG_TAIL + 1];
	off_t size = lseek(worker->log_fd, 0, SEEK_END);
	off_t from = size > LOG_TAIL ? size - LOG_TAIL : 0;
	ssize_t got = size > 0 ? pread(worker->log_fd, text, LOG_TAIL, from) : 0;
	if (got <= 0)
		return;
	text[got] = '\0';
	const char *line = from > 0 ? strchr(text, '\n') : NULL;
	fprintf(stderr, "The worker's log ended with:\n%s", line ? line + 1 : text);
}

void demo_worker_stop(struct demo_worker *worker)
{
	if (worker->pid > 0)
		kill(worker->pid, SIGTERM);
	for (int i = 0; i < STOP_TENTHS && demo_worker_runs(worker); i++)
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	if (worker->pid > 0) {
		kill(worker->pid, SIGKILL);
		waitpid(worker->pid, NULL, 0);
		worker->pid = 0;
	}
	if (worker->log_fd >= 0)
		close(worker->log_fd);
	worker->log_fd = -1;
}
