/* cgroup_internal.h: shared by cgroup.c, one group, and cgroups.c, all of them. */
#ifndef LAUNCHER_CGROUP_INTERNAL_H
#define LAUNCHER_CGROUP_INTERNAL_H

#include <fcntl.h>

#include "cgroup.h"
#include "close_fd.h"

static inline int directory_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A file of a group's directory that holds one number. Write: 0, or -1 with errno. Read: 0 where there is none. */
int cgroup_file_write(int directory, const char *name, uint64_t number);
uint64_t cgroup_file_read(int directory, const char *name);

/* Closes and removes a group. */
void cgroup_destroy(struct cgroups *cgroups, struct cgroup *cgroup);

/* Removes a directory, now or when it can be done. */
void cgroups_remove(struct cgroups *cgroups, struct cgroup_part part);

#endif
