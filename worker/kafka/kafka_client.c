/* kafka_client.c: the plain producer of the commands; see kafka_client.h.
 *
 * librdkafka delivers in the background and reports each message's fate to delivered(), which
 * counts. An idempotent producer keeps its own retries from doubling a message.
 */
#include "kafka_client.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_conf.h"
#include "kafka_handle.h"

struct kafka_producer {
	struct kafka_handle handle;	/* first: the callbacks' opaque is both */
	size_t sent, delivered;
	rd_kafka_resp_err_t refusal;	/* of the first message that was refused */
};

static void note_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	(void)rk;
	struct kafka_producer *producer = opaque;
	if (!message->err)
		producer->delivered++;
	else if (!producer->refusal)
		producer->refusal = message->err;
}

/* The broker judges sizes, and a command's user does not wait five minutes for a dead broker. */
static int producer_conf(const struct config *config, rd_kafka_conf_t *conf, struct err *err)
{
	static const struct { const char *name, *value; } defaults[] = {
		{"message.timeout.ms", "30000"},
		{"message.max.bytes", "67108864"},
	};
	if (kafka_conf_put(conf, "enable.idempotence", "true", err) != 0 ||
		kafka_conf_put(conf, "acks", "all", err) != 0 ||
		kafka_conf_put(conf, "partitioner", "murmur2_random", err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		if (!config_kafka(config, defaults[i].name) &&
			kafka_conf_put(conf, defaults[i].name, defaults[i].value, err) != 0)
			return -1;
	rd_kafka_conf_set_dr_msg_cb(conf, note_delivery);
	return 0;
}

int kafka_producer_new(const struct config *config, struct kafka_producer **producer,
	struct err *err)
{
	struct kafka_producer *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for a producer");
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_PRODUCER, err);
	if (!conf || producer_conf(config, conf, err) != 0) {
		if (conf)
			rd_kafka_conf_destroy(conf);
		free(made);
		return -1;
	}
	if (kafka_handle_open(&made->handle, RD_KAFKA_PRODUCER, conf, config, err) != 0) {
		free(made);
		return -1;
	}
	*producer = made;
	return 0;
}

void kafka_producer_free(struct kafka_producer *producer)
{
	if (!producer)
		return;
	rd_kafka_purge(producer->handle.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
		RD_KAFKA_PURGE_F_NON_BLOCKING);
	kafka_handle_close(&producer->handle);
	free(producer);
}

int kafka_producer_need_topic(struct kafka_producer *producer, const char *topic, struct err *err)
{
	return kafka_handle_need_topic(&producer->handle, topic, err) < 0 ? -1 : 0;
}

static rd_kafka_headers_t *headers_make(const struct kafka_message *message)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
	for (size_t i = 0; headers && i < message->header_count; i++) {
		const struct kafka_header *header = &message->headers[i];
		rd_kafka_header_add(headers, header->name, -1, header->value, (ssize_t)header->size);
	}
	return headers;
}

static rd_kafka_resp_err_t produce(struct kafka_producer *producer,
	const struct kafka_message *message)
{
	rd_kafka_headers_t *headers = message->header_count > 0 ? headers_make(message) :
		NULL;
	rd_kafka_resp_err_t error = rd_kafka_producev(producer->handle.rk,
		RD_KAFKA_V_TOPIC(message->topic),
		RD_KAFKA_V_KEY(message->key, message->key_size),
		RD_KAFKA_V_VALUE((void *)message->value, message->value_size),
		RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_END);
	if (error && headers)
		rd_kafka_headers_destroy(headers);
	return error;
}

int kafka_producer_send(struct kafka_producer *producer, const struct kafka_message *message,
	struct err *err)
{
	rd_kafka_resp_err_t error;
	while ((error = produce(producer, message)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rd_kafka_poll(producer->handle.rk, 100);
	rd_kafka_poll(producer->handle.rk, 0);
	if (error)
		return kafka_handle_failed(&producer->handle, error, message->topic, err);
	producer->sent++;
	return 0;
}

int kafka_producer_flush(struct kafka_producer *producer, struct err *err)
{
	while (rd_kafka_outq_len(producer->handle.rk) > 0)
		rd_kafka_flush(producer->handle.rk, 1000);
	if (producer->delivered == producer->sent)
		return 0;
	char what[80];
	snprintf(what, sizeof what, "%zu of %zu messages were delivered, the others not",
		producer->delivered, producer->sent);
	return kafka_handle_failed(&producer->handle, producer->refusal, what, err);
}
