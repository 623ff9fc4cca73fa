/* instance.h: one launcher's name in the run directory, locked while it lives, and its block of ids.
 *
 * What a launcher leaves behind when it is killed is its cgroups and its files here; a later start
 * clears what belongs to instances whose lock it can take, and nothing else. The lock's file says where
 * the cgroups are: whoever clears them may have been started elsewhere.
 */
#ifndef LAUNCHER_INSTANCE_H
#define LAUNCHER_INSTANCE_H

#include <stddef.h>
#include <stdint.h>

#include "../err.h"

#define INSTANCE_IDS 1024u		/* a block: more than cells there can be, and two */
#define INSTANCE_BLOCKS 64u

struct instance {
	char name[40];			/* letters, digits and '-' */
	int directory_fd;
	int lock_fd;
	int ids_directory_fd, ids_fd;	/* -1: no block was claimed */
	uint32_t first_id;		/* of the block */
};

/* directory: made if missing (mode 0700); must be ours. */
int instance_open(struct instance *instance, const char *directory, struct err *err);
void instance_close(struct instance *instance);

/* Notes a directory that is to be cleared when this instance is dead; before it is made. */
int instance_note(struct instance *instance, const char *path, struct err *err);

#define INSTANCE_IDS_DIRECTORY "/run/codesandbox"

/* directory: where claims stand, made if missing; the run directory where it can't be made. Claims the first free block of INSTANCE_IDS ids from *base on, so that no two workers of a machine have jobs of
 * one uid, whatever their run directories; *base is then the block's first. -1 with err: ERR_UNAVAILABLE, ERR_SYSTEM. */
int instance_claim_ids(struct instance *instance, const char *directory, uint32_t *base, struct err *err);

/* Calls clear(name, path) for each noted path of each dead instance, then removes its lock file when that
 * returned 0 for all of them. */
void instance_clear_dead(const struct instance *self, int (*clear)(const char *name, const char *path));

#endif
