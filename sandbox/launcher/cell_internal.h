/* cell_internal.h: shared by the files cell*.c. */
#ifndef LAUNCHER_CELL_INTERNAL_H
#define LAUNCHER_CELL_INTERNAL_H

#include "cell.h"
#include "close_fd.h"

/* Sets from outside what limits ask for, where it differs from what holds. -1 with err. */
int cell_outer_set(struct cell *cell, const struct host *host, const struct sandbox_limits *limits,
	struct err *err);

#endif
