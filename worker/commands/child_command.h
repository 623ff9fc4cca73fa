/* child_command.h: another command of this program, run as a child: the demo's and the benchmark's worker. */
#ifndef CODEWORKER_CHILD_COMMAND_H
#define CODEWORKER_CHILD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../../sandbox/err.h"

struct child_command {
	pid_t pid;			/* 0: none */
	int log_fd;			/* what it printed; a file without a name. -1: none */
};

/* Starts this program again: words ("topics", "create"; NULL-terminated), then --set for each setting
 * ("section.option=value"). It dies with its parent. */
int child_command_start(struct child_command *child, const char *const *words,
	const char *const *settings, size_t setting_count, struct err *err);
/* Whether it is still there. */
bool child_command_runs(struct child_command *child);
/* Waits for its end by itself; ERR_SYSTEM unless it exits with 0. */
int child_command_wait(struct child_command *child, const char *name, struct err *err);
/* Prints the last lines of its log to standard error. */
void child_command_complain(const struct child_command *child, const char *name);
/* Ends it: SIGTERM, after a few seconds SIGKILL. Closes its log. */
void child_command_stop(struct child_command *child);

#endif
