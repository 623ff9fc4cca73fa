/* landlock.h: landlock(7). A second wall around files, and the one around abstract sockets and signals.
 */
#ifndef LAUNCHER_LANDLOCK_H
#define LAUNCHER_LANDLOCK_H

#include <stdbool.h>

#include "../err.h"

#define LANDLOCK_ABI_MIN 2	/* below it rename across directories breaks (no REFER) */
#define LANDLOCK_ABI_SCOPES 6	/* from here on abstract sockets and signals can be scoped */

/* Directories, NULL-terminated lists or NULL. What can't be opened is skipped, and so stays closed. */
struct landlock_policy {
	const char *const *read_execute;
	const char *const *read_write;		/* also execute */
	const char *const *read_write_noexec;
	bool scope_signals, scope_abstract_sockets, deny_network;
};

/* The kernel's ABI version, 0 where there is none that serves. */
int landlock_abi(void);

/* Restricts the calling thread for good (no_new_privs must be set). abi: as found. 0, or -1 with
 * errno. */
int landlock_restrict(const struct landlock_policy *policy, int abi);

#endif
