/* broker_kafka_marks.c: marks in code.state, by an idempotent producer outside of transactions: what a job's
 * start says must be there although its worker dies. Called by the loop alone. */
#include "broker_kafka_internal.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_conf.h"
#include "log.h"

struct marker {
	const struct config *config;
	rd_kafka_t *rk;
	struct mailbox *mailbox;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	(void)rk;
	struct marker *marker = opaque;
	struct broker_event event = {.type = BROKER_MARKED,
		.number = (uint64_t)(uintptr_t)message->_private};
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && event.number != 0)
		mailbox_put(marker->mailbox, &event, NULL);
	else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_event(LOG_WARN, "a mark was not stored", "topic", marker->config->topics.state,
			"reason", rd_kafka_err2str(message->err), NULL);
}

static int marker_conf(rd_kafka_conf_t *conf, const struct config *config, struct err *err)
{
	/* A mark that is minutes late says nothing any more. */
	static const char *const settings[][2] = {{"enable.idempotence", "true"}, {"linger.ms", "0"},
		{"retry.backoff.ms", "50"}, {"message.timeout.ms", "60000"}};
	char reason[256];
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if ((i == 0 || !config_kafka(config, settings[i][0])) && rd_kafka_conf_set(conf,
				settings[i][0], settings[i][1], reason, sizeof reason) != RD_KAFKA_CONF_OK)
			return err_set(err, ERR_INVALID, "%s: %s", settings[i][0], reason);
	return 0;
}

int marker_new(const struct config *config, struct mailbox *mailbox, struct marker **made,
	struct err *err)
{
	char reason[256];
	struct marker *marker = calloc(1, sizeof *marker);
	rd_kafka_conf_t *conf = marker ? kafka_conf_new(config, RD_KAFKA_PRODUCER, err) : NULL;
	if (!conf) {
		free(marker);
		return marker ? -1 : err_set(err, ERR_MEMORY, "no memory");
	}
	marker->config = config;
	marker->mailbox = mailbox;
	if (marker_conf(conf, config, err) == 0) {
		rd_kafka_conf_set_log_cb(conf, broker_kafka_log);
		rd_kafka_conf_set_opaque(conf, marker);
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
		marker->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
		if (!marker->rk)
			err_set(err, ERR_BROKER, "a producer can't be made: %s", reason);
	}
	if (!marker->rk) {
		rd_kafka_conf_destroy(conf);
		free(marker);
		return -1;
	}
	*made = marker;
	return 0;
}

void marker_put(struct marker *marker, int32_t partition, const char *value, uint64_t number)
{
	rd_kafka_resp_err_t code;
	while ((code = rd_kafka_producev(marker->rk, RD_KAFKA_V_TOPIC(marker->config->topics.state),
			RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			RD_KAFKA_V_VALUE((void *)value, strlen(value)),
			RD_KAFKA_V_OPAQUE((void *)(uintptr_t)number), RD_KAFKA_V_END)) ==
			RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rd_kafka_poll(marker->rk, 10);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		log_event(LOG_WARN, "a mark can't be written", "topic", marker->config->topics.state,
			"reason", rd_kafka_err2str(code), NULL);
}

void marker_serve(struct marker *marker)
{
	if (marker)
		rd_kafka_poll(marker->rk, 0);
}

void marker_flush(struct marker *marker, int timeout_ms)
{
	rd_kafka_flush(marker->rk, timeout_ms);
}

void marker_end(struct marker *marker)
{
	if (!marker)
		return;
	rd_kafka_purge(marker->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_destroy(marker->rk);
	free(marker);
}
