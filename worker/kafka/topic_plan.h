/* topic_plan.h: what each of the topics should be like, and what is wrong with one.
 *
 * Pure: knows the configuration and what was found, talks to nobody. `topics create` takes the
 * settings from here and `topics check` the faults, so what one makes the other accepts.
 */
#ifndef CODEWORKER_TOPIC_PLAN_H
#define CODEWORKER_TOPIC_PLAN_H

#include "../config/config.h"

enum topic_role {			/* requests first: the others are measured by it */
	TOPIC_REQUESTS, TOPIC_RESULTS, TOPIC_ERRORS, TOPIC_RETRIES, TOPIC_DEAD, TOPIC_CONTROL,
	TOPIC_STATE, TOPIC_ROLES,
	TOPIC_FURTHER = TOPIC_ROLES,	/* and on: the further topics of requests */
	TOPICS_MOST = TOPIC_FURTHER + CONFIG_REQUEST_TOPICS - 1
};

enum topic_setting {
	TOPIC_CLEANUP, TOPIC_RETENTION, TOPIC_TIMESTAMPS, TOPIC_BYTES, TOPIC_SEGMENT_MS,
	TOPIC_INSYNC, TOPIC_SETTINGS
};
extern const char *const topic_setting_names[TOPIC_SETTINGS];	/* "cleanup.policy", ... */

struct topic_plan {
	int partitions;
	char values[TOPIC_SETTINGS][24]; /* "": the broker's own default */
};

struct topic_found {
	bool exists;
	int partitions;
	char *values[TOPIC_SETTINGS];	/* effective; NULL: not known */
};

size_t topic_plan_count(const struct config *config);	/* all roles are below it */
const char *topic_plan_name(const struct config *config, enum topic_role role);
/* The most that a topic of requests takes, as far as it is known; 0: of none. */
int64_t topic_plan_request_bytes(const struct config *config,
	const struct topic_found found[TOPICS_MOST]);

/* partitions: of topics.requests. request_bytes: the most of max.message.bytes of the topics of requests.
 * replication: -1 = broker's. */
void topic_plan_make(const struct config *config, enum topic_role role, int partitions,
	int64_t request_bytes, int replication, struct topic_plan *plan);

enum topic_fault {
	TOPIC_MISSING,
	TOPIC_BREAKS,			/* what delivery promises */
	TOPIC_WEAKENS,			/* it works, with less than it could */
};

/* Calls report for each fault of the topic; returns their number. text says what is wrong, what it
 * leads to, and the remedy. */
typedef void topic_fault_report(void *context, enum topic_fault fault, const char *text);
size_t topic_plan_faults(const struct config *config, enum topic_role role,
	const struct topic_found found[TOPICS_MOST], topic_fault_report *report, void *context);

#endif
