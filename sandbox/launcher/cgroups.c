/* cgroups.c: where groups can be, whether they hold, and that none is left: see cgroup.h. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup_internal.h"

#define SWEEP_MS 5
#define GROUP_PREFIX "codesandbox-"
#define TRIAL_SERIAL (~0u)
#define TRIAL_MEMORY_BYTES (16u << 20)

static const char *const controllers[CGROUP_CONTROLLERS] = {"memory", "pids", "cpuacct"};

/* ---- where they can be */

static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list; at; at = strchr(at, ','), at += at != NULL)
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

/* /proc/self/mountinfo: "... root mountpoint options ... - cgroup source superoptions". */
static int hierarchy_find(const char *controller, char root[256], char mount_point[256])
{
	char line[4096];
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	int found = -1;
	while (mounts && found < 0 && fgets(line, sizeof line, mounts)) {
		char type[32], options[512];
		const char *dash = strstr(line, " - ");
		if (!dash || sscanf(dash, " - %31s %*s %511s", type, options) != 2 ||
				strcmp(type, "cgroup") != 0 || !list_has(options, controller))
			continue;
		if (sscanf(line, "%*s %*s %*s %255s %255s", root, mount_point) == 2)
			found = 0;
	}
	if (mounts)
		fclose(mounts);
	return found;
}

/* /proc/self/cgroup: "N:controllers:path". */
static int own_place(const char *controller, char path[256])
{
	char line[1024];
	FILE *groups = fopen("/proc/self/cgroup", "re");
	int found = -1;
	while (groups && found < 0 && fgets(line, sizeof line, groups)) {
		char *list = strchr(line, ':'), *place = list ? strchr(list + 1, ':') : NULL;
		if (!place)
			continue;
		*place++ = '\0';
		place[strcspn(place, "\n")] = '\0';
		if (list_has(list + 1, controller) && strlen(place) < 256) {
			strcpy(path, place);
			found = 0;
		}
	}
	if (groups)
		fclose(groups);
	return found;
}

/* The part of place below root, or NULL where it is not below. */
static const char *path_below(const char *place, const char *root)
{
	size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(place, root, length) != 0 || (place[length] != '/' && place[length] != '\0'))
		return NULL;
	return strcmp(place + length, "/") == 0 ? "" : place + length;
}

/* A group of ours below our own place: where the mount shows only a part of the hierarchy, it must
 * be a part with that place in it. */
static int parent_path(const char *controller, const char *instance, char path[512])
{
	char root[256], mount_point[256], place[256];
	if (hierarchy_find(controller, root, mount_point) < 0 || own_place(controller, place) < 0)
		return -1;
	const char *below = path_below(place, root);
	if (!below)
		return -1;
	int length = snprintf(path, 512, "%s%s/" GROUP_PREFIX "%s", mount_point, below, instance);
	return length < 512 ? 0 : -1;
}

void cgroups_places(const char *instance, char places[CGROUP_CONTROLLERS][512])
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (parent_path(controllers[i], instance, places[i]) < 0)
			places[i][0] = '\0';
}

/* Without an account of swap a group at its limit would go on into it; groups made below inherit. */
static void swap_settle(struct cgroups *cgroups)
{
	int memory = directory_open(cgroups->parents[CGROUP_MEMORY]);
	if (memory < 0)
		return;
	cgroups->memsw = faccessat(memory, "memory.memsw.limit_in_bytes", W_OK, 0) == 0;
	(void)cgroup_file_write(memory, "memory.swappiness", 0);
	close(memory);
}

/* In a group that takes one process: joins it, and finds that it can't fork. */
static _Noreturn void trial_child(const struct cgroup *group)
{
	if (cgroup_join(group->procs_fds) < 0)
		_exit(1);
	pid_t pid = fork();
	_exit(pid < 0 && errno == EAGAIN ? 0 : 2);
}

/* Some hosts show groups that take no limit or no process. Whether they do is known by trying. */
static bool trial(const struct cgroups *cgroups, struct cgroup *group)
{
	struct cgroup_usage usage;
	int status = -1;
	if (cgroup_limit(cgroups, group, TRIAL_MEMORY_BYTES, 1, NULL) < 0 ||
			cgroup_file_read(group->directory_fds[CGROUP_MEMORY], "memory.limit_in_bytes") !=
			TRIAL_MEMORY_BYTES)
		return false;
	pid_t pid = fork();
	if (pid == 0)
		trial_child(group);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0 || cgroup_usage(group, &usage) < 0)
		return false;
	cgroup_denials(group, &usage);
	return usage.pids_denied > 0 && usage.cpu_us > 0 && usage.memory_peak_bytes > 0;
}

static int parents_make(struct cgroups *cgroups, const char *instance, struct err *err)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		char *path = cgroups->parents[i];
		int found = parent_path(controllers[i], instance, path);
		if (found == 0 && (mkdir(path, 0755) == 0 || errno == EEXIST))
			continue;
		path[0] = '\0';
		if (found < 0)
			return err_set(err, ERR_UNAVAILABLE, "no version 1 hierarchy with the %s "
				"controller is mounted with the worker's own group in it",
				controllers[i]);
		return err_set(err, ERR_UNAVAILABLE, "no group can be made in the %s hierarchy: %s "
			"(start as root, or have the group of the worker delegated)",
			controllers[i], strerror(errno));
	}
	return 0;
}

int cgroups_open(struct cgroups *cgroups, const char *instance, struct err *err)
{
	struct cgroup group;
	*cgroups = (struct cgroups){.sweeper_fd = -1};
	int result = parents_make(cgroups, instance, err);
	if (result == 0) {
		swap_settle(cgroups);
		result = cgroup_acquire(cgroups, TRIAL_SERIAL, &group, err);
	}
	if (result == 0) {
		if (!trial(cgroups, &group))
			result = err_set(err, ERR_UNAVAILABLE,
				"a group can be made, but its limits hold no process");
		cgroup_destroy(cgroups, &group);
	}
	if (result < 0)
		cgroups_close(cgroups);
	return result;
}

/* ---- removing them */

/* Whether nothing of it is left. */
static bool group_remove(const char *parent, const char *name)
{
	char path[800];
	snprintf(path, sizeof path, "%.511s/%.255s", parent, name);
	return rmdir(path) == 0 || errno == ENOENT;
}

static bool part_remove(const struct cgroups *cgroups, struct cgroup_part part)
{
	char name[16];
	snprintf(name, sizeof name, "%u", part.serial);
	return group_remove(cgroups->parents[part.controller], name);
}

static void remove_or_note(struct cgroups *cgroups, struct cgroup_part part)
{
	if (cgroups->busy_count == CGROUP_SWEEP_MAX)
		cgroups_sweep(cgroups);
	if (!part_remove(cgroups, part) && cgroups->busy_count < CGROUP_SWEEP_MAX)
		cgroups->busy[cgroups->busy_count++] = part;
}

/* Whether it is in other hands now. */
static bool sweeper_take(const struct cgroups *cgroups, struct cgroup_part part)
{
	return cgroups->sweeper_fd >= 0 && write(cgroups->sweeper_fd, &part, sizeof part) == sizeof part;
}

void cgroups_remove(struct cgroups *cgroups, struct cgroup_part part)
{
	if (!sweeper_take(cgroups, part))
		remove_or_note(cgroups, part);
}

void cgroups_sweep(struct cgroups *cgroups)
{
	for (unsigned i = 0; i < cgroups->busy_count;)
		if (part_remove(cgroups, cgroups->busy[i]))
			cgroups->busy[i] = cgroups->busy[--cgroups->busy_count];
		else
			i++;
}

/* Until the launcher closes its end of the pipe; what is still busy then is cleared by cgroups_close. */
static _Noreturn void sweeper_main(struct cgroups *cgroups, int fd)
{
	struct pollfd more = {.fd = fd, .events = POLLIN};
	struct cgroup_part part;
	cgroups->sweeper_fd = -1;
	for (;;) {
		if (poll(&more, 1, cgroups->busy_count > 0 ? SWEEP_MS : -1) > 0) {
			if (read(fd, &part, sizeof part) != sizeof part)
				_exit(0);
			remove_or_note(cgroups, part);
		} else {
			cgroups_sweep(cgroups);
		}
	}
}

void cgroups_sweeper_start(struct cgroups *cgroups)
{
	int ends[2];
	pid_t launcher = getpid();
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	cgroups->sweeper = fork();
	if (cgroups->sweeper == 0) {
		int low = dup2(ends[0], 0);
		if (low < 0 || close_range(1, ~0u, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
				getppid() != launcher)
			_exit(1);
		sweeper_main(cgroups, low);
	}
	close(ends[0]);
	if (cgroups->sweeper > 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
		cgroups->sweeper_fd = ends[1];
	else
		close(ends[1]);
}

static void sweeper_end(struct cgroups *cgroups)
{
	if (cgroups->sweeper_fd < 0)
		return;
	close(cgroups->sweeper_fd);
	cgroups->sweeper_fd = -1;
	while (waitpid(cgroups->sweeper, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* ---- what is left at the end, or of a killed predecessor */

static void group_kill(int parent, const char *name)
{
	char path[300], line[32];
	snprintf(path, sizeof path, "%.255s/cgroup.procs", name);
	int fd = openat(parent, path, O_RDONLY | O_CLOEXEC);
	FILE *processes = fd < 0 ? NULL : fdopen(fd, "r");
	if (!processes && fd >= 0)
		close(fd);
	while (processes && fgets(line, sizeof line, processes)) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);
		if (pid > 0)
			(void)kill(pid, SIGKILL);
	}
	if (processes)
		fclose(processes);
}

/* What forks while it is being killed is killed the next time. */
static void group_clear(int parent, const char *path, const char *name)
{
	for (int tries = 0; tries < 50 && !group_remove(path, name); tries++) {
		group_kill(parent, name);
		usleep(tries < 10 ? 1000 : 10000);
	}
}

static void groups_clear(const char *path)
{
	DIR *parent = opendir(path);
	if (!parent)
		return;
	const struct dirent *entry;
	while ((entry = readdir(parent)))
		if (entry->d_name[0] != '.' && entry->d_type == DT_DIR)
			group_clear(dirfd(parent), path, entry->d_name);
	closedir(parent);
}

void cgroups_close(struct cgroups *cgroups)
{
	while (cgroups->spare_count > 0)
		cgroup_destroy(cgroups, &cgroups->spares[--cgroups->spare_count]);
	sweeper_end(cgroups);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (cgroups->parents[i][0]) {
			groups_clear(cgroups->parents[i]);
			(void)rmdir(cgroups->parents[i]);
		}
}

int cgroups_clear_leftovers(const char *instance, const char *path)
{
	char name[64];
	const char *last = strrchr(path, '/');
	snprintf(name, sizeof name, "/" GROUP_PREFIX "%.40s", instance);
	if (!last || strcmp(last, name) != 0)
		return 0;
	groups_clear(path);
	return rmdir(path) < 0 && errno != ENOENT ? -1 : 0;
}
