/* instance.c: see instance.h. */
#include "instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lock.h"

#define SUFFIX ".lock"
#define IDS_PREFIX "uids-"
#define NOBODY 65534u

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

static void lock_name(const char *name, char file[48])
{
	snprintf(file, 48, "%s" SUFFIX, name);
}

int instance_open(struct instance *instance, const char *directory, struct err *err)
{
	unsigned long long number;
	char file[48];
	*instance = (struct instance){.directory_fd = -1, .lock_fd = -1, .ids_fd = -1,
		.ids_directory_fd = -1};
	if (directory_make(directory, err) < 0)
		return -1;
	if (getrandom(&number, sizeof number, 0) != sizeof number)
		return err_system(err, "getrandom");
	snprintf(instance->name, sizeof instance->name, "%d-%012llx", (int)getpid(),
		number & 0xffffffffffffull);
	instance->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (instance->directory_fd < 0)
		return err_system(err, "%s", directory);
	lock_name(instance->name, file);
	instance->lock_fd = lock_take(instance->directory_fd, file, true);
	if (instance->lock_fd < 0) {
		err_system(err, "locking %s in %s", file, directory);
		close(instance->directory_fd);
		return -1;
	}
	return 0;
}

static void ids_name(uint32_t first, char file[48])
{
	snprintf(file, 48, IDS_PREFIX "%u", (unsigned)first);
}

/* The machine's, as uids are; where there can be none, the run directory. */
static int ids_directory_open(const struct instance *instance, const char *directory, struct err *err)
{
	int made = directory_make(directory, err);
	if (made < 0 && err->code == ERR_INVALID)	/* somebody else's: their claims would not count */
		return -1;
	int fd = made < 0 ? fcntl(instance->directory_fd, F_DUPFD_CLOEXEC, 0) :
		open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_system(err, "the directory of claimed uids") : fd;
}

void instance_close(struct instance *instance)
{
	char file[48];
	ids_name(instance->first_id, file);
	if (instance->ids_fd >= 0)
		lock_remove(instance->ids_directory_fd, file, instance->ids_fd);
	if (instance->ids_directory_fd >= 0)
		close(instance->ids_directory_fd);
	lock_name(instance->name, file);
	lock_remove(instance->directory_fd, file, instance->lock_fd);
	close(instance->directory_fd);
}

int instance_note(struct instance *instance, const char *path, struct err *err)
{
	return dprintf(instance->lock_fd, "%s\n", path) < 0 ?
		err_system(err, "noting %s in the lock file", path) : 0;
}

/* Two numbers in there mean nobody, here or elsewhere. */
static bool block_usable(uint32_t first)
{
	return first > NOBODY + 1 || first + INSTANCE_IDS <= NOBODY;
}

int instance_claim_ids(struct instance *instance, const char *directory, uint32_t *base, struct err *err)
{
	instance->ids_directory_fd = ids_directory_open(instance, directory, err);
	if (instance->ids_directory_fd < 0)
		return -1;
	for (unsigned block = 0; block < INSTANCE_BLOCKS; block++) {
		char file[48];
		uint32_t first = *base + block * INSTANCE_IDS;
		ids_name(first, file);
		if (!block_usable(first))
			continue;
		instance->ids_fd = lock_take(instance->ids_directory_fd, file, false);
		if (instance->ids_fd >= 0) {
			instance->first_id = first;
			*base = first;
			return 0;
		}
		if (errno != EWOULDBLOCK)
			return err_system(err, "locking %s in %s", file, directory);
	}
	return err_set(err, ERR_UNAVAILABLE, "no block of %u uids from %u on is free: %u workers run here",
		INSTANCE_IDS, (unsigned)*base, INSTANCE_BLOCKS);
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

static int clear_noted(int lock_fd, const char *name, int (*clear)(const char *name, const char *path))
{
	int copy = dup(lock_fd), left = 0;
	FILE *paths = copy < 0 ? NULL : fdopen(copy, "re");
	char line[600];
	if (!paths && copy >= 0)
		close(copy);
	if (!paths)
		return -1;
	while (fgets(line, sizeof line, paths)) {
		line[strcspn(line, "\n")] = '\0';
		left |= clear(name, line) < 0;
	}
	fclose(paths);
	return left ? -1 : 0;
}

/* The lock is held while clearing, so that two starts don't clear the same one. */
static void clear_if_dead(int directory_fd, const char *file, const char *name,
	int (*clear)(const char *name, const char *path))
{
	int fd = lock_take(directory_fd, file, false);
	if (fd < 0)
		return;
	if (!name || clear_noted(fd, name, clear) == 0)
		lock_remove(directory_fd, file, fd);
	else
		close(fd);
}

void instance_clear_dead(const struct instance *self, int (*clear)(const char *name, const char *path))
{
	int copy = openat(self->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	char name[40];
	if (!entries && copy >= 0)
		close(copy);
	while (entries && (entry = readdir(entries)))
		if (name_of_lock(entry->d_name, name) && strcmp(name, self->name) != 0)
			clear_if_dead(self->directory_fd, entry->d_name, name, clear);
		else if (strncmp(entry->d_name, IDS_PREFIX, strlen(IDS_PREFIX)) == 0)
			clear_if_dead(self->directory_fd, entry->d_name, NULL, clear);
	if (entries)
		closedir(entries);
}
