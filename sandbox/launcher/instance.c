/* instance.c: see instance.h. */
#include "instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".lock"

static int directory_make(const char *path, struct err *err)
{
	struct stat st;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_system(err, "the run directory %s can't be made", path);
	if (lstat(path, &st) < 0)
		return err_system(err, "the run directory %s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, ERR_INVALID, "the run directory %s must be a directory of "
			"uid %u that nobody else can write", path, (unsigned)geteuid());
	return 0;
}

int instance_open(struct instance *instance, const char *directory, struct err *err)
{
	unsigned long long number;
	if (directory_make(directory, err) < 0)
		return -1;
	if (getrandom(&number, sizeof number, 0) != sizeof number)
		return err_system(err, "getrandom");
	snprintf(instance->name, sizeof instance->name, "%d-%012llx", (int)getpid(),
		number & 0xffffffffffffull);
	snprintf(instance->path, sizeof instance->path, "%.200s/%s" SUFFIX, directory,
		instance->name);
	instance->lock_fd = open(instance->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (instance->lock_fd < 0)
		return err_system(err, "%s", instance->path);
	if (flock(instance->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		err_system(err, "locking %s", instance->path);
		instance_close(instance);
		return -1;
	}
	return 0;
}

void instance_close(struct instance *instance)
{
	(void)unlink(instance->path);
	close(instance->lock_fd);
}

static bool name_of_lock(const char *file, char name[40])
{
	size_t length = strlen(file), suffix = strlen(SUFFIX);
	if (length <= suffix || length - suffix >= 40 || strcmp(file + length - suffix, SUFFIX) != 0)
		return false;
	memcpy(name, file, length - suffix);
	name[length - suffix] = '\0';
	return strspn(name, "0123456789abcdef-") == length - suffix;
}

/* The lock is held while clearing, so that two starts don't clear the same one. */
static void clear_if_dead(int directory_fd, const char *file, const char *name,
	int (*clear)(const char *name))
{
	int fd = openat(directory_fd, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && clear(name) == 0)
		(void)unlinkat(directory_fd, file, 0);
	close(fd);
}

void instance_clear_dead(const struct instance *self, const char *directory,
	int (*clear)(const char *name))
{
	DIR *entries = opendir(directory);
	if (!entries)
		return;
	const struct dirent *entry;
	char name[40];
	while ((entry = readdir(entries)))
		if (name_of_lock(entry->d_name, name) && strcmp(name, self->name) != 0)
			clear_if_dead(dirfd(entries), entry->d_name, name, clear);
	closedir(entries);
}
