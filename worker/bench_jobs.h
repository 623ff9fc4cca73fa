/* bench_jobs.h: sandboxed jobs beside the same programs bare, in turn, in one run.
 *
 * A pair is one bare spawn and one sandboxed job, so both meet the machine in the same mood; the ratio is of
 * medians. Each program is measured back to back, and with a pause before each, since a machine that has just been
 * idle behaves differently (grace periods, sleeping processors), and with no ready sandbox of its kind.
 */
#ifndef CODEWORKER_BENCH_JOBS_H
#define CODEWORKER_BENCH_JOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "../sandbox/sandbox.h"

struct bench_settings {
	size_t count;			/* pairs a measurement */
	double seconds;			/* a measurement of load */
	int slots;			/* at once */
};

#define BENCH_PYTHON 1			/* its place among the programs */
#define BENCH_PYTHON_CODE "pass"

double bench_now_ms(void);		/* CLOCK_MONOTONIC */

/* Prints the latencies and the load that strict jobs reach, cold or warm. 0, or -1 with err. */
int bench_jobs_measure(const struct bench_settings *settings, bool warm, struct err *err);

/* pool: as in sandbox_config. */
int bench_jobs_open(const struct bench_settings *settings, bool warm, int pool, struct sandbox **sandbox,
	struct err *err);

/* As many at once as there are slots, for some seconds: jobs a second. */
int bench_jobs_rate(struct sandbox *sandbox, size_t program, const struct bench_settings *settings, double *rate,
	struct err *err);

#endif
