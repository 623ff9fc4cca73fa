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

#include "../../sandbox/sandbox.h"

struct bench_settings {
	size_t count;			/* pairs a measurement */
	double seconds;			/* a measurement of load */
	int slots;			/* at once */
};

enum bench_program { BENCH_SHELL, BENCH_PYTHON, BENCH_JAVASCRIPT, BENCH_PROGRAMS };

const char *bench_jobs_type(size_t program);	/* as in a request's scriptType */
const char *bench_jobs_code(size_t program);	/* needs no escapes in JSON */

/* Prints the latencies and the load that strict jobs reach, cold or warm. 0, or -1 with err. */
int bench_jobs_measure(const struct bench_settings *settings, bool warm, struct err *err);

/* pool: as in sandbox_config. */
int bench_jobs_open(const struct bench_settings *settings, bool warm, int pool, struct sandbox **sandbox,
	struct err *err);

/* Whether it runs there; warm: forked from a warm interpreter, where it is one. */
bool bench_jobs_have(struct sandbox *sandbox, size_t program, bool warm);

/* One job, from handing it over to its result. */
int bench_jobs_one(struct sandbox *sandbox, size_t program, double *ms, struct err *err);

/* As many at once as there are slots, for some seconds: jobs a second. */
int bench_jobs_rate(struct sandbox *sandbox, size_t program, const struct bench_settings *settings, double *rate,
	struct err *err);

#endif
