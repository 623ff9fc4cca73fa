/* mount.c: what one sandbox adds to its view. See mount.h; view.c makes the views. */
#include "mount.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "mount_api.h"

/* An inode costs about 1 KiB of kernel memory that is charged to the job's cgroup. */
#define INODES_MAX 16384
#define INODES_MIN 64

static const char *const job_directories[] = {"work", "tmp", "shm"};

static void size_options(const struct host *host, uint64_t bytes, char size[32], char inodes[32])
{
	uint64_t count = bytes / 4096;
	if (count > INODES_MAX)
		count = INODES_MAX;
	if (count < INODES_MIN)
		count = INODES_MIN;
	if (DROPPED(&host->setup, "tmpfs_inodes"))
		count = 10 * INODES_MAX;
	if (DROPPED(&host->setup, "tmpfs_size"))
		bytes = 1ull << 40;
	/* A page more than asked: the directories and our own small files are not the job's. */
	snprintf(size, 32, "%llu", (unsigned long long)bytes + (64 << 10));
	snprintf(inodes, 32, "%llu", (unsigned long long)count);
}

static int configure(const struct host *host, int fs, uint64_t bytes, unsigned command)
{
	char size[32], inodes[32];
	size_options(host, bytes, size, inodes);
	if (sys_fsconfig_string(fs, "size", size) < 0)
		return -1;
	if (sys_fsconfig_string(fs, "nr_inodes", inodes) < 0)
		return -1;
	return sys_fsconfig_command(fs, command);
}

static int tmpfs_make(const struct host *host, uint64_t bytes)
{
	int fs = sys_fsopen("tmpfs");
	if (fs < 0)
		return -1;
	int mount_fd = -1;
	if (sys_fsconfig_string(fs, "mode", "0755") == 0 &&
			configure(host, fs, bytes, FSCONFIG_CMD_CREATE) == 0)
		mount_fd = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	int saved = errno;
	close(fs);
	errno = saved;
	return mount_fd;
}

static int directories_make(int mount_fd, uid_t owner)
{
	for (size_t i = 0; i < sizeof job_directories / sizeof *job_directories; i++) {
		if (mkdirat(mount_fd, job_directories[i], 0700) < 0)
			return -1;
		if (fchmodat(mount_fd, job_directories[i], i == 0 ? 0700 : 01777, 0) < 0)
			return -1;
		if (fchownat(mount_fd, job_directories[i], owner, owner, 0) < 0)
			return -1;
	}
	return fchownat(mount_fd, "", owner, owner, AT_EMPTY_PATH);
}

int job_files_make(const struct host *host, uid_t owner, uint64_t bytes, struct err *err)
{
	int mount_fd = tmpfs_make(host, bytes);
	if (mount_fd < 0)
		return err_system(err, "the job's tmpfs can't be made (needs Linux 5.12 or later)");
	if (directories_make(mount_fd, owner) < 0) {
		err_system(err, "the job's directories can't be made");
		close(mount_fd);
		return -1;
	}
	return mount_fd;
}

int job_files_resize(const struct host *host, int mount_fd, uint64_t bytes, struct err *err)
{
	int fs = sys_fspick(mount_fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
	if (fs < 0)
		return err_system(err, "fspick on the job's tmpfs");
	int result = configure(host, fs, bytes, FSCONFIG_CMD_RECONFIGURE);
	if (result < 0)
		err_system(err, "the job's tmpfs can't be sized");
	close(fs);
	return result;
}

/* What /proc shows of the machine that no program needs, and that would tell jobs of each other or
 * of the host's keys and boot options. Root's files there are closed to a job anyway. */
static const char *const masked[] = {"/proc/keys", "/proc/key-users", "/proc/cmdline",
	"/proc/kallsyms", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats"};

/* Each is tried: the launcher's own /proc may have other options, or some of them covered. */
static int proc_mask(void)
{
	for (size_t i = 0; i < sizeof masked / sizeof *masked; i++)
		if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			return -1;
	return 0;
}

static int job_files_attach(int mount_fd)
{
	if (sys_move_mount(mount_fd, AT_FDCWD, JOB_DIRECTORY) < 0)
		return -1;
	if (mount(JOB_DIRECTORY "/tmp", "/tmp", NULL, MS_BIND, NULL) < 0)
		return -1;
	return mount(JOB_DIRECTORY "/shm", "/dev/shm", NULL, MS_BIND, NULL);
}

const char *mounts_enter(const struct host *host, enum view view, int mount_fd)
{
	if (setns(host->view_ns[view], CLONE_NEWNS) < 0)
		return "entering the view's mount namespace";
	if (unshare(CLONE_NEWNS) < 0)
		return "copying the view's mount namespace";
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return "mounting /proc";
	if (view == VIEW_SYSTEM && !DROPPED(&host->setup, "proc_mask") && proc_mask() < 0)
		return "masking files of /proc";
	if (job_files_attach(mount_fd) < 0)
		return "mounting the job's own directories";
	return NULL;
}
