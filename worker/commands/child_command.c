/* child_command.c: see child_command.h. */
#include "child_command.h"

#include <errno.h>
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

#define WORDS_MAX 8
#define SETTINGS_MAX 64
#define STOP_TENTHS 80			/* how long it may take to end by itself */
#define LOG_TAIL 3000

static void become(pid_t parent, int log_fd, char **argv)
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

int child_command_start(struct child_command *child, const char *const *words,
	const char *const *settings, size_t setting_count, struct err *err)
{
	char *argv[WORDS_MAX + 2 * SETTINGS_MAX + 2] = {"codeworker"};
	pid_t parent = getpid();
	size_t used = 1;
	if (setting_count > SETTINGS_MAX)
		return err_set(err, ERR_INVALID, "more than %d settings", SETTINGS_MAX);
	for (size_t i = 0; words[i] && i < WORDS_MAX; i++)
		argv[used++] = (char *)words[i];
	for (size_t i = 0; i < setting_count; i++) {
		argv[used++] = "--set";
		argv[used++] = (char *)settings[i];
	}
	child->log_fd = memfd_create("log", MFD_CLOEXEC);
	if (child->log_fd < 0)
		return err_system(err, "a file for a log");
	child->pid = fork();
	if (child->pid == 0)
		become(parent, child->log_fd, argv);
	if (child->pid < 0) {
		child->pid = 0;
		return err_system(err, "fork");
	}
	return 0;
}

bool child_command_runs(struct child_command *child)
{
	if (child->pid > 0 && waitpid(child->pid, NULL, WNOHANG) == child->pid)
		child->pid = 0;
	return child->pid > 0;
}

int child_command_wait(struct child_command *child, const char *name, struct err *err)
{
	int status = -1;
	while (child->pid > 0 && waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	child->pid = 0;
	return status == 0 ? 0 : err_set(err, ERR_SYSTEM, "%s failed", name);
}

void child_command_complain(const struct child_command *child, const char *name)
{
	char text[LOG_TAIL + 1];
	off_t size = lseek(child->log_fd, 0, SEEK_END);
	off_t from = size > LOG_TAIL ? size - LOG_TAIL : 0;
	ssize_t got = size > 0 ? pread(child->log_fd, text, LOG_TAIL, from) : 0;
	if (got <= 0)
		return;
	text[got] = '\0';
	const char *line = from > 0 ? strchr(text, '\n') : NULL;
	fprintf(stderr, "The end of what %s said:\n%s", name, line ? line + 1 : text);
}

void child_command_stop(struct child_command *child)
{
	if (child->pid > 0)
		kill(child->pid, SIGTERM);
	for (int i = 0; i < STOP_TENTHS && child_command_runs(child); i++)
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
		child->pid = 0;
	}
	if (child->log_fd >= 0)
		close(child->log_fd);
	child->log_fd = -1;
}
