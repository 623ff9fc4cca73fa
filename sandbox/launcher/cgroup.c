/* cgroup.c: one group: see cgroup.h. Everything goes through descriptors of its directories. */
#include "cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Memory is charged in batches of 64 pages (MEMCG_CHARGE_BATCH), so a group at its limit can stand this
 * far below it. */
#define CHARGE_BATCH_BYTES (64u * 4096)

/* What may stay charged in a group that is used again: the batches of a few processors, which go when they are
 * needed, and some kernel memory. The next job's peak is that much higher, and its limit that much lower. */
#define LEFT_MAX_BYTES (1u << 20)

static const struct {
	enum cgroup_controller controller;
	const char *file;
	int flags;			/* written to: set back */
} counters[CGROUP_COUNTERS] = {
	[CGROUP_PROCESSES] = {CGROUP_PIDS, "pids.current", O_RDONLY},
	[CGROUP_PROCESSES_PEAK] = {CGROUP_PIDS, "pids.peak", O_RDONLY},	/* Linux 6.1 */
	[CGROUP_MEMORY_PEAK] = {CGROUP_MEMORY, "memory.max_usage_in_bytes", O_RDWR},
	[CGROUP_CPU_TIME] = {CGROUP_CPU, "cpuacct.usage", O_RDWR},
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

int cgroup_file_write(int directory, const char *name, uint64_t number)
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

uint64_t cgroup_file_read(int directory, const char *name)
{
	char text[64];
	return read_at(directory, name, text, sizeof text) < 0 ? 0 : strtoull(text, NULL, 10);
}

/* A "key value" line of a flat keyed file. 0 with the value, or -1: there is none. */
static int read_keyed(int directory, const char *name, const char *key, uint64_t *value)
{
	char text[512];
	if (read_at(directory, name, text, sizeof text) < 0)
		return -1;
	for (char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ' ') {
			*value = strtoull(line + strlen(key), NULL, 10);
			return 0;
		}
	return -1;
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

/* ---- a group's part in one hierarchy */

static int counters_open(struct cgroup *cgroup, enum cgroup_controller controller)
{
	for (int i = 0; i < CGROUP_COUNTERS; i++) {
		if (counters[i].controller != controller)
			continue;
		cgroup->counter_fds[i] = openat(cgroup->directory_fds[controller], counters[i].file,
			counters[i].flags | O_CLOEXEC);
		if (cgroup->counter_fds[i] < 0 && (errno != ENOENT || i != CGROUP_PROCESSES_PEAK))
			return -1;
	}
	return 0;
}

static int part_make(const struct cgroups *cgroups, struct cgroup *cgroup, enum cgroup_controller controller,
	unsigned serial, struct err *err)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%u", cgroups->parents[controller], serial);
	if (mkdir(path, 0755) < 0)
		return err_system(err, "the group %s can't be made", path);
	int directory = directory_open(path);
	if (directory < 0) {
		err_system(err, "the group %s can't be opened", path);
		(void)rmdir(path);
		return -1;
	}
	cgroup->serials[controller] = serial;
	cgroup->directory_fds[controller] = directory;
	cgroup->procs_fds[controller] = openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (cgroup->procs_fds[controller] < 0 || counters_open(cgroup, controller) < 0)
		return err_system(err, "the files of the group %s can't be opened", path);
	return 0;
}

static void part_destroy(struct cgroups *cgroups, struct cgroup *cgroup, enum cgroup_controller controller)
{
	if (cgroup->directory_fds[controller] < 0)
		return;
	close_fd(&cgroup->directory_fds[controller]);
	close_fd(&cgroup->procs_fds[controller]);
	for (int i = 0; i < CGROUP_COUNTERS; i++)
		if (counters[i].controller == controller)
			close_fd(&cgroup->counter_fds[i]);
	if (controller == CGROUP_MEMORY)
		cgroup->memory_bytes = 0;
	if (controller == CGROUP_PIDS)
		cgroup->processes = 0;
	cgroups_remove(cgroups, (struct cgroup_part){controller, cgroup->serials[controller]});
}

static bool counter_set_back(const struct cgroup *cgroup, enum cgroup_counter counter)
{
	return pwrite(cgroup->counter_fds[counter], "0", 1, 0) == 1;
}

/* A peak is set back to what there is now. What is in swap counts for the limit of both alone. */
static bool memory_renew(const struct cgroup *cgroup)
{
	uint64_t left, kills;
	return counter_set_back(cgroup, CGROUP_MEMORY_PEAK) &&
		counter_read(cgroup, CGROUP_MEMORY_PEAK, &left) == 0 && left <= LEFT_MAX_BYTES &&
		cgroup_file_read(cgroup->directory_fds[CGROUP_MEMORY], "memory.memsw.usage_in_bytes") <=
			LEFT_MAX_BYTES &&
		read_keyed(cgroup->directory_fds[CGROUP_MEMORY], "memory.oom_control", "oom_kill", &kills) == 0 &&
		kills == 0;
}

/* No peak and no denial can be set back. */
static bool pids_renew(const struct cgroup *cgroup)
{
	uint64_t peak, denied;
	return counter_read(cgroup, CGROUP_PROCESSES_PEAK, &peak) == 0 && peak <= 1 &&
		read_keyed(cgroup->directory_fds[CGROUP_PIDS], "pids.events", "max", &denied) == 0 && denied == 0;
}

static bool cpu_renew(const struct cgroup *cgroup)
{
	return counter_set_back(cgroup, CGROUP_CPU_TIME);
}

static bool (*const renew[CGROUP_CONTROLLERS])(const struct cgroup *cgroup) = {
	[CGROUP_MEMORY] = memory_renew, [CGROUP_PIDS] = pids_renew, [CGROUP_CPU] = cpu_renew};

/* ---- a group */

static const struct cgroup none = {.directory_fds = {-1, -1, -1}, .procs_fds = {-1, -1, -1},
	.counter_fds = {-1, -1, -1, -1}};

static struct cgroup spare_take(struct cgroups *cgroups)
{
	if (cgroups->spare_count == 0)
		return none;
	struct cgroup oldest = cgroups->spares[0];
	memmove(cgroups->spares, cgroups->spares + 1, --cgroups->spare_count * sizeof *cgroups->spares);
	return oldest;
}

int cgroup_acquire(struct cgroups *cgroups, unsigned serial, struct cgroup *cgroup, struct err *err)
{
	*cgroup = spare_take(cgroups);
	bool empty = cgroup_processes(cgroup) == 0;
	for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (empty && renew[i](cgroup))
			continue;
		part_destroy(cgroups, cgroup, i);
		if (part_make(cgroups, cgroup, i, serial, err) < 0) {
			cgroup_destroy(cgroups, cgroup);
			return -1;
		}
	}
	return 0;
}

void cgroup_release(struct cgroups *cgroups, struct cgroup *cgroup)
{
	if (cgroups->spare_count == CGROUP_SPARE_MAX) {
		cgroup_destroy(cgroups, cgroup);
		return;
	}
	cgroups->spares[cgroups->spare_count++] = *cgroup;
	*cgroup = none;
}

void cgroup_destroy(struct cgroups *cgroups, struct cgroup *cgroup)
{
	for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLERS; i++)
		part_destroy(cgroups, cgroup, i);
}

static int memory_limit(const struct cgroups *cgroups, int directory, uint64_t bytes)
{
	int limited = cgroup_file_write(directory, "memory.limit_in_bytes", bytes);
	if (!cgroups->memsw)
		return limited;
	/* never below the other, so to raise both it comes first */
	if (cgroup_file_write(directory, "memory.memsw.limit_in_bytes", bytes) < 0)
		return -1;
	return limited < 0 ? cgroup_file_write(directory, "memory.limit_in_bytes", bytes) : 0;
}

int cgroup_limit(const struct cgroups *cgroups, struct cgroup *cgroup, uint64_t memory_bytes, uint64_t processes,
	struct err *err)
{
	if (memory_bytes != cgroup->memory_bytes) {
		cgroup->memory_bytes = 0;
		if (memory_limit(cgroups, cgroup->directory_fds[CGROUP_MEMORY], memory_bytes) < 0)
			return err_system(err, "the group's limit of memory and swap");
		cgroup->memory_bytes = memory_bytes;
	}
	if (processes != cgroup->processes) {
		cgroup->processes = 0;
		if (cgroup_file_write(cgroup->directory_fds[CGROUP_PIDS], "pids.max", processes) < 0)
			return err_system(err, "the group's limit of processes");
		cgroup->processes = processes;
	}
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
	(void)read_keyed(memory, "memory.oom_control", "oom_kill", &usage->oom_kills);
	usage->memory_limit_hit = usage->memory_peak_bytes + CHARGE_BATCH_BYTES >=
		cgroup_file_read(memory, "memory.limit_in_bytes");
	(void)read_keyed(cgroup->directory_fds[CGROUP_PIDS], "pids.events", "max", &usage->pids_denied);
}
