/* sampling.h: counting what a sandbox uses by looking at its processes: the substitute for a cgroup.
 *
 * Its own /proc lists exactly its processes (pid_namespaces(7)). What lives and dies between two
 * looks is missed, so limits held this way are marked as sampled.
 */
#ifndef LAUNCHER_SAMPLING_H
#define LAUNCHER_SAMPLING_H

#include <stdint.h>

struct sampling_usage {
	uint64_t cpu_us;		/* of all that were seen, and those they have waited for */
	uint64_t memory_bytes, memory_peak_bytes;
	uint64_t processes, processes_peak; /* threads counted, init too */
};

struct sampling {
	struct sampling_usage usage;
	uint64_t living_us, lost_us;	/* CPU time of those in /proc last time; of those gone */
};

/* proc_fd: a directory descriptor of the sandbox's /proc. 0, or -1 with errno. */
int sampling_take(struct sampling *sampling, int proc_fd);

/* One /proc/PID/stat line to CPU ticks (own and waited-for children's) and threads. The name in it is
 * the job's choice and may hold anything. 0, or -1 when it is not such a line. */
int sampling_parse_stat(const char *line, uint64_t *ticks, uint64_t *threads);

#endif
