/* namespace.h: user_namespaces(7), network_namespaces(7), ipc_namespaces(7), uts_namespaces(7). */
#ifndef LAUNCHER_NAMESPACE_H
#define LAUNCHER_NAMESPACE_H

#include <stdbool.h>

#include "../err.h"
#include "../shared/setup.h"

/* The namespaces that one slot owns and lends to one job after another. Nothing a job does in them
 * can outlast it: SysV and POSIX queues are filtered, sockets die with their processes. */
enum slot_namespace { SLOT_NET, SLOT_IPC, SLOT_UTS, SLOT_NAMESPACES };

/* Whether this process can make namespaces and change ids without a user namespace. */
bool namespace_privileged(void);

/* Makes the caller root of a new user namespace that maps only its own uid and gid. */
int namespace_enter_user(struct err *err);

/* In a job: a user namespace of its own, where the launcher's uid bears the number id. */
int namespace_enter_identity(unsigned id);

/* Makes the three namespaces; *fds are close-on-exec and the caller's. */
int namespace_make_slot(int fds[SLOT_NAMESPACES], struct err *err);

/* How many of the slot's namespaces, in their order, a sandbox of this level joins. */
static inline unsigned level_namespaces(enum sandbox_level level)
{
	return level == SANDBOX_NONE ? 0 : level == SANDBOX_RESTRICTED ? SLOT_UTS : SLOT_NAMESPACES;
}

/* Enters the first count of a slot's namespaces. 0 or -1 with errno. */
int namespace_enter_slot(const int *fds, unsigned count, const struct setup *setup);

/* Makes the caller's cgroups the roots of what it sees of them; once it has joined them. EINVAL, a kernel
 * without, is fine. */
int namespace_enter_cgroup(void);

/* pidfd_open(2), pidfd_send_signal(2): glibc 2.36 has them, older ones lack them. */
int pidfd_of(int pid);
int pidfd_kill(int pidfd);

#endif
