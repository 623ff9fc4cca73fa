/* replay_report.h: what replay says on its way, and at the end. Ids come from producers, so nothing
 * in them may steer a terminal.
 */
#ifndef CODEWORKER_REPLAY_REPORT_H
#define CODEWORKER_REPLAY_REPORT_H

#include "replay_source.h"
#include "replay_verify.h"

struct replay_counts {
	int64_t done;			/* put back, shown or run here */
	int64_t late;			/* of them: with a deadline that has passed */
	int64_t differ;			/* of them: with another result than the recorded one */
	/* not done, and why */
	int64_t replayed;		/* they have a replay */
	int64_t standing;		/* they are replays, and did not fail */
	int64_t repeated;		/* this run has come to them already */
	int64_t malformed, gone, too_often, refused, unrecorded;
};

/* A line on stderr that is overwritten, where stderr is a terminal. It goes before anything else is
 * printed. */
struct replay_progress {
	bool wanted, shown;
	int64_t last_ms, records;
};

void replay_progress_begin(struct replay_progress *progress);
void replay_progress_reading(struct replay_progress *progress);	/* one more record of what is known */
void replay_progress_show(struct replay_progress *progress, const struct replay_counts *counts);
void replay_progress_clear(struct replay_progress *progress);

/* Counts a job that can't be done and names it on stderr. */
void replay_report_job(struct replay_progress *progress, int64_t *count, const struct replay_job *job,
	const char *why);

/* One job that was run here, on stdout; json: as one JSON value. Returns 0, or -1 with err. */
int replay_report_verified(const char *execution_id, const struct replay_differences *differences,
	bool json, struct err *err);

void replay_report_summary(const struct replay_counts *counts, bool dry_run, bool verify,
	bool interrupted);

#endif
