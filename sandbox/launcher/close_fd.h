/* close_fd.h: close(2), where a descriptor's owner goes on without it. */
#ifndef LAUNCHER_CLOSE_FD_H
#define LAUNCHER_CLOSE_FD_H

#include <unistd.h>

/* -1, as it is afterwards: there is none. */
static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#endif
