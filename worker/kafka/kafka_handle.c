/* kafka_handle.c: see kafka_handle.h.
 *
 * librdkafka retries a broker that can't be reached for ever and tells why only through its error
 * callback; so calls here are bounded, and the last complaint becomes the text of the error.
 */
#include "kafka_handle.h"

#include <stdio.h>
#include <string.h>

#define TURN_MS 1000
#define REFUSED_MS 4000			/* patience with brokers that refuse connections */

static void note_trouble(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
	(void)rk;
	struct kafka_handle *handle = opaque;
	if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && handle->trouble[0])
		return;
	snprintf(handle->trouble, sizeof handle->trouble, "%s", reason);
}

static void drop_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

int kafka_conf_put(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
	char reason[256];
	if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
		return err_set(err, ERR_INVALID, "kafka.%s: %s", name, reason);
	return 0;
}

/* Errors reach the caller as struct err; librdkafka's log lines would say them twice. */
static void quieten(rd_kafka_conf_t *conf)
{
	char debug[256] = "";
	size_t size = sizeof debug;
	rd_kafka_conf_get(conf, "debug", debug, &size);
	if (!debug[0])
		rd_kafka_conf_set_log_cb(conf, drop_log);
}

int kafka_handle_open(struct kafka_handle *handle, rd_kafka_type_t type, rd_kafka_conf_t *conf,
	const struct config *config, struct err *err)
{
	char reason[256];
	const char *brokers = config_kafka(config, "bootstrap.servers");
	snprintf(handle->brokers, sizeof handle->brokers, "%s", brokers ? brokers : "");
	handle->trouble[0] = '\0';
	rd_kafka_conf_set_opaque(conf, handle);
	rd_kafka_conf_set_error_cb(conf, note_trouble);
	quieten(conf);
	handle->rk = rd_kafka_new(type, conf, reason, sizeof reason);
	if (!handle->rk) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_INVALID, "kafka configuration: %s", reason);
	}
	return 0;
}

void kafka_handle_close(struct kafka_handle *handle)
{
	if (handle->rk)
		rd_kafka_destroy(handle->rk);
	handle->rk = NULL;
}

int kafka_handle_failed(struct kafka_handle *handle, rd_kafka_resp_err_t error, const char *what,
	struct err *err)
{
	rd_kafka_poll(handle->rk, 0);	/* the complaint waits in the queue of callbacks */
	bool unreachable = error == RD_KAFKA_RESP_ERR__TRANSPORT ||
		error == RD_KAFKA_RESP_ERR__TIMED_OUT ||
		error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
		error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
	if (unreachable)
		return err_set(err, ERR_BROKER, "%s: no answer from Kafka at %s (%s); is it up, and "
			"are these its addresses (-b, kafka.bootstrap.servers)?", what,
			handle->brokers, handle->trouble[0] ? handle->trouble :
			rd_kafka_err2str(error));
	return err_set(err, ERR_BROKER, "%s: %s", what, rd_kafka_err2str(error));
}

static int topic_partitions(const struct rd_kafka_metadata *metadata, const char *topic,
	int *replication)
{
	for (int i = 0; i < metadata->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *found = &metadata->topics[i];
		if (strcmp(found->topic, topic) != 0 || found->partition_cnt == 0)
			continue;
		if (replication)
			*replication = found->partitions[0].replica_cnt;
		return found->partition_cnt;
	}
	return 0;
}

/* All topics: asking for one by name may make it. Where nobody answers, waiting is short. */
static rd_kafka_resp_err_t list_topics(struct kafka_handle *handle,
	const struct rd_kafka_metadata **metadata)
{
	rd_kafka_resp_err_t error;
	int waited_ms = 0;
	do {
		error = rd_kafka_metadata(handle->rk, 1, NULL, metadata, TURN_MS);
		rd_kafka_poll(handle->rk, 0);
		waited_ms += TURN_MS;
	} while (error == RD_KAFKA_RESP_ERR__TRANSPORT && waited_ms < KAFKA_ANSWER_MS &&
		!(handle->trouble[0] && waited_ms >= REFUSED_MS));
	return error;
}

int kafka_handle_partitions(struct kafka_handle *handle, const char *topic, int *replication,
	struct err *err)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error = list_topics(handle, &metadata);
	if (error)
		return kafka_handle_failed(handle, error, "list topics", err);
	int partitions = topic_partitions(metadata, topic, replication);
	rd_kafka_metadata_destroy(metadata);
	return partitions;
}

int kafka_handle_need_topic(struct kafka_handle *handle, const char *topic, struct err *err)
{
	int partitions = kafka_handle_partitions(handle, topic, NULL, err);
	if (partitions == 0)
		return err_set(err, ERR_BROKER, "topic %s does not exist at %s; "
			"`codeworker topics create` makes it", topic, handle->brokers);
	return partitions;
}
