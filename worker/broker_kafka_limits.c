/* broker_kafka_limits.c: how large a message the topics take that we write to.
 *
 * Asked once, in one request. A principal that may not ask, or a broker that does not know the question, costs
 * a few seconds at the start; then Kafka's own default is taken.
 */
#include "broker_kafka.h"
#include "broker_kafka_internal.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_conf.h"
#include "log.h"

#define ANSWER_MS 3000
#define DEFAULT_BYTES 1048588		/* Kafka's max.message.bytes */

static int64_t config_bytes(const rd_kafka_ConfigResource_t *resource)
{
	size_t count;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "max.message.bytes") == 0 &&
				rd_kafka_ConfigEntry_value(entries[i]))
			return strtoll(rd_kafka_ConfigEntry_value(entries[i]), NULL, 10);
	return 0;
}

static size_t answers_take(rd_kafka_event_t *event, const char *const topics[], int64_t *bytes[],
	size_t count)
{
	size_t resource_count = 0, taken = 0;
	const rd_kafka_ConfigResource_t **resources = NULL;
	if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR)
		resources = rd_kafka_DescribeConfigs_result_resources(
			rd_kafka_event_DescribeConfigs_result(event), &resource_count);
	for (size_t r = 0; r < resource_count; r++)
		for (size_t t = 0; t < count; t++) {
			int64_t found = config_bytes(resources[r]);
			if (found <= 0 || strcmp(rd_kafka_ConfigResource_name(resources[r]),
					topics[t]) != 0)
				continue;
			*bytes[t] = found;
			taken++;
		}
	return taken;
}

static size_t ask(rd_kafka_t *rk, const char *const topics[], int64_t *bytes[], size_t count)
{
	char reason[128];
	rd_kafka_ConfigResource_t *resources[LIMITED_TOPICS];
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_AdminOptions_t *options =
		rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	size_t taken = 0;
	rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, reason, sizeof reason);
	for (size_t i = 0; i < count; i++)
		resources[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i]);
	rd_kafka_DescribeConfigs(rk, resources, count, options, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * ANSWER_MS);
	if (event) {
		taken = answers_take(event, topics, bytes, count);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_ConfigResource_destroy_array(resources, count);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	return taken;
}

static rd_kafka_t *handle_open(const struct config *config)
{
	char reason[128];
	struct err err;
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_PRODUCER, &err);
	if (!conf)
		return NULL;
	rd_kafka_conf_set_log_cb(conf, broker_kafka_log);
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
	if (!rk)
		rd_kafka_conf_destroy(conf);
	return rk;
}

void broker_kafka_limits(const struct config *config, struct broker_kafka_limits *limits)
{
	const char *const topics[LIMITED_TOPICS] = {config->topics.results, config->topics.errors,
		config->topics.dead, config->topics.state, config->topics.retries};
	int64_t *const bytes[LIMITED_TOPICS] = {&limits->results, &limits->errors, &limits->dead,
		&limits->state, &limits->retries};
	rd_kafka_t *rk = handle_open(config);
	size_t taken = 0;
	for (size_t i = 0; i < LIMITED_TOPICS; i++)
		*bytes[i] = DEFAULT_BYTES;
	if (rk) {
		taken = ask(rk, topics, (int64_t **)bytes, LIMITED_TOPICS);
		rd_kafka_destroy(rk);
	}
	if (taken < LIMITED_TOPICS)
		log_event(LOG_WARN, "the topics' max.message.bytes can't be asked for; Kafka's default is "
			"taken", "bytes", log_number(DEFAULT_BYTES), NULL);
}
