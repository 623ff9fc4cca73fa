/* lock.c: see lock.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lock.h"

static bool is_there(int directory_fd, const char *name, int lock_fd)
{
	struct stat held, there;
	return fstat(lock_fd, &held) == 0 &&
		fstatat(directory_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}

int lock_take(int directory_fd, const char *name, bool wait)
{
	for (;;) {
		int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
			int saved = errno;
			close(fd);
			errno = saved;
			return -1;
		}
		if (is_there(directory_fd, name, fd))
			return fd;
		close(fd);
	}
}

void lock_remove(int directory_fd, const char *name, int lock_fd)
{
	(void)unlinkat(directory_fd, name, 0);
	close(lock_fd);
}
