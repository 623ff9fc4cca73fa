/* script_store.c: see script_store.h. */
#include "script_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codec/utf8.h"

#define NAME_BYTES 1024

struct script_store {
	int directory;			/* -1: none */
};

int script_store_new(const char *directory, struct script_store **made, struct err *err)
{
	struct script_store *store = malloc(sizeof *store);
	if (!store)
		return err_set(err, ERR_MEMORY, "no memory");
	store->directory = -1;
	if (directory && *directory) {
		store->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (store->directory < 0) {
			err_system(err, "scripts.directory %s", directory);
			err->code = ERR_INVALID;
			free(store);
			return -1;
		}
	}
	*made = store;
	return 0;
}

void script_store_free(struct script_store *store)
{
	if (store && store->directory >= 0)
		close(store->directory);
	free(store);
}

static int entries_check(DIR *listing, struct err *err)
{
	const struct dirent *entry;
	struct stat st;
	while ((entry = readdir(listing))) {
		int fd = dirfd(listing);
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (faccessat(fd, entry->d_name, R_OK, AT_EACCESS) < 0)
			return err_system(err, "the script %.100s can't be read by uid %u",
				entry->d_name, (unsigned)geteuid());
	}
	return 0;
}

int script_store_check(const struct script_store *store, struct err *err)
{
	if (store->directory < 0)
		return 0;
	if (faccessat(store->directory, ".", X_OK, AT_EACCESS) < 0)
		return err_system(err, "scripts.directory can't be entered by uid %u",
			(unsigned)geteuid());
	int fd = openat(store->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	if (!listing) {			/* names can be found without a list of them */
		if (fd >= 0)
			close(fd);
		return 0;
	}
	int result = entries_check(listing, err);
	closedir(listing);
	return result;
}

static int open_beneath(int directory, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

/* Whatever keeps a name from being a plain file below the directory makes it a script that is not there;
 * telling more would tell a request what else lies on the host. */
static bool absent(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EXDEV || error == ELOOP ||
		error == EISDIR || error == ENXIO || error == ENAMETOOLONG || error == EINVAL;
}

static int read_whole(int fd, size_t size, struct arena *arena, const char **code, struct err *err)
{
	char *data = arena_alloc(arena, size + 1);
	size_t got = 0;
	if (!data)
		return err_set(err, ERR_MEMORY, "no memory for the script");
	while (got < size) {
		ssize_t part = read(fd, data + got, size - got);
		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return err_set(err, ERR_SYSTEM, "the script changed while it was read");
		got += (size_t)part;
	}
	data[size] = '\0';
	*code = data;
	return 0;
}

static int read_checked(int fd, struct arena *arena, const char *name, const char **code,
	size_t *size, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_system(err, "the script %.100s", name);
	if (!S_ISREG(st.st_mode))
		return 1;
	if ((size_t)st.st_size > SCRIPT_MAX_BYTES)
		return err_set(err, ERR_INVALID, "the script %.100s is larger than %u bytes", name,
			SCRIPT_MAX_BYTES);
	if (read_whole(fd, (size_t)st.st_size, arena, code, err) < 0)
		return -1;
	if (memchr(*code, '\0', (size_t)st.st_size) || !utf8_valid(*code, (size_t)st.st_size))
		return err_set(err, ERR_INVALID, "the script %.100s is not UTF-8 text", name);
	*size = (size_t)st.st_size;
	return 0;
}

static int read_name(const struct script_store *store, struct arena *arena, const char *name,
	const char **code, size_t *size, struct err *err)
{
	int fd = open_beneath(store->directory, name);
	if (fd < 0)
		return absent(errno) ? 1 : err_system(err, "the script %.100s", name);
	int result = read_checked(fd, arena, name, code, size, err);
	close(fd);
	return result;
}

int script_store_read(const struct script_store *store, struct arena *arena, const char *name,
	const char *extension, const char **code, size_t *size, struct err *err)
{
	char longer[NAME_BYTES + 32];
	if (store->directory < 0 || strlen(name) > NAME_BYTES)
		return 1;
	int result = read_name(store, arena, name, code, size, err);
	if (result != 1 || !extension || !*name)
		return result;
	snprintf(longer, sizeof longer, "%s%.20s", name, extension);
	return read_name(store, arena, longer, code, size, err);
}
