/* demo_worker.h: `codeworker run` as a child of the demo. */
#ifndef CODEWORKER_DEMO_WORKER_H
#define CODEWORKER_DEMO_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../sandbox/err.h"

struct demo_worker {
	pid_t pid;			/* 0: none */
	int log_fd;			/* what it logged; a file without a name */
};

/* Starts this program again with settings ("section.option=value"). It dies with its parent. */
int demo_worker_start(struct demo_worker *worker, const char *const *settings, size_t count,
	struct err *err);
/* Whether it is still there. */
bool demo_worker_runs(struct demo_worker *worker);
/* Prints the last lines of its log to standard error. */
void demo_worker_complain(const struct demo_worker *worker);
/* Ends it: SIGTERM, after a few seconds SIGKILL. */
void demo_worker_stop(struct demo_worker *worker);

#endif
