/* cgroup.c: see cgroup.h. Everything goes through descriptors of the group's directories. */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Memory is charged in batches of 64 pages (MEMCG_CHARGE_BATCH), so a group at its limit can stand this
 * far below it. */
#define CHARGE_BATCH_BYTES (64u * 4096)

#define SWEEP_MS 5
#define GROUP_PREFIX "codesandbox-"
#define TRIAL_SERIAL (~0u)
#define TRIAL_MEMORY_BYTES (16u << 20)

static const char *const controllers[CGROUP_CONTROLLERS] = {"memory", "pids", "cpuacct"};

static const struct {
	enum cgroup_controller controller;
	const char *file;
} counters[CGROUP_COUNTERS] = {
	[CGROUP_PROCESSES] = {CGROUP_PIDS, "pids.current"},
	[CGROUP_PROCESSES_PEAK] = {CGROUP_PIDS, "pids.peak"},	/* Linux 6.1 */
	[CGROUP_MEMORY_PEAK] = {CGROUP_MEMORY, "memory.max_usage_in_bytes"},
	[CGROUP_CPU_TIME] = {CGROUP_CPU, "cpuacct.usage"},
};

static int write_at(int directory, const char *name, const char *text)
{
	int fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t wrote = write(fd, text, strlen(text));
	int saved = errno;
	close(fd);
	errno = saved;
	return wrote == (ssize_t)strlen(text) ? 0 : -1;
}

static int write_number(int directory, const char *name, uint64_t number)
{
	char text[32];
	snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	return write_at(directory, name, text);
}

static int read_at(int directory, const char *name, char *text, size_t size)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t got = read(fd, text, size - 1);
	close(fd);
	if (got < 0)
		return -1;
	text[got] = '\0';
	return 0;
}

static uint64_t read_number(int directory, const char *name)
{
	char text[64];
	return read_at(directory, name, text, sizeof text) < 0 ? 0 : strtoull(text, NULL, 10);
}

/* A "key value" line of a flat keyed file. */
static uint64_t read_keyed(int directory, const char *name, const char *key)
{
	char text[512];
	if (read_at(directory, name, text, sizeof text) < 0)
		return 0;
	for (char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ' ')
			return strtoull(line + strlen(key), NULL, 10);
	return 0;
}

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

static int directory_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Without an account of swap a group at its limit would go on into it; groups made below inherit. */
static void swap_settle(struct cgroups *cgroups)
{
	int memory = directory_open(cgroups->parents[CGROUP_MEMORY]);
	if (memory < 0)
		return;
	cgroups->memsw = faccessat(memory, "memory.memsw.limit_in_bytes", W_OK, 0) == 0;
	(void)write_number(memory, "memory.swappiness", 0);
	close(memory);
}

/* In a group that takes one process: joins it, and finds that it can't fork. */
static _Noreturn void trial_child(const struct cgroup *group)
{
	if (cgroup_join(group) < 0)
		_exit(1);
	pid_t pid = fork();
	_exit(pid < 0 && errno == EAGAIN ? 0 : 2);
}

/* Some hosts show groups that take no limit or no process. Whether they do is known by trying. */
static bool trial(const struct cgroup *group)
{
	struct cgroup_usage usage;
	int status = -1;
	if (cgroup_limit(group, TRIAL_MEMORY_BYTES, 1, NULL) < 0 ||
			read_number(group->directory_fds[CGROUP_MEMORY], "memory.limit_in_bytes") !=
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
		result = cgroup_create(cgroups, TRIAL_SERIAL, &group, err);
	}
	if (result == 0) {
		if (!trial(&group))
			result = err_set(err, ERR_UNAVAILABLE,
				"a group can be made, but its limits hold no process");
		cgroup_destroy(cgroups, &group);
	}
	if (result < 0)
		cgroups_close(cgroups);
	return result;
}

static int counters_open(struct cgroup *cgroup)
{
	for (int i = 0; i < CGROUP_COUNTERS; i++) {
		cgroup->counter_fds[i] = openat(cgroup->directory_fds[counters[i].controller], counters[i].file,
			O_RDONLY | O_CLOEXEC);
		if (cgroup->counter_fds[i] < 0 && (errno != ENOENT || i != CGROUP_PROCESSES_PEAK))
			return -1;
	}
	return 0;
}

static int counter_read(const struct cgroup *cgroup, enum cgroup_counter counter, uint64_t *value)
{
	char text[64];
	ssize_t got = pread(cgroup->counter_fds[counter], text, sizeof text - 1, 0);
	if (got <= 0)
		return -1;
	text[got] = '\0';
	*value = strtoull(text, NULL, 10);
	return 0;
}

int cgroup_create(struct cgroups *cgroups, unsigned serial, struct cgroup *cgroup, struct err *err)
{
	*cgroup = (struct cgroup){.cgroups = cgroups, .serial = serial, .directory_fds = {-1, -1, -1},
		.counter_fds = {-1, -1, -1, -1}};
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		char path[600];
		snprintf(path, sizeof path, "%s/%u", cgroups->parents[i], serial);
		if (mkdir(path, 0755) < 0 || (cgroup->directory_fds[i] = directory_open(path)) < 0) {
			err_system(err, "the group %s can't be made", path);
			cgroup_destroy(cgroups, cgroup);
			return -1;
		}
	}
	if (counters_open(cgroup) == 0)
		return 0;
	err_system(err, "the counters of the group %u can't be opened", serial);
	cgroup_destroy(cgroups, cgroup);
	return -1;
}

int cgroup_join(const struct cgroup *cgroup)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (write_at(cgroup->directory_fds[i], "cgroup.procs", "0") < 0)
			return -1;
	return 0;
}

int cgroup_limit(const struct cgroup *cgroup, uint64_t memory_bytes, uint64_t processes,
	struct err *err)
{
	int memory = cgroup->directory_fds[CGROUP_MEMORY];
	int limited = write_number(memory, "memory.limit_in_bytes", memory_bytes);
	if (cgroup->cgroups->memsw) {	/* never below the other, so to raise both it comes first */
		if (write_number(memory, "memory.memsw.limit_in_bytes", memory_bytes) < 0)
			return err_system(err, "the group's limit of memory and swap");
		if (limited < 0)
			limited = write_number(memory, "memory.limit_in_bytes", memory_bytes);
	}
	if (limited < 0)
		return err_system(err, "the group's memory limit");
	if (write_number(cgroup->directory_fds[CGROUP_PIDS], "pids.max", processes) < 0)
		return err_system(err, "the group's limit of processes");
	return 0;
}

int cgroup_cpu_us(const struct cgroup *cgroup, uint64_t *cpu_us)
{
	if (counter_read(cgroup, CGROUP_CPU_TIME, cpu_us) < 0)
		return -1;
	*cpu_us /= 1000;
	return 0;
}

int cgroup_processes(const struct cgroup *cgroup)
{
	uint64_t count;
	return counter_read(cgroup, CGROUP_PROCESSES, &count) < 0 ? -1 : (int)count;
}

int cgroup_usage(const struct cgroup *cgroup, struct cgroup_usage *usage)
{
	*usage = (struct cgroup_usage){0};
	if (cgroup_cpu_us(cgroup, &usage->cpu_us) < 0)
		return -1;
	(void)counter_read(cgroup, CGROUP_MEMORY_PEAK, &usage->memory_peak_bytes);
	(void)counter_read(cgroup, CGROUP_PROCESSES_PEAK, &usage->pids_peak);
	return 0;
}

void cgroup_denials(const struct cgroup *cgroup, struct cgroup_usage *usage)
{
	int memory = cgroup->directory_fds[CGROUP_MEMORY];
	usage->oom_kills = read_keyed(memory, "memory.oom_control", "oom_kill");
	usage->memory_limit_hit = usage->memory_peak_bytes + CHARGE_BATCH_BYTES >=
		read_number(memory, "memory.limit_in_bytes");
	usage->pids_denied = read_keyed(cgroup->directory_fds[CGROUP_PIDS], "pids.events", "max");
}

/* Whether nothing of it is left. */
static bool group_remove(const char *parent, const char *name)
{
	char path[800];
	snprintf(path, sizeof path, "%.511s/%.255s", parent, name);
	return rmdir(path) == 0 || errno == ENOENT;
}

static bool groups_remove(const struct cgroups *cgroups, unsigned serial)
{
	char name[16];
	bool gone = true;
	snprintf(name, sizeof name, "%u", serial);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		gone &= group_remove(cgroups->parents[i], name);
	return gone;
}

static void remove_or_note(struct cgroups *cgroups, unsigned serial)
{
	if (cgroups->busy_count == CGROUP_SWEEP_MAX)
		cgroups_sweep(cgroups);
	if (!groups_remove(cgroups, serial) && cgroups->busy_count < CGROUP_SWEEP_MAX)
		cgroups->busy[cgroups->busy_count++] = serial;
}

/* Whether it is in other hands now. */
static bool sweeper_take(const struct cgroups *cgroups, unsigned serial)
{
	return cgroups->sweeper_fd >= 0 && write(cgroups->sweeper_fd, &serial, sizeof serial) == sizeof serial;
}

void cgroup_destroy(struct cgroups *cgroups, struct cgroup *cgroup)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (cgroup->directory_fds[i] >= 0)
			close(cgroup->directory_fds[i]);
		cgroup->directory_fds[i] = -1;
	}
	for (int i = 0; i < CGROUP_COUNTERS; i++) {
		if (cgroup->counter_fds[i] >= 0)
			close(cgroup->counter_fds[i]);
		cgroup->counter_fds[i] = -1;
	}
	if (!sweeper_take(cgroups, cgroup->serial))
		remove_or_note(cgroups, cgroup->serial);
}

void cgroups_sweep(struct cgroups *cgroups)
{
	for (unsigned i = 0; i < cgroups->busy_count;)
		if (groups_remove(cgroups, cgroups->busy[i]))
			cgroups->busy[i] = cgroups->busy[--cgroups->busy_count];
		else
			i++;
}

/* Until the launcher closes its end of the pipe; what is still busy then is cleared by cgroups_close. */
static _Noreturn void sweeper_main(struct cgroups *cgroups, int fd)
{
	struct pollfd more = {.fd = fd, .events = POLLIN};
	unsigned serial;
	cgroups->sweeper_fd = -1;
	for (;;) {
		if (poll(&more, 1, cgroups->busy_count > 0 ? SWEEP_MS : -1) > 0) {
			if (read(fd, &serial, sizeof serial) != sizeof serial)
				_exit(0);
			remove_or_note(cgroups, serial);
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
