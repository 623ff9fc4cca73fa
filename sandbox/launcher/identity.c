/* identity.c: see identity.h. */
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the set may still have, of this process and those that it forks: within a user namespace sets only shrink, and
 * asking about each capability in each process takes longer than dropping a few. */
static uint64_t possible = ~0ull;

void bounding_set_renewed(void)
{
	possible = ~0ull;
}

int bounding_set_narrow(uint64_t kept)
{
	for (int capability = 0; capability < 64; capability++) {
		const uint64_t bit = 1ull << capability;
		if (!(possible & bit) || (kept & bit))
			continue;
		int has = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);	/* -1: there is no such capability */
		if (has == 1 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -1;
		possible &= ~bit;
	}
	return 0;
}

uint64_t forking_capabilities(bool user_namespace)
{
	const uint64_t kept = 1ull << CAP_SYS_ADMIN | 1ull << CAP_SYS_CHROOT | 1ull << CAP_SETUID |
		1ull << CAP_SETGID | 1ull << CAP_SETPCAP;
	return user_namespace ? kept | 1ull << CAP_SETFCAP : kept;
}

int identity_change_ids(uid_t id)
{
	if (setgroups(0, NULL) < 0)
		return -1;
	if (setresgid(id, id, id) < 0)
		return -1;
	return setresuid(id, id, id);
}

int identity_change(uid_t id)
{
	if (bounding_set_narrow(0) < 0)	/* while CAP_SETPCAP is held */
		return -1;
	return identity_change_ids(id);
}

int capabilities_drop(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	if (bounding_set_narrow(0) < 0)
		return -1;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -1;
	return (int)syscall(SYS_capset, &header, none);
}

int keyring_leave(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return -1;
	return 0;
}
