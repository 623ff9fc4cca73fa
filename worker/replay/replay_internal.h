/* replay_internal.h: what replay_run.c and replay_job.c share. */
#ifndef CODEWORKER_REPLAY_INTERNAL_H
#define CODEWORKER_REPLAY_INTERNAL_H

#include <signal.h>

#include "replay_known.h"
#include "replay_report.h"
#include "replay_run.h"
#include "replay_verify.h"

struct replay {
	const struct config *config;
	const struct replay_options *options;
	struct codec *codec;
	struct replay_verify *verify;	/* NULL without --verify */
	struct replay_known *known;
	struct replay_source *source;
	struct kafka_producer *producer;	/* NULL where nothing is put back */
	struct replay_counts counts;
	struct replay_progress progress;
	const volatile sig_atomic_t *stopped;	/* by a signal */
	int64_t due_us;			/* of the next job, by --rate */
};

/* One job of the source: leaves it, and counts why, or shows it, runs it here or puts it back. Returns
 * 0, or -1 with err. */
int replay_job_take(struct replay *replay, struct replay_job *job, struct err *err);

#endif
