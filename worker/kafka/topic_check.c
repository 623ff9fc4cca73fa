/* topic_check.c: see topic_check.h. */
#include "topic_check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../log.h"

#define ANSWER_MS 3000			/* for settings, which some brokers never tell */
#define DEFAULT_BYTES 1048588		/* Kafka's max.message.bytes */
#define TRIES 10
#define PAUSE_NS 200000000

static int partitions_find(struct kafka_admin *admin, const struct config *config, enum topic_role role,
	struct topic_found *found, struct err *err)
{
	struct kafka_topic topic;
	if (kafka_admin_topic(admin, topic_plan_name(config, role), &topic, err) != 0)
		return -1;
	found->exists = topic.exists;
	found->partitions = topic.partitions;
	return 0;
}

static int settings_find(struct kafka_admin *admin, const struct config *config, enum topic_role role,
	struct topic_found *found, struct err *err)
{
	return kafka_admin_settings(admin, topic_plan_name(config, role), topic_setting_names,
		found->values, TOPIC_SETTINGS, err);
}

int topic_find(struct kafka_admin *admin, const struct config *config, enum topic_role role,
	struct topic_found *found, struct err *err)
{
	if (partitions_find(admin, config, role, found, err) != 0)
		return -1;
	return found->exists ? settings_find(admin, config, role, found, err) : 0;
}

void topics_found_free(struct topic_found found[TOPICS_MOST])
{
	for (size_t role = 0; role < TOPICS_MOST; role++)
		for (size_t i = 0; i < TOPIC_SETTINGS; i++)
			free(found[role].values[i]);
}

/* One that was only just made may not have reached the broker that answers. */
static int partitions_wait(struct kafka_admin *admin, const struct config *config, enum topic_role role,
	struct topic_found *found, struct err *err)
{
	int result = partitions_find(admin, config, role, found, err);
	for (int tries = 0; result == 0 && !found->exists && tries < TRIES; tries++) {
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
		result = partitions_find(admin, config, role, found, err);
	}
	return result;
}

static int find_all(struct kafka_admin *admin, const struct config *config,
	struct topic_found found[TOPICS_MOST], struct err *err)
{
	bool may_ask = true;
	struct err why;
	for (enum topic_role role = 0; role < topic_plan_count(config); role++) {
		if (partitions_wait(admin, config, role, &found[role], err) != 0)
			return -1;
		may_ask = may_ask && (!found[role].exists ||
			settings_find(admin, config, role, &found[role], &why) == 0);
	}
	if (!may_ask)
		log_event(LOG_WARN, "the topics' settings can't be asked for: they are not checked, and "
			"Kafka's default is taken for the size of messages", "reason", why.text, NULL);
	return 0;
}

static int64_t bytes_of(const struct topic_found *found)
{
	const char *value = found->values[TOPIC_BYTES];
	int64_t bytes = value ? strtoll(value, NULL, 10) : 0;
	return bytes > 0 ? bytes : DEFAULT_BYTES;
}

struct faults {
	const struct config *config;
	enum topic_role role;
	struct err *err;
	size_t breaking;
};

static void fault_take(void *context, enum topic_fault fault, const char *text)
{
	struct faults *faults = context;
	const char *topic = topic_plan_name(faults->config, faults->role);
	bool refuses = fault == TOPIC_MISSING || (fault == TOPIC_BREAKS && faults->config->worker.topic_refuse);
	log_event(refuses ? LOG_ERROR : LOG_WARN, "topic", "name", topic, "fault", text, NULL);
	if (refuses && faults->breaking++ == 0)
		err_set(faults->err, ERR_INVALID, "the topic %s %s %s (codeworker topics check -b %s "
			"shows every fault)", topic, fault == TOPIC_MISSING ? "is" : "has a fault:", text,
			config_kafka(faults->config, "bootstrap.servers"));
}

int topics_check_start(const struct config *config, int64_t bytes[TOPIC_ROLES], struct err *err)
{
	struct topic_found found[TOPICS_MOST] = {0};
	struct faults faults = {.config = config, .err = err};
	struct kafka_admin *admin;
	if (kafka_admin_new(config, &admin, err) != 0)
		return -1;
	kafka_admin_patience(admin, ANSWER_MS);
	int result = find_all(admin, config, found, err);
	for (faults.role = 0; result == 0 && faults.role < topic_plan_count(config); faults.role++)
		(void)topic_plan_faults(config, faults.role, found, fault_take, &faults);
	for (enum topic_role role = 0; role < TOPIC_ROLES; role++)
		bytes[role] = bytes_of(&found[role]);
	topics_found_free(found);
	kafka_admin_free(admin);
	return result == 0 && faults.breaking == 0 ? 0 : -1;
}
