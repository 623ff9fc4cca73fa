/* broker_kafka_producer.c: one producer: how it is configured, opened, and told of refusals. */
#include "broker_kafka_commit.h"

#include <stdio.h>
#include <string.h>

#include "../kafka/kafka_conf.h"

bool producer_is_refusal(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || code == RD_KAFKA_RESP_ERR_INVALID_MSG ||
		code == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
		code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
		code == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

const struct broker_record *producer_sent(const struct producer *producer,
	const struct broker_batch *batch, size_t index)
{
	if (producer->acknowledged && producer->acknowledged[index])
		return NULL;
	unsigned char times = producer->refused[index];
	return times == 0 ? &batch->records[index] : times == 1 ? batch->records[index].instead : NULL;
}

size_t producer_record_size(const struct broker_record *record)
{
	size_t size = record->key_size + record->value_size;
	for (size_t i = 0; i < record->header_count; i++)
		size += strlen(record->headers[i].name) + record->headers[i].size;
	return size;
}

void producer_refused(struct producer *producer, size_t index, rd_kafka_resp_err_t code)
{
	if (producer->refusal)
		return;
	producer->refusal = code;
	producer->refused_index = index;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	(void)rk;
	struct producer *producer = opaque;
	size_t index = (size_t)(uintptr_t)message->_private;
	if (producer_is_refusal(message->err))
		producer_refused(producer, index, message->err);
	else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && producer->acknowledged)
		producer->acknowledged[index] = true;
}

static int conf_put(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
	char reason[256];
	if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
		return err_set(err, ERR_INVALID, "%s=%s: %s", name, value, reason);
	return 0;
}

/* What the configuration leaves open and what it may not change. */
static int producer_conf(const struct config *config, rd_kafka_conf_t *conf, const char *id,
	int64_t bytes, struct err *err)
{
	char set[24];
	snprintf(set, sizeof set, "%lld", (long long)bytes);
	if (conf_put(conf, "batch.size", set, err) < 0)
		return -1;
	/* A transaction begins with retries while the broker still ends the one before. */
	static const char *const defaults[][2] = {{"linger.ms", "0"}, {"message.max.bytes", "67108864"},
		{"retry.backoff.ms", "1"}, {"transaction.timeout.ms", "10000"}};
	size_t count = config->worker.exactly_once ? sizeof defaults / sizeof *defaults : 2;
	for (size_t i = 0; i < count; i++)
		if (!config_kafka(config, defaults[i][0]) &&
				conf_put(conf, defaults[i][0], defaults[i][1], err) < 0)
			return -1;
	if (config->worker.exactly_once && conf_put(conf, "transactional.id", id, err) < 0)
		return -1;
	if (conf_put(conf, "partitioner", "murmur2_random", err) < 0)
		return -1;
	return conf_put(conf, "enable.idempotence", "true", err);
}

int producer_open(const struct config *config, struct producer *producer, const char *id,
	int64_t bytes, struct err *err)
{
	char reason[256];
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_PRODUCER, err);
	if (!conf)
		return -1;
	if (producer_conf(config, conf, id, bytes, err) < 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	rd_kafka_conf_set_log_cb(conf, broker_kafka_log);
	rd_kafka_conf_set_opaque(conf, producer);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
	if (!producer->rk) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_BROKER, "a producer can't be made: %s", reason);
	}
	return 0;
}

void producer_warm(const struct config *config, struct producer *producer)
{
	const char *const topics[TOPICS] = {config->topics.results, config->topics.errors,
		config->topics.dead, config->topics.state, config->topics.retries};
	for (int i = 0; i < TOPICS; i++) {
		const struct rd_kafka_metadata *metadata;
		producer->topics[i] = rd_kafka_topic_new(producer->rk, topics[i], NULL);
		if (producer->topics[i] && rd_kafka_metadata(producer->rk, 0, producer->topics[i],
				&metadata, CALL_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
			rd_kafka_metadata_destroy(metadata);
	}
}

void producer_close(struct producer *producer)
{
	for (int t = 0; t < TOPICS; t++) {
		if (producer->topics[t])
			rd_kafka_topic_destroy(producer->topics[t]);
		producer->topics[t] = NULL;
	}
	if (producer->rk)
		rd_kafka_destroy(producer->rk);
	producer->rk = NULL;
}
