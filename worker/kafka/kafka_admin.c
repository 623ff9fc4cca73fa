/* kafka_admin.c: makes and inspects topics for the commands; see kafka_client.h. */
#include "kafka_client.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_conf.h"
#include "kafka_handle.h"

struct kafka_admin {
	struct kafka_handle handle;	/* first: the callbacks' opaque is both */
	rd_kafka_queue_t *answers;
	int answer_ms;
};

int kafka_admin_new(const struct config *config, struct kafka_admin **admin, struct err *err)
{
	struct kafka_admin *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for an administrator");
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_PRODUCER, err);
	if (!conf || kafka_handle_open(&made->handle, RD_KAFKA_PRODUCER, conf, config, err) != 0) {
		free(made);
		return -1;
	}
	made->answers = rd_kafka_queue_new(made->handle.rk);
	made->answer_ms = KAFKA_ANSWER_MS;
	*admin = made;
	return 0;
}

void kafka_admin_patience(struct kafka_admin *admin, int answer_ms)
{
	admin->answer_ms = answer_ms;
}

void kafka_admin_free(struct kafka_admin *admin)
{
	if (!admin)
		return;
	rd_kafka_queue_destroy(admin->answers);
	kafka_handle_close(&admin->handle);
	free(admin);
}

int kafka_admin_topic(struct kafka_admin *admin, const char *name, struct kafka_topic *topic,
	struct err *err)
{
	int replication = 0;
	int partitions = kafka_handle_partitions(&admin->handle, name, &replication, err);
	if (partitions < 0)
		return -1;
	*topic = (struct kafka_topic){partitions > 0, partitions, replication};
	return 0;
}

static rd_kafka_AdminOptions_t *options_make(struct kafka_admin *admin, rd_kafka_admin_op_t op)
{
	char reason[256];
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->handle.rk, op);
	if (!options)
		return NULL;
	rd_kafka_AdminOptions_set_request_timeout(options, admin->answer_ms, reason, sizeof reason);
	rd_kafka_AdminOptions_set_operation_timeout(options, admin->answer_ms, reason,
		sizeof reason);
	return options;
}

/* Waits for the one answer. Returns NULL with err set when the call as a whole failed. */
static rd_kafka_event_t *answer_wait(struct kafka_admin *admin, const char *what, struct err *err)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(admin->answers, KAFKA_ANSWER_MS + 5000);
	rd_kafka_resp_err_t error = event ? rd_kafka_event_error(event) :
		RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (!error)
		return event;
	kafka_handle_failed(&admin->handle, error, what, err);
	if (event)
		rd_kafka_event_destroy(event);
	return NULL;
}

static int created(struct kafka_admin *admin, const char *name, struct err *err)
{
	size_t count = 0;
	int answer = -1;
	rd_kafka_event_t *event = answer_wait(admin, name, err);
	if (!event)
		return -1;
	const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
		rd_kafka_event_CreateTopics_result(event), &count);
	rd_kafka_resp_err_t error = count == 1 ? rd_kafka_topic_result_error(results[0]) :
		RD_KAFKA_RESP_ERR__BAD_MSG;
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		answer = 0;
	else if (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		answer = 1;
	else
		err_set(err, ERR_BROKER, "create %s: %s", name,
			count == 1 && rd_kafka_topic_result_error_string(results[0]) ?
			rd_kafka_topic_result_error_string(results[0]) : rd_kafka_err2str(error));
	rd_kafka_event_destroy(event);
	return answer;
}

int kafka_admin_create(struct kafka_admin *admin, const char *name, int partitions,
	int replication, const struct kafka_setting *settings, size_t count, struct err *err)
{
	char reason[256];
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, replication, reason,
		sizeof reason);
	if (!topic)
		return err_set(err, ERR_INVALID, "create %s: %s", name, reason);
	for (size_t i = 0; i < count; i++)
		rd_kafka_NewTopic_set_config(topic, settings[i].name, settings[i].value);
	rd_kafka_AdminOptions_t *options = options_make(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	if (!options) {
		rd_kafka_NewTopic_destroy(topic);
		return err_set(err, ERR_MEMORY, "no memory to create %s", name);
	}
	rd_kafka_CreateTopics(admin->handle.rk, &topic, 1, options, admin->answers);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_NewTopic_destroy(topic);
	return created(admin, name, err);
}

static void values_pick(const rd_kafka_ConfigResource_t *resource, const char *const *names,
	char **values, size_t count)
{
	size_t entries;
	const rd_kafka_ConfigEntry_t **entry = rd_kafka_ConfigResource_configs(resource, &entries);
	for (size_t i = 0; i < count; i++) {
		values[i] = NULL;
		for (size_t e = 0; e < entries && !values[i]; e++)
			if (strcmp(rd_kafka_ConfigEntry_name(entry[e]), names[i]) == 0 &&
				rd_kafka_ConfigEntry_value(entry[e]))
				values[i] = strdup(rd_kafka_ConfigEntry_value(entry[e]));
	}
}

static int described(struct kafka_admin *admin, const char *topic, const char *const *names,
	char **values, size_t count, struct err *err)
{
	size_t found = 0;
	rd_kafka_event_t *event = answer_wait(admin, topic, err);
	if (!event)
		return -1;
	const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
		rd_kafka_event_DescribeConfigs_result(event), &found);
	rd_kafka_resp_err_t error = found == 1 ? rd_kafka_ConfigResource_error(resources[0]) :
		RD_KAFKA_RESP_ERR__BAD_MSG;
	if (error)
		err_set(err, ERR_BROKER, "settings of %s: %s", topic, rd_kafka_err2str(error));
	else
		values_pick(resources[0], names, values, count);
	rd_kafka_event_destroy(event);
	return error ? -1 : 0;
}

int kafka_admin_settings(struct kafka_admin *admin, const char *topic, const char *const *names,
	char **values, size_t count, struct err *err)
{
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(
		RD_KAFKA_RESOURCE_TOPIC, topic);
	if (!resource)
		return err_set(err, ERR_INVALID, "settings of %s: not a topic's name", topic);
	rd_kafka_AdminOptions_t *options = options_make(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	if (!options) {
		rd_kafka_ConfigResource_destroy(resource);
		return err_set(err, ERR_MEMORY, "no memory to describe %s", topic);
	}
	rd_kafka_DescribeConfigs(admin->handle.rk, &resource, 1, options, admin->answers);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ConfigResource_destroy(resource);
	return described(admin, topic, names, values, count, err);
}
