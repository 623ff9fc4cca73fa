/* bench_kafka.h: how many jobs a second come through a real broker, exactly once.
 *
 * A worker of its own, on topics of its own, works off requests that were there before it started. What is
 * timed is the middle of the run: from some first results to the last, as a read_committed reader sees them.
 */
#ifndef CODEWORKER_BENCH_KAFKA_H
#define CODEWORKER_BENCH_KAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "config.h"

struct bench_load {
	const char *script_type, *code;
	int slots, partitions;
	bool warm;
	size_t jobs;			/* of which a tenth is not timed */
};

struct bench_rate {
	double jobs, seconds;
	double cpu_seconds;		/* of worker, launcher and jobs */
	double broker_cpu_seconds;	/* of the process KAFKA_PID (environment); 0: not known */
	double reader_cpu_seconds;	/* of the reader that counts the results */
};

/* config, and settings ("section.option=value"), from which it was made. Returns 0, or -1 with err and the
 * worker's last words on standard error. */
int bench_kafka_run(const struct config *config, const char *const *settings, size_t setting_count,
	const struct bench_load *load, struct bench_rate *rate, struct err *err);

/* CPU seconds that a process and its children have used by now: those that live, and what these have waited for. */
double bench_cpu_seconds(pid_t pid);

#endif
