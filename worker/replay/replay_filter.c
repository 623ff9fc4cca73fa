/* replay_filter.c: see replay_filter.h. */
#include "replay_filter.h"

#include <stddef.h>
#include <string.h>

static bool is(const char *wanted, const char *found)
{
	return !wanted || (found && strcmp(wanted, found) == 0);
}

bool replay_filter_time(const struct replay_filter *filter, int64_t time_ms)
{
	return time_ms >= filter->since_ms && time_ms <= filter->until_ms;
}

bool replay_filter_names(const struct replay_filter *filter, const struct replay_facts *facts)
{
	return is(filter->thread_id, facts->thread_id) && is(filter->node_id, facts->node_id) &&
		is(filter->tenant, facts->tenant);
}

bool replay_filter_end(const struct replay_filter *filter, const struct replay_facts *facts)
{
	return is(filter->status, facts->status) && is(filter->error, facts->error);
}

bool replay_filter_needs_end(const struct replay_filter *filter)
{
	return filter->status || filter->error;
}
