/* view.c: makes the mount namespaces that sandboxes copy. See mount.h.
 *
 * A short-lived process does it: it clones the trees to show as detached mounts, puts a new tmpfs
 * root together from them, makes that its root (pivot_root(2), with the old root mounted over it and
 * then let go), and waits while the launcher opens its namespace. Nothing of the host's root is left
 * in there to climb back to.
 */
#include "mount.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "mount_api.h"
#include "namespace.h"
#include "runtime_files.h"

#define TREES_MAX 256

enum attribute {
	ATTRIBUTE_SYSTEM = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
	ATTRIBUTE_DEVICE = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
	ATTRIBUTE_HOST = MOUNT_ATTR_NOSUID,
};

struct tree {			/* a piece of the host, cloned and not yet attached */
	int fd;
	bool directory;
	char target[256];	/* relative to the new root */
};

struct plan {
	const struct host *host;
	struct tree trees[TREES_MAX];
	size_t count;
	const char *failed;	/* what could not be done; errno says why */
};

static const char *const system_paths[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
	"/libx32", NULL};
static const char *const etc_trees[] = {"/etc/alternatives", "/etc/ssl/certs", NULL};
static const char *const etc_files[] = {"/etc/ld.so.cache", "/etc/localtime", "/etc/timezone",
	"/etc/mime.types", "/etc/services", "/etc/protocols", "/etc/ssl/openssl.cnf",
	"/etc/debian_version", NULL};
static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
	"/dev/urandom", NULL};

static int fail(struct plan *plan, const char *what)
{
	if (!plan->failed)
		plan->failed = what;
	return -1;
}

/* Makes the directories above path, relative to the working directory. */
static int parents_make(const char *path)
{
	char part[256];
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t length = (size_t)(slash - path);
		if (length == 0 || length >= sizeof part)
			continue;
		memcpy(part, path, length);
		part[length] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int file_make(const char *path, const char *data, size_t size)
{
	if (parents_make(path) < 0)
		return -1;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -1;
	while (size > 0) {
		ssize_t wrote = write(fd, data, size);
		if (wrote <= 0)
			break;
		data += wrote;
		size -= (size_t)wrote;
	}
	close(fd);
	return size == 0 ? 0 : -1;
}

static int tree_add_at(struct plan *plan, const char *path, const char *target, uint64_t attributes)
{
	struct stat st;
	if (plan->count == TREES_MAX || strlen(target) >= sizeof plan->trees[0].target)
		return fail(plan, "too many or too long paths to show");
	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == EACCES ? 0 : fail(plan, path);
	int fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (fd < 0)
		return errno == EACCES ? 0 : fail(plan, path);
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, attributes, MS_PRIVATE) < 0) {
		close(fd);
		return fail(plan, path);
	}
	struct tree *tree = &plan->trees[plan->count++];
	tree->fd = fd;
	tree->directory = S_ISDIR(st.st_mode);
	snprintf(tree->target, sizeof tree->target, "%s", target[0] == '/' ? target + 1 : target);
	return 0;
}

static int tree_add(struct plan *plan, const char *path, uint64_t attributes)
{
	return tree_add_at(plan, path, path, attributes);
}

/* Shared maps of /dev/zero are memory that no process shows, so without a cgroup something else stands
 * there: it reads as zeros, too, and can't be mapped. */
static int zero_replace(struct plan *plan)
{
	if (plan->host->have_cgroup)
		return 0;
	return tree_add_at(plan, "/dev/full", "/dev/zero", ATTRIBUTE_DEVICE);
}

static int trees_add(struct plan *plan, const char *const *paths, uint64_t attributes)
{
	for (size_t i = 0; paths[i]; i++) {
		struct stat st;
		if (lstat(paths[i], &st) == 0 && S_ISLNK(st.st_mode) && attributes != ATTRIBUTE_DEVICE)
			continue;	/* made again as a link: links_copy */
		if (tree_add(plan, paths[i], attributes) < 0)
			return -1;
	}
	return 0;
}

/* Attaches every cloned tree below the working directory, parents first as they were added. */
static int trees_attach(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct tree *tree = &plan->trees[i];
		if (parents_make(tree->target) < 0)
			return fail(plan, tree->target);
		int made = tree->directory ? mkdir(tree->target, 0755)
					   : file_make(tree->target, "", 0);
		if (made < 0 && errno != EEXIST)
			return fail(plan, tree->target);
		if (sys_move_mount(tree->fd, AT_FDCWD, tree->target) < 0)
			return fail(plan, tree->target);
	}
	return 0;
}

/* Small files are copied, since one mount each would cost every sandbox its copy. */
static int file_copy(struct plan *plan, const char *path)
{
	enum { FILE_MAX = 256 << 10 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	char *data = malloc(FILE_MAX);
	ssize_t size = data ? read(fd, data, FILE_MAX) : -1;
	close(fd);
	int made = size >= 0 && size < FILE_MAX ? file_make(path + 1, data, (size_t)size) : 0;
	free(data);
	return made < 0 ? fail(plan, path) : 0;
}

static int link_copy(struct plan *plan, const char *path)
{
	char target[256];
	ssize_t length = readlink(path, target, sizeof target - 1);
	if (length < 0)
		return 0;
	target[length] = '\0';
	return symlink(target, path + 1) < 0 && errno != EEXIST ? fail(plan, path) : 0;
}

/* Python's per-version directories in /etc hold what its site module reads. */
static int etc_prefix_add(struct plan *plan, const char *prefix)
{
	DIR *directory = opendir("/etc");
	if (!directory)
		return 0;
	int result = 0;
	const struct dirent *entry;
	while (result == 0 && (entry = readdir(directory))) {
		char path[300];
		snprintf(path, sizeof path, "/etc/%s", entry->d_name);
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			result = tree_add(plan, path, ATTRIBUTE_SYSTEM);
	}
	closedir(directory);
	return result;
}

static int etc_synthetic(struct plan *plan)
{
	enum { PASSWD_MAX = 64 << 10 };
	static const char nss[] = "passwd: files\ngroup: files\nhosts: files\nservices: files\n"
		"protocols: files\nnetworks: files\n";
	static const char hosts[] = "127.0.0.1 localhost sandbox\n::1 localhost\n";
	char *passwd = malloc(PASSWD_MAX), *group = malloc(PASSWD_MAX);
	int result = -1;
	if (passwd && group) {
		size_t p = (size_t)snprintf(passwd, PASSWD_MAX,
			"root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
			"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
		size_t g = (size_t)snprintf(group, PASSWD_MAX, "root:x:0:\nnogroup:x:65534:\n");
		for (unsigned i = 0; i < host_cells(plan->host); i++) {
			unsigned id = plan->host->setup.uid_base + i;
			p += (size_t)snprintf(passwd + p, PASSWD_MAX - p,
				"sandbox%u:x:%u:%u::/job/work:/bin/sh\n", i, id, id);
			g += (size_t)snprintf(group + g, PASSWD_MAX - g, "sandbox%u:x:%u:\n", i, id);
		}
		if (file_make("etc/passwd", passwd, p) == 0 && file_make("etc/group", group, g) == 0 &&
				file_make("etc/nsswitch.conf", nss, sizeof nss - 1) == 0 &&
				file_make("etc/hosts", hosts, sizeof hosts - 1) == 0)
			result = 0;
	}
	free(passwd);
	free(group);
	return result < 0 ? fail(plan, "/etc") : 0;
}

/* Directories and links that every sandbox has, whatever the view. */
static int skeleton_make(struct plan *plan)
{
	static const char *const directories[] = {"proc", "tmp", "job", ".codesandbox", "dev"};
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		if (mkdir(directories[i], 0755) < 0 && errno != EEXIST)
			return fail(plan, directories[i]);
	if (file_make(".codesandbox/run.py", runtime_python, runtime_python_size) < 0 ||
			file_make(".codesandbox/value.py", runtime_python_value,
				runtime_python_value_size) < 0 ||
			file_make(".codesandbox/warm.py", runtime_python_warm,
				runtime_python_warm_size) < 0 ||
			file_make(".codesandbox/run.js", runtime_node, runtime_node_size) < 0 ||
			file_make(".codesandbox/warm.js", runtime_node_warm,
				runtime_node_warm_size) < 0 ||
			file_make(".codesandbox/" ZYGOTE_PYTHON, zygote_python, zygote_python_size) < 0 ||
			file_make(".codesandbox/" ZYGOTE_NODE, zygote_node, zygote_node_size) < 0 ||
			file_make(".codesandbox/" ZYGOTE_NODE_FORKABLE, zygote_node_forkable,
				zygote_node_forkable_size) < 0)
		return fail(plan, RUNTIME_DIRECTORY);
	return 0;
}

static int system_skeleton_make(struct plan *plan)
{
	if (mkdir("dev/shm", 0755) < 0 || symlink("/proc/self/fd", "dev/fd") < 0 ||
			symlink("/proc/self/fd/0", "dev/stdin") < 0 ||
			symlink("/proc/self/fd/1", "dev/stdout") < 0 ||
			symlink("/proc/self/fd/2", "dev/stderr") < 0)
		return fail(plan, "/dev");
	for (size_t i = 0; system_paths[i]; i++)
		if (link_copy(plan, system_paths[i]) < 0)
			return -1;
	for (size_t i = 0; etc_files[i]; i++)
		if (file_copy(plan, etc_files[i]) < 0)
			return -1;
	return etc_synthetic(plan);
}

static int system_trees_add(struct plan *plan)
{
	const struct setup *setup = &plan->host->setup;
	uint64_t attributes = ATTRIBUTE_SYSTEM;
	if (DROPPED(setup, "mount_readonly"))
		attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	/* A new /proc may be mounted in a user namespace only where one is fully visible already
	 * (mount_too_revealing): the sandbox's own then covers it. */
	if (plan->host->user_namespace && tree_add(plan, "/proc", ATTRIBUTE_HOST) < 0)
		return -1;
	if (trees_add(plan, system_paths, attributes) < 0 ||
			trees_add(plan, etc_trees, attributes) < 0 ||
			trees_add(plan, devices, ATTRIBUTE_DEVICE) < 0 || zero_replace(plan) < 0)
		return -1;
	if (etc_prefix_add(plan, "python3") < 0)
		return -1;
	return trees_add(plan, setup->read_only_paths, attributes);
}

/* A job with its worker's uid could leave its cgroup for another of the worker's. */
static uint64_t host_attributes(const char *name)
{
	return strcmp(name, "sys") == 0 ? ATTRIBUTE_HOST | MOUNT_ATTR_RDONLY : ATTRIBUTE_HOST;
}

/* Everything at the top of the host, but what each sandbox has of its own. */
static int host_trees_add(struct plan *plan)
{
	static const char *const own[] = {".", "..", "tmp", "job", ".codesandbox"};
	DIR *directory = opendir("/");
	if (!directory)
		return fail(plan, "/");
	int result = 0;
	const struct dirent *entry;
	while (result == 0 && (entry = readdir(directory))) {
		char path[300];
		struct stat st;
		bool skip = !plan->host->user_namespace && strcmp(entry->d_name, "proc") == 0;
		for (size_t i = 0; i < sizeof own / sizeof *own; i++)
			skip |= strcmp(entry->d_name, own[i]) == 0;
		snprintf(path, sizeof path, "/%s", entry->d_name);
		if (!skip && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			result = tree_add(plan, path, host_attributes(entry->d_name));
	}
	closedir(directory);
	return result < 0 ? -1 : zero_replace(plan);
}

static int host_links_copy(struct plan *plan)
{
	DIR *directory = opendir("/");
	if (!directory)
		return fail(plan, "/");
	int result = 0;
	const struct dirent *entry;
	while (result == 0 && (entry = readdir(directory))) {
		char path[300];
		snprintf(path, sizeof path, "/%s", entry->d_name);
		result = link_copy(plan, path);
	}
	closedir(directory);
	return result;
}

static int view_build(struct plan *plan, enum view view)
{
	bool host_view = view == VIEW_HOST || DROPPED(&plan->host->setup, "mount_namespace");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(plan, "a private mount namespace");
	if ((host_view ? host_trees_add(plan) : system_trees_add(plan)) < 0)
		return -1;
	if (mount("sandbox", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=16m") < 0 ||
			chdir("/tmp") < 0)
		return fail(plan, "a root of its own");
	if (trees_attach(plan) < 0 || skeleton_make(plan) < 0)
		return -1;
	if ((host_view ? host_links_copy(plan) : system_skeleton_make(plan)) < 0)
		return -1;
	/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top and is let go. */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return fail(plan, "pivot_root");
	if (sys_mount_setattr(AT_FDCWD, "/", 0, ATTRIBUTE_SYSTEM, 0) < 0)
		return fail(plan, "making the root read-only");
	return 0;
}

struct view_report {
	int errnum;			/* 0: made */
	char failed[120];
};

static void view_maker(const struct host *host, enum view view, int report_fd, pid_t launcher)
{
	static struct plan plan;	/* only ever in this short-lived process */
	struct view_report report = {0};
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != launcher)
		_exit(1);
	umask(022);
	plan.host = host;
	if (view_build(&plan, view) < 0) {
		report.errnum = errno ? errno : EINVAL;
		snprintf(report.failed, sizeof report.failed, "%s", plan.failed);
	}
	if (write(report_fd, &report, sizeof report) != sizeof report)
		_exit(1);
	pause();
	_exit(0);
}

static int view_open(pid_t maker, int report_fd, int *ns_fd, struct err *err)
{
	struct view_report report;
	char path[64];
	if (read(report_fd, &report, sizeof report) != sizeof report)
		return err_set(err, ERR_SYSTEM, "the view's maker died");
	if (report.errnum) {
		errno = report.errnum;
		return err_system(err, "the sandbox's root can't be made: %.100s", report.failed);
	}
	snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)maker);
	*ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ns_fd < 0 ? err_system(err, "%s", path) : 0;
}

int view_make(const struct host *host, enum view view, int *ns_fd, struct err *err)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_system(err, "pipe");
	pid_t launcher = getpid(), maker = fork();
	if (maker == 0)
		view_maker(host, view, report[1], launcher);
	close(report[1]);
	int result = maker < 0 ? err_system(err, "fork") : view_open(maker, report[0], ns_fd, err);
	close(report[0]);
	if (maker > 0) {
		kill(maker, SIGKILL);
		waitpid(maker, NULL, 0);
	}
	return result;
}
