/* sampling.c: see sampling.h. Memory is anonymous plus shared-memory pages of each process, and the page
 * tables that map them: a gigabyte of address space that is only read takes no page, and 2 MiB of tables.
 * Shared pages count once a process, which errs on the side of the limit; smaps_rollup would be exact,
 * and walks every page table. Files of the job's tmpfs that are not mapped are not in it: they have
 * disk_bytes. */
#include "sampling.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROCESSES_MAX 8192
#define LOOKS_MORE 2
#define THREADS_TRIED 32	/* "." and "..", and threads that are just ending */

int sampling_parse_stat(const char *line, uint64_t *ticks, uint64_t *threads)
{
	unsigned long long user, system;
	long long user_children, system_children, thread_count;
	const char *name_end = strrchr(line, ')');
	if (!name_end)
		return -1;
	if (sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld "
			"%*d %*d %lld", &user, &system, &user_children, &system_children,
			&thread_count) != 5)
		return -1;
	*ticks = user + system + (uint64_t)user_children + (uint64_t)system_children;
	*threads = thread_count > 0 ? (uint64_t)thread_count : 1;
	return 0;
}

static int read_small(int proc_fd, const char *pid, const char *name, char *text, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "%.20s/%s", pid, name);
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	ssize_t got = read(fd, text, size - 1);
	close(fd);
	if (got <= 0)
		return -1;
	text[got] = '\0';
	return 0;
}

static uint64_t field_kb(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* Whether task, a directory of /proc, still has memory to tell of. */
static bool memory_read(int proc_fd, const char *task, uint64_t *bytes)
{
	char text[4096];
	if (read_small(proc_fd, task, "status", text, sizeof text) < 0 ||
			!strstr(text, "\nRssAnon:"))
		return false;
	*bytes = 1024 * (field_kb(text, "\nRssAnon:") + field_kb(text, "\nRssShmem:") +
		field_kb(text, "\nVmPTE:"));
	return true;
}

/* A process whose first thread has ended shows no memory, while the others go on using it. */
static uint64_t memory_by_threads(int proc_fd, const char *pid)
{
	char path[64];
	uint64_t bytes = 0;
	unsigned seen = 0;
	snprintf(path, sizeof path, "%.20s/task", pid);
	int fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *tasks = fd < 0 ? NULL : fdopendir(fd);
	if (!tasks && fd >= 0)
		close(fd);
	const struct dirent *entry;
	while (tasks && seen++ < THREADS_TRIED && (entry = readdir(tasks)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
				memory_read(dirfd(tasks), entry->d_name, &bytes))
			break;
	if (tasks)
		closedir(tasks);
	return bytes;
}

static void add_process(struct sampling_usage *usage, int proc_fd, const char *pid)
{
	char text[1024];
	uint64_t ticks, threads, bytes = 0;
	if (read_small(proc_fd, pid, "stat", text, sizeof text) < 0 ||
			sampling_parse_stat(text, &ticks, &threads) < 0)
		return;
	usage->cpu_us += ticks * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	usage->processes += threads;
	if (strcmp(pid, "1") == 0)	/* init's memory is not the job's */
		return;
	if (!memory_read(proc_fd, pid, &bytes) && threads > 1)
		bytes = memory_by_threads(proc_fd, pid);
	usage->memory_bytes += bytes;
}

static int look(struct sampling_usage *now, int proc_fd)
{
	unsigned seen = 0;
	int copy = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *proc = copy < 0 ? NULL : fdopendir(copy);
	if (!proc) {
		if (copy >= 0)
			close(copy);
		return -1;
	}
	const struct dirent *entry;
	*now = (struct sampling_usage){0};
	while ((entry = readdir(proc)) && seen < PROCESSES_MAX)
		if (isdigit((unsigned char)entry->d_name[0])) {
			add_process(now, proc_fd, entry->d_name);
			seen++;
		}
	closedir(proc);
	return 0;
}

/* Whoever ends unwaited for takes its time out of the sum: at least what the sum falls by. But one that is
 * waited for during a look is missing in that one too, and in its parent's time at the next. */
static int look_again(struct sampling_usage *now, uint64_t before_us, int proc_fd)
{
	for (int looks = 0; now->cpu_us < before_us && looks < LOOKS_MORE; looks++) {
		struct sampling_usage again;
		if (look(&again, proc_fd) < 0)
			return -1;
		if (now->cpu_us < again.cpu_us)
			now->cpu_us = again.cpu_us;
	}
	return 0;
}

int sampling_take(struct sampling *sampling, int proc_fd)
{
	struct sampling_usage now, *usage = &sampling->usage;
	if (look(&now, proc_fd) < 0 || look_again(&now, sampling->living_us, proc_fd) < 0)
		return -1;
	now.memory_peak_bytes = usage->memory_peak_bytes > now.memory_bytes ?
		usage->memory_peak_bytes : now.memory_bytes;
	now.processes_peak = usage->processes_peak > now.processes ? usage->processes_peak
								   : now.processes;
	uint64_t living_us = now.cpu_us;
	if (living_us < sampling->living_us)
		sampling->lost_us += sampling->living_us - living_us;
	sampling->living_us = living_us;
	now.cpu_us = living_us + sampling->lost_us;
	*usage = now;
	return 0;
}
