/* replay_filter.h: which jobs are asked for. Pure. */
#ifndef CODEWORKER_REPLAY_FILTER_H
#define CODEWORKER_REPLAY_FILTER_H

#include <stdbool.h>
#include <stdint.h>

struct replay_filter {
	int64_t since_ms, until_ms;	/* of the record, both included; INT64_MIN, INT64_MAX: no bound */
	const char *thread_id, *node_id, *tenant, *status, *error;	/* NULL: any */
};

struct replay_facts {			/* of one job; NULL: it has none, or none is known */
	const char *thread_id, *node_id, *tenant, *status, *error;
};

bool replay_filter_time(const struct replay_filter *filter, int64_t time_ms);
/* Whose it is. */
bool replay_filter_names(const struct replay_filter *filter, const struct replay_facts *facts);
/* How it ended. */
bool replay_filter_end(const struct replay_filter *filter, const struct replay_facts *facts);
/* Whether it asks how a job ended at all. */
bool replay_filter_needs_end(const struct replay_filter *filter);

#endif
