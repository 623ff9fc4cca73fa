/* replay_run.h: the whole of `codeworker replay` but its command line. */
#ifndef CODEWORKER_REPLAY_RUN_H
#define CODEWORKER_REPLAY_RUN_H

#include "../kafka/kafka_client.h"
#include "replay_filter.h"
#include "replay_source.h"

struct replay_options {
	enum replay_from from;
	struct replay_filter filter;
	struct kafka_start start;	/* of the topic that is read */
	int64_t limit;			/* jobs put back, or run here; 0: no bound */
	int64_t interval_us;		/* between one and the next; 0: none */
	bool dry_run, verify, force, json;
};

#define REPLAY_INTERRUPTED 130		/* exit code, as shells have it for SIGINT */

/* Ids or records go to stdout, what could not be put back and a summary to stderr. Ends early, in
 * order, on SIGINT and SIGTERM. config: its sandbox settings are narrowed. Returns the exit code,
 * or -1 with err. */
int replay_run(struct config *config, const struct replay_options *options, struct err *err);

#endif
