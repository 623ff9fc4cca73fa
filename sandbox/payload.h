/* payload.h: a job's code, input and environment, in few bytes for a record (shared/record.h) or as a sealed memfd. */
#ifndef CODESANDBOX_PAYLOAD_H
#define CODESANDBOX_PAYLOAD_H

#include "sandbox.h"

/* Puts it into data, of which size tells how much, or, where it is larger than inline_bytes, into a memfd, which
 * is the caller's; else -1. ERR_INVALID when it is too large or a path leaves its place. */
int payload_make(const struct sandbox_job *job, char *data, size_t inline_bytes, size_t *size, int *fd,
	struct err *err);

#endif
