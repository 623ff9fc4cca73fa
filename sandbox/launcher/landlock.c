/* landlock.c: see landlock.h. The numbers are the kernel's own (include/uapi/linux/landlock.h), given
 * here because the headers of Debian 12 end at ABI 3. */
#include "landlock.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

#define EXECUTE (1ull << 0)
#define WRITE_FILE (1ull << 1)
#define READ_FILE (1ull << 2)
#define READ_DIR (1ull << 3)
#define ALL_ABI_1 ((1ull << 13) - 1)
#define REFER (1ull << 13)		/* ABI 2 */
#define TRUNCATE (1ull << 14)		/* ABI 3 */
#define IOCTL_DEV (1ull << 15)		/* ABI 5 */
#define NET_BIND_TCP (1ull << 0)	/* ABI 4 */
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_UNIX (1ull << 0)	/* ABI 6 */
#define SCOPE_SIGNAL (1ull << 1)

struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	return abi < LANDLOCK_ABI_MIN ? 0 : (int)abi;
}

static uint64_t handled_files(int abi)
{
	uint64_t handled = ALL_ABI_1 | REFER;
	if (abi >= 3)
		handled |= TRUNCATE;
	if (abi >= 5)
		handled |= IOCTL_DEV;
	return handled;
}

static int allow(int ruleset, const char *const *paths, uint64_t access)
{
	for (; paths && *paths; paths++) {
		struct path_beneath_attr rule = {.allowed_access = access,
			.parent_fd = open(*paths, O_PATH | O_CLOEXEC)};
		if (rule.parent_fd < 0)
			continue;
		long result = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
		close(rule.parent_fd);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int ruleset_make(const struct landlock_policy *policy, int abi)
{
	struct ruleset_attr attr = {.handled_access_fs = handled_files(abi)};
	size_t size = sizeof attr.handled_access_fs;
	if (abi >= 4) {
		attr.handled_access_net = policy->deny_network ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
		size += sizeof attr.handled_access_net;
	}
	if (abi >= LANDLOCK_ABI_SCOPES) {
		attr.scoped = (policy->scope_abstract_sockets ? SCOPE_ABSTRACT_UNIX : 0) |
			(policy->scope_signals ? SCOPE_SIGNAL : 0);
		size += sizeof attr.scoped;
	}
	return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

int landlock_restrict(const struct landlock_policy *policy, int abi)
{
	uint64_t all = handled_files(abi);
	int ruleset = ruleset_make(policy, abi);
	if (ruleset < 0)
		return -1;
	int result = -1;
	if (allow(ruleset, policy->read_execute, EXECUTE | READ_FILE | READ_DIR) == 0 &&
			allow(ruleset, policy->read_write, all) == 0 &&
			allow(ruleset, policy->read_write_noexec, all & ~EXECUTE) == 0)
		result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
	return result;
}
