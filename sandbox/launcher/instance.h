/* instance.h: one launcher's name in the run directory, locked while it lives.
 *
 * What a launcher leaves behind when it is killed is its cgroups and this file; a later start
 * clears what belongs to instances whose lock it can take, and nothing else.
 */
#ifndef LAUNCHER_INSTANCE_H
#define LAUNCHER_INSTANCE_H

#include "../err.h"

struct instance {
	char name[40];			/* letters, digits and '-' */
	char path[300];			/* of the lock file */
	int lock_fd;
};

/* directory: made if missing (mode 0700); must be ours. */
int instance_open(struct instance *instance, const char *directory, struct err *err);
void instance_close(struct instance *instance);

/* Calls clear(name) for each dead instance, then removes its lock file when clear returned 0. */
void instance_clear_dead(const struct instance *self, const char *directory,
	int (*clear)(const char *name));

#endif
