/* namespace.c: see namespace.h. */
#include "namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "identity.h"

static bool effective(const struct __user_cap_data_struct data[2], unsigned capability)
{
	return data[capability / 32].effective >> (capability % 32) & 1;
}

bool namespace_privileged(void)
{
	static const unsigned needed[] = {CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_CHOWN,
		CAP_DAC_OVERRIDE, CAP_KILL, CAP_SYS_CHROOT, CAP_SETPCAP, CAP_FOWNER};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!effective(data, needed[i]))
			return false;
	return geteuid() == 0;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t wrote = write(fd, text, strlen(text));
	int saved = errno;
	close(fd);
	errno = saved;
	return wrote == (ssize_t)strlen(text) ? 0 : -1;
}

/* inside: the number by which the new namespace knows the outside uid and gid. */
static int map_ids(unsigned inside, unsigned outside_uid, unsigned outside_gid)
{
	char uids[64], gids[64];
	snprintf(uids, sizeof uids, "%u %u 1\n", inside, outside_uid);
	snprintf(gids, sizeof gids, "%u %u 1\n", inside, outside_gid);
	if (write_file("/proc/self/setgroups", "deny") < 0 && errno != ENOENT)
		return -1;
	if (write_file("/proc/self/uid_map", uids) < 0)
		return -1;
	return write_file("/proc/self/gid_map", gids);
}

int namespace_enter_user(struct err *err)
{
	unsigned uid = geteuid(), gid = getegid();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return err_system(err, "a user namespace can't be made (needs "
			"user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 and "
			"no AppArmor restriction, or start as root)");
	bounding_set_renewed();
	if (map_ids(0, uid, gid) < 0)
		return err_system(err, "the ids of the user namespace can't be mapped");
	return 0;
}

int namespace_enter_identity(unsigned id)
{
	unsigned uid = geteuid(), gid = getegid();
	if (unshare(CLONE_NEWUSER) < 0)
		return -1;
	bounding_set_renewed();
	return map_ids(id, uid, gid);
}

static void slot_holder(int ready, pid_t launcher)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != launcher)
		_exit(ESRCH);
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		_exit(errno);
	if (sethostname("sandbox", 7) < 0 || setdomainname("", 0) < 0)
		_exit(errno);
	if (write(ready, "r", 1) != 1)
		_exit(EPIPE);
	pause();
	_exit(0);
}

static int open_slot(pid_t holder, int fds[SLOT_NAMESPACES])
{
	static const char *const names[] = {"net", "ipc", "uts"};
	for (int i = 0; i < SLOT_NAMESPACES; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)holder, names[i]);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0) {
			int saved = errno;
			while (i-- > 0)
				close(fds[i]);
			errno = saved;
			return -1;
		}
	}
	return 0;
}

int namespace_make_slot(int fds[SLOT_NAMESPACES], struct err *err)
{
	int ready[2], status = 0;
	char byte;
	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_system(err, "pipe");
	pid_t launcher = getpid(), holder = fork();
	if (holder == 0) {
		close(ready[0]);
		slot_holder(ready[1], launcher);
	}
	close(ready[1]);
	if (holder < 0) {
		close(ready[0]);
		return err_system(err, "fork");
	}
	bool made = read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	int result = made ? open_slot(holder, fds) : -1, saved = errno;
	kill(holder, SIGKILL);
	if (waitpid(holder, &status, 0) == holder && !made && WIFEXITED(status))
		saved = WEXITSTATUS(status);
	errno = saved;
	if (result < 0)
		return err_system(err, "network, ipc and uts namespaces can't be made");
	return 0;
}

static const char *const slot_names[] = {"network_namespace", "ipc_namespace", "uts_namespace"};
static const int slot_types[] = {CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS};

int namespace_enter_slot(const int *fds, unsigned count, const struct setup *setup)
{
	for (unsigned i = 0; i < count; i++)
		if (!DROPPED(setup, slot_names[i]) && setns(fds[i], slot_types[i]) < 0)
			return -1;
	return 0;
}

int namespace_enter_cgroup(void)
{
	return unshare(CLONE_NEWCGROUP) < 0 && errno != EINVAL ? -1 : 0;
}

int pidfd_of(int pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int pidfd_kill(int pidfd)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}
