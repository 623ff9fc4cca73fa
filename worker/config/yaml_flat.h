/* yaml_flat.h: a bounded YAML file as a flat list of dotted names and values.
 *
 *	worker:			worker.slots -> "2", line 2
 *	  slots: 2		sandbox.require -> ["landlock", "cgroup"], line 3
 *	sandbox.require: [landlock, cgroup]
 *
 * Nested mappings and dotted keys mean the same. Anchors, aliases, tags, merge keys, several
 * documents, a name given twice, and anything deeper than configuration needs are refused.
 */
#ifndef CODEWORKER_YAML_FLAT_H
#define CODEWORKER_YAML_FLAT_H

#include <stdbool.h>
#include <stddef.h>

#include "../../sandbox/err.h"

#define YAML_FLAT_BYTES (256 * 1024)	/* of the file, at most */
#define YAML_FLAT_DEPTH 6
#define YAML_FLAT_NAMES 4096

struct yaml_leaf {
	const char *name;		/* "worker.slots" */
	const char *const *items;	/* valid during the call */
	size_t count;
	bool is_list;			/* a sequence; otherwise exactly one item */
	bool is_null;			/* nothing, ~ or null was written */
	int line;
};

/* Called for each leaf in order. Returns 0, or -1 with err filled. */
typedef int yaml_flat_leaf(void *context, const struct yaml_leaf *leaf, struct err *err);

/* Returns 0, or -1 with err: the leaf's own, or ERR_INVALID with "FILE:LINE: ", ERR_SYSTEM when the
 * file can't be read, ERR_MEMORY. */
int yaml_flat_read(const char *path, yaml_flat_leaf *leaf, void *context, struct err *err);

#endif
