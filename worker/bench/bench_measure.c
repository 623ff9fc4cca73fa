/* bench_measure.c: see bench_measure.h. */
#include "bench_measure.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double bench_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* proc_pid_stat(5): utime, stime, and those of the children that were waited for. */
static double cpu_seconds(pid_t pid, bool with_children)
{
	char path[64], text[1024];
	unsigned long long own[2], children[2];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
	if (file)
		fclose(file);
	text[got] = '\0';
	const char *name_end = strrchr(text, ')');
	if (!name_end || sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu "
			"%llu %llu", &own[0], &own[1], &children[0], &children[1]) != 4)
		return 0;
	unsigned long long ticks = own[0] + own[1] + (with_children ? children[0] + children[1] : 0);
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_seconds_below(pid_t pid)
{
	char path[64];
	int child;
	double seconds = 0;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *children = fopen(path, "re");
	while (children && fscanf(children, "%d", &child) == 1)
		seconds += cpu_seconds(child, true) + cpu_seconds_below(child);
	if (children)
		fclose(children);
	return seconds;
}

double bench_cpu_seconds(pid_t pid)
{
	return cpu_seconds(pid, false) + cpu_seconds_below(pid);
}

double bench_cpu_seconds_alone(pid_t pid)
{
	return cpu_seconds(pid, false);
}

double bench_cpu_seconds_broker(void)
{
	const char *pid = getenv("KAFKA_PID");
	return pid ? cpu_seconds((pid_t)atoi(pid), false) : 0;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

double bench_quantile(double *values, size_t count, double part)
{
	qsort(values, count, sizeof *values, compare);
	size_t at = (size_t)((double)count * part);
	return values[at < count ? at : count - 1];
}
