/* topic_plan.c: see topic_plan.h. One row a topic. */
#include "topic_plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define LETTER_BYTES 65536		/* what retry and dead letter headers may add */

const char *const topic_setting_names[TOPIC_SETTINGS] = {
	[TOPIC_CLEANUP] = "cleanup.policy",
	[TOPIC_RETENTION] = "retention.ms",
	[TOPIC_TIMESTAMPS] = "message.timestamp.type",
	[TOPIC_BYTES] = "max.message.bytes",
	[TOPIC_SEGMENT_MS] = "segment.ms",
	[TOPIC_INSYNC] = "min.insync.replicas",
};

static const struct topic_row {
	int64_t retention_ms;
	bool append_time;		/* times that cancels compare are the broker's */
	bool as_requests;		/* partition by partition beside the requests */
	bool letters;			/* holds requests with headers of ours on top */
	bool one_partition;
	int64_t segment_ms;		/* 0: the broker's; retention works by whole segments */
} rows[TOPIC_ROLES] = {
	[TOPIC_REQUESTS] = {7 * DAY_MS, true, true, false, false, 0},
	[TOPIC_RESULTS] = {7 * DAY_MS, false, false, false, false, 0},
	[TOPIC_ERRORS] = {7 * DAY_MS, false, false, false, false, 0},
	[TOPIC_RETRIES] = {7 * DAY_MS, false, true, true, false, 0},
	[TOPIC_DEAD] = {30 * DAY_MS, false, false, true, false, 0},
	[TOPIC_CONTROL] = {DAY_MS, true, false, false, true, HOUR_MS},
	[TOPIC_STATE] = {DAY_MS, false, true, false, false, HOUR_MS},
};

size_t topic_plan_count(const struct config *config)
{
	return TOPIC_ROLES + config->topics.further_count;
}

/* The further topics are as the first. */
static const struct topic_row *row_of(enum topic_role role)
{
	static const struct topic_row further = {7 * DAY_MS, true, true, false, false, 0};
	return role >= TOPIC_FURTHER ? &further : &rows[role];
}

const char *topic_plan_name(const struct config *config, enum topic_role role)
{
	if (role >= TOPIC_FURTHER)
		return config->topics.further[role - TOPIC_FURTHER].name;
	const char *const names[TOPIC_ROLES] = {config->topics.requests, config->topics.results,
		config->topics.errors, config->topics.retries, config->topics.dead,
		config->topics.control, config->topics.state};
	return names[role];
}

/* Marks tell what is finished beyond the committed offset, which a running job or a waiting retry holds back. */
static int64_t state_needed_ms(const struct config *config)
{
	int64_t held_ms = config->policy.max_timeout_ms + 2 * config->worker.retry_carry_ms;
	return held_ms > config->worker.dedupe_window_ms ? held_ms : config->worker.dedupe_window_ms;
}

/* How long records of this topic are still needed after they were written. */
static int64_t needed_ms(const struct config *config, enum topic_role role)
{
	switch (role) {
	case TOPIC_RETRIES:
		return config->policy.max_retry_delay_ms;
	case TOPIC_CONTROL:
		return config_cancel_reach_ms(config);
	case TOPIC_STATE:
		return state_needed_ms(config);
	default:
		return 0;
	}
}

void topic_plan_make(const struct config *config, enum topic_role role, int partitions,
	int64_t request_bytes, int replication, struct topic_plan *plan)
{
	const struct topic_row *row = row_of(role);
	int64_t retention_ms = row->retention_ms, twice = 2 * needed_ms(config, role);
	if (retention_ms < twice)
		retention_ms = twice;
	*plan = (struct topic_plan){.partitions = row->one_partition ? 1 : partitions};
	size_t size = sizeof plan->values[0];
	snprintf(plan->values[TOPIC_CLEANUP], size, "delete");
	snprintf(plan->values[TOPIC_RETENTION], size, "%" PRId64, retention_ms);
	snprintf(plan->values[TOPIC_TIMESTAMPS], size, "%s",
		row->append_time ? "LogAppendTime" : "CreateTime");
	if (row->letters)
		snprintf(plan->values[TOPIC_BYTES], size, "%" PRId64,
			request_bytes + LETTER_BYTES);
	if (row->segment_ms)
		snprintf(plan->values[TOPIC_SEGMENT_MS], size, "%" PRId64, row->segment_ms);
	if (replication >= 3)
		snprintf(plan->values[TOPIC_INSYNC], size, "2");
}

struct faults {
	topic_fault_report *report;
	void *context;
	size_t count;
};

__attribute__((format(printf, 3, 4)))
static void fault(struct faults *faults, enum topic_fault kind, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	faults->report(faults->context, kind, text);
	faults->count++;
}

static int64_t number_of(const struct topic_found *found, enum topic_setting setting)
{
	const char *value = found->values[setting];
	return value ? strtoll(value, NULL, 10) : INT64_MAX;
}

static void check_times(struct faults *faults, const struct config *config, enum topic_role role,
	const struct topic_found *found)
{
	const char *type = found->values[TOPIC_TIMESTAMPS];
	int64_t retention_ms = number_of(found, TOPIC_RETENTION);
	int64_t needed = needed_ms(config, role);
	if (row_of(role)->append_time && type && strcmp(type, "LogAppendTime") != 0)
		fault(faults, TOPIC_BREAKS, "message.timestamp.type is %s, should be LogAppendTime: cancels "
			"and the dedupe window would compare the clocks of different machines", type);
	if (retention_ms >= 0 && retention_ms < needed)
		fault(faults, TOPIC_BREAKS, "retention.ms is %" PRId64 ", should be more than %" PRId64
			": records would be gone while they still count", retention_ms, needed);
}

int64_t topic_plan_request_bytes(const struct config *config,
	const struct topic_found found[TOPICS_MOST])
{
	int64_t most = 0;
	for (size_t role = 0; role < topic_plan_count(config); role++) {
		const char *value = found[role].exists ? found[role].values[TOPIC_BYTES] : NULL;
		if ((role == TOPIC_REQUESTS || role >= TOPIC_FURTHER) && value &&
				strtoll(value, NULL, 10) > most)
			most = strtoll(value, NULL, 10);
	}
	return most;
}

static void check_letters(struct faults *faults, const struct topic_found *found,
	int64_t request_bytes)
{
	int64_t bytes = number_of(found, TOPIC_BYTES);
	if (request_bytes == 0 || bytes >= request_bytes + LETTER_BYTES)
		return;
	fault(faults, TOPIC_WEAKENS, "max.message.bytes is %" PRId64 ", should be at least %" PRId64 " (the "
		"requests' and 64 KiB for headers): big requests would not fit", bytes,
		request_bytes + LETTER_BYTES);
}

static void check_partitions(struct faults *faults, const struct config *config,
	enum topic_role role, const struct topic_found *topic, const struct topic_found *requests)
{
	if (!requests->exists || topic->partitions == requests->partitions)
		return;
	if (role >= TOPIC_FURTHER) {
		fault(faults, TOPIC_BREAKS, "%d partitions, but %s has %d: a number stands for the same "
			"partition of all topics of requests, and some would not be read. Add partitions to "
			"the one with fewer (kafka-topics.sh --alter --partitions)", topic->partitions,
			topic_plan_name(config, TOPIC_REQUESTS), requests->partitions);
		return;
	}
	/* More are there for a moment while partitions are added. */
	fault(faults, topic->partitions < requests->partitions ? TOPIC_BREAKS : TOPIC_WEAKENS,
		"%d partitions, should be %d, as %s has", topic->partitions, requests->partitions,
		topic_plan_name(config, TOPIC_REQUESTS));
}

size_t topic_plan_faults(const struct config *config, enum topic_role role,
	const struct topic_found found[TOPICS_MOST], topic_fault_report *report, void *context)
{
	const struct topic_found *topic = &found[role], *requests = &found[TOPIC_REQUESTS];
	struct faults faults = {report, context, 0};
	if (!topic->exists) {
		fault(&faults, TOPIC_MISSING, "missing; `codeworker topics create` makes it");
		return faults.count;
	}
	if (row_of(role)->as_requests)
		check_partitions(&faults, config, role, topic, requests);
	const char *cleanup = topic->values[TOPIC_CLEANUP];
	if (cleanup && strcmp(cleanup, "delete") != 0)
		fault(&faults, TOPIC_BREAKS, "cleanup.policy is %s, should be delete: compaction would drop "
			"records of executions that share a key", cleanup);
	check_times(&faults, config, role, topic);
	if (row_of(role)->letters)
		check_letters(&faults, topic, topic_plan_request_bytes(config, found));
	return faults.count;
}
