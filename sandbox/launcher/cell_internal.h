/* cell_internal.h: shared by the files cell*.c. */
#ifndef LAUNCHER_CELL_INTERNAL_H
#define LAUNCHER_CELL_INTERNAL_H

#include <unistd.h>

#include "cell.h"

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Sets from outside what limits ask for, where it differs from what holds. -1 with err. */
int cell_outer_set(struct cell *cell, const struct host *host, const struct sandbox_limits *limits,
	struct err *err);

#endif
