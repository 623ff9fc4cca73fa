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
	int limited = cgroup_file_write(memory, "memory.limit_in_bytes", memory_bytes);
	if (cgroup->cgroups->memsw) {	/* never below the other, so to raise both it comes first */
		if (cgroup_file_write(memory, "memory.memsw.limit_in_bytes", memory_bytes) < 0)
			return err_system(err, "the group's limit of memory and swap");
		if (limited < 0)
			limited = cgroup_file_write(memory, "memory.limit_in_bytes", memory_bytes);
	}
	if (limited < 0)
		return err_system(err, "the group's memory limit");
	if (cgroup_file_write(cgroup->directory_fds[CGROUP_PIDS], "pids.max", processes) < 0)
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
		cgroup_file_read(memory, "memory.limit_in_bytes");
	usage->pids_denied = read_keyed(cgroup->directory_fds[CGROUP_PIDS], "pids.events", "max");
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
	cgroups_remove(cgroups, cgroup->serial);
}
