/* launch.h: starts and ends the launcher process. */
#ifndef CODESANDBOX_LAUNCH_H
#define CODESANDBOX_LAUNCH_H

#include <sys/types.h>

#include "sandbox.h"

/* Starts the launcher and waits for its greeting. *limits: the effective ones come back. *socket is
 * non-blocking, close-on-exec and the caller's. */
int launch(const struct sandbox_config *config, struct sandbox_limits *limits, pid_t *launcher,
	int *socket, struct sandbox_self_test *self_test, struct err *err);

/* Closes the socket and waits for the launcher's end; kills it if it takes more than 10 s. */
void launch_end(pid_t launcher, int socket);

#endif
