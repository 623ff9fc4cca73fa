/* script_store.h: named scripts below one directory. openat2(2).
 *
 * Names come from requests: no name gets out of the directory, by '..', by a link or by an absolute
 * path, and only regular files are read.
 */
#ifndef CODEWORKER_SCRIPT_STORE_H
#define CODEWORKER_SCRIPT_STORE_H

#include <stddef.h>

#include "arena.h"
#include "../sandbox/err.h"

#define SCRIPT_MAX_BYTES (4u << 20)

struct script_store;

/* directory: NULL or "" = no named scripts. Opened now, so a later change of privileges or of the name
 * does not matter. */
int script_store_new(const char *directory, struct script_store **store, struct err *err);
void script_store_free(struct script_store *store);

/* Whether this process, as the user that it is now, can enter the directory and read the files that stand in
 * it. Returns 0, or -1 with err naming the first that it can't. */
int script_store_check(const struct script_store *store, struct err *err);

/* Reads a script into arena, NUL-terminated. extension: tried behind the name when there is no such
 * file; may be NULL. Returns 0, 1 when there is no such script, or -1 with err (it is there, but can't
 * be used: too large, not UTF-8, a NUL byte in it, unreadable). */
int script_store_read(const struct script_store *store, struct arena *arena, const char *name,
	const char *extension, const char **code, size_t *size, struct err *err);

#endif
