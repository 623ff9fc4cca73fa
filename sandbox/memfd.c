/* memfd.c: see memfd.h. */
#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_EXEC		/* Linux 6.3; told explicitly, so that vm.memfd_noexec=1 is no bar */
#define MFD_EXEC 0x0010u
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif

static int create(const char *name, bool executable)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	return fd;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t wrote = write(fd, data, size);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return -1;
		data += wrote;
		size -= (size_t)wrote;
	}
	return 0;
}

int memfd_sealed(const char *name, const void *data, size_t size, bool executable,
	struct err *err)
{
	int fd = create(name, executable);
	if (fd < 0)
		return err_system(err, "memfd_create");
	if (write_all(fd, data, size) == 0 && fcntl(fd, F_ADD_SEALS,
			F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
		return fd;
	err_system(err, "filling a memfd");
	close(fd);
	return -1;
}
