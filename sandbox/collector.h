/* collector.h: takes what a job writes into one pipe, up to a bound, and drops the rest. */
#ifndef CODESANDBOX_COLLECTOR_H
#define CODESANDBOX_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox.h"

struct collector {
	int fd;				/* reading end, non-blocking; -1: closed */
	struct sandbox_buffer buffer;
	size_t capacity, limit;
	bool failed;			/* no memory: what came later is lost and flagged as cut */
};

/* A pipe for one: its fd, and the end for the job, close-on-exec; both the caller's. */
int collector_pipe(int ends[2], struct err *err);

void collector_close(struct collector *collector);

/* Reads what is there, at most about 1 MiB a call. Returns true when there may be more, false at
 * EAGAIN or the end (fd is then closed at the end). */
bool collector_read(struct collector *collector);

#endif
