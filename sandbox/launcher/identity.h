/* identity.h: credentials(7), capabilities(7). */
#ifndef LAUNCHER_IDENTITY_H
#define LAUNCHER_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Takes all but those kept (bits 1 << CAP_*) out of the bounding set: what it lacks no later exec can bring. 0, or -1
 * with errno. */
int bounding_set_narrow(uint64_t kept);

/* To be told of a new user namespace: in it the set is full again. */
void bounding_set_renewed(void);

/* What forking into namespaces takes, as bits: joining them, mount namespaces too, and changing ids. In a user
 * namespace a job maps its root's id into one of its own, which takes CAP_SETFCAP (user_namespaces(7)). */
uint64_t forking_capabilities(bool user_namespace);

/* Empties the bounding set, then becomes uid and gid id with no other group. 0, or -1 with errno. */
int identity_change(uid_t id);

/* The ids alone. */
int identity_change_ids(uid_t id);

/* Gives up every capability in every set, and the right to get any again (bounding set). */
int capabilities_drop(void);

/* Leaves the launcher's session keyring for an empty one (keyrings(7)); ENOSYS is fine. */
int keyring_leave(void);

#endif
