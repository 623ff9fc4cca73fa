/* config_parts.h: what the files of config.c share. Internal to config.h's implementation. */
#ifndef CODEWORKER_CONFIG_PARTS_H
#define CODEWORKER_CONFIG_PARTS_H

#include "options.h"

struct assignment {
	const char *name;		/* "worker.slots" */
	struct option_value value;
	const char *origin;		/* "FILE:LINE", "environment NAME", "--set"; in the arena */
};

/* One option of kafka.*, of runtimes.* and rules.*, of fairness's maps, of topics.priorities.*. Returns 0, or -1 with err (without name and
 * origin). */
int config_kafka_assign(struct config *config, const struct assignment *assignment,
	struct err *err);
int config_map_assign(struct config *config, const struct assignment *assignment,
	struct err *err);

int config_fairness_assign(struct config *config, const struct assignment *assignment,
	struct err *err);

int config_priority_assign(struct config *config, const struct assignment *assignment,
	struct err *err);

bool config_is_priority(const char *name);	/* topics.priorities.* */
bool config_is_priorities(const char *name);	/* that map itself */
bool config_is_map(const char *name);	/* runtimes.*, rules.* */
bool config_is_fairness(const char *name);	/* fairness.weights.*, fairness.cpu_per_minute_of.* */
bool config_is_fairness_map(const char *name);	/* one of these maps itself */

int config_kafka_defaults(struct config *config, struct err *err);
int config_map_defaults(struct config *config, struct err *err);

/* What can be judged only when all is read. */
int config_map_finish(struct config *config, struct err *err);
void config_fairness_finish(struct config *config);
int config_priority_finish(struct config *config, struct err *err);

/* The name of the option that an environment variable sets, into name; NULL when there is none of
 * that name. variable: "CODEWORKER_WORKER_SLOTS". */
const char *config_environment_name(const char *variable, char *name, size_t size);
void config_environment_variable(const char *name, char *variable, size_t size);

/* For the documents. */
struct config_refusal {
	const char *name, *reason;
};
extern const struct config_refusal config_refusals[];
extern const size_t config_refusal_count;

/* "********" for a property that is a secret, else its value. */
const char *config_kafka_shown(const struct config_property *property);

#endif
