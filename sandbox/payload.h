/* payload.h: a job's code, input and environment as a sealed memfd. */
#ifndef CODESANDBOX_PAYLOAD_H
#define CODESANDBOX_PAYLOAD_H

#include "sandbox.h"

/* The memfd is the caller's. ERR_INVALID when it is too large or a path leaves its place. */
int payload_make(const struct sandbox_job *job, struct err *err);

#endif
