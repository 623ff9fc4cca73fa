/* host.c: see host.h. */
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"
#include "landlock.h"
#include "mount.h"
#include "namespace.h"

#define BIT(id) (1u << SANDBOX_MECHANISM_##id)

uint32_t host_mechanisms(const struct host *host, enum sandbox_level level)
{
	uint32_t mechanisms = BIT(PID_NAMESPACE) | BIT(MOUNT_NAMESPACE) | BIT(NO_NEW_PRIVS) |
		BIT(RLIMIT) | BIT(SECCOMP);
	mechanisms |= host->own_identity ? BIT(IDENTITY) : 0;
	mechanisms |= host->user_namespace ? BIT(USER_NAMESPACE) : 0;
	mechanisms |= host->have_cgroup ? BIT(CGROUP) : BIT(SAMPLING);
	if (level == SANDBOX_NONE)
		return mechanisms;
	mechanisms |= host->landlock_abi > 0 ? BIT(LANDLOCK) : 0;
	mechanisms |= BIT(NETWORK_NAMESPACE) | BIT(IPC_NAMESPACE);
	return mechanisms | (level == SANDBOX_STRICT ? BIT(UTS_NAMESPACE) : 0);
}

static bool core_is_piped(void)
{
	char first = 0;
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	bool piped = read(fd, &first, 1) != 1 || first == '|';
	close(fd);
	return piped;
}

static void views_open(struct host *host)
{
	struct err err;
	for (int view = 0; view < VIEWS; view++) {
		host->view_ns[view] = -1;
		host->view_error[view][0] = '\0';
		if (view == VIEW_HOST && host->setup.floor > SANDBOX_NONE)
			continue;	/* no job may have it */
		if (view_make(host, (enum view)view, &host->view_ns[view], &err) < 0)
			snprintf(host->view_error[view], sizeof host->view_error[view], "%.199s",
				err.text);
	}
}

int host_open(struct host *host, struct err *err)
{
	host->processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (host->processors < 1)
		host->processors = 1;
	host->own_identity = namespace_privileged();
	host->user_namespace = !host->own_identity;
	if (host->user_namespace && geteuid() == 0)	/* no other id could be mapped there */
		return err_set(err, ERR_UNAVAILABLE, "root lacks capabilities that sandboxes take, and jobs would "
			"have root's own uid (start as another user, or as root with all capabilities)");
	if (host->user_namespace && namespace_enter_user(err) < 0)
		return -1;
	host->landlock_abi = landlock_abi();
	host->core_piped = core_is_piped();
	host->life_fd = pidfd_of(getpid());
	if (host->life_fd < 0)
		return err_system(err, "pidfd_open (needs Linux 5.12 or later)");
	views_open(host);
	/* Else each sandbox's processes would have all of them to drop, one call each. */
	if (bounding_set_narrow(forking_capabilities(host->user_namespace)) < 0)
		return err_system(err, "the launcher's bounding set");
	return 0;
}

void host_close(struct host *host)
{
	for (int view = 0; view < VIEWS; view++)
		if (host->view_ns[view] >= 0)
			close(host->view_ns[view]);
}
