/* broker_kafka_marks.c: marks in code.state, by an idempotent producer outside of transactions: what a job's
 * start says must be there although its worker dies. Called by the loop alone.
 *
 * Each mark is kept until it is acknowledged. A producer whose error is fatal acknowledges nothing any more: a new one
 * takes its place and sends again what is left. One that was stored all the same stands there twice, which says no
 * more than once.
 */
#include "broker_kafka_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "../clock.h"
#include "../kafka/kafka_conf.h"
#include "../log.h"

#define STALE_MS 60000		/* a mark that is minutes late says nothing any more */
#define STALE_TEXT "60000"
#define RENEW_MS 1000		/* between two producers */
#define FLUSH_MS 100		/* after which it looks for a fatal error again */
#define REST_MS 10		/* a producer that has failed has nothing to flush */

struct mark {
	struct mark *prev, *next;
	uint64_t number;
	int64_t made_ms;
	int32_t partition;
	char value[];
};

struct marker {
	const struct config *config;
	rd_kafka_t *rk;
	struct mailbox *mailbox;
	struct mark *marks;		/* not acknowledged, in order */
	int64_t renewed_ms;		/* 0: never */
};

static void mark_free(struct marker *marker, struct mark *mark)
{
	DL_DELETE(marker->marks, mark);
	free(mark);
}

static void mark_lost(struct marker *marker, struct mark *mark, const char *reason)
{
	log_event(LOG_WARN, "a mark was not stored", "topic", marker->config->topics.state, "partition",
		log_number(mark->partition), "reason", reason, NULL);
	mark_free(marker, mark);
}

static bool is_fatal(rd_kafka_t *rk)
{
	return rd_kafka_fatal_error(rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	struct marker *marker = opaque;
	struct mark *mark = message->_private;
	struct broker_event event = {.type = BROKER_MARKED, .number = mark->number};
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (!is_fatal(rk))	/* else the next producer sends it */
			mark_lost(marker, mark, rd_kafka_err2str(message->err));
		return;
	}
	if (event.number != 0)
		mailbox_put(marker->mailbox, &event, NULL);
	mark_free(marker, mark);
}

static int marker_conf(rd_kafka_conf_t *conf, const struct config *config, struct err *err)
{
	static const char *const settings[][2] = {{"enable.idempotence", "true"}, {"linger.ms", "0"},
		{"retry.backoff.ms", "50"}, {"message.timeout.ms", STALE_TEXT}};
	char reason[256];
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if ((i == 0 || !config_kafka(config, settings[i][0])) && rd_kafka_conf_set(conf,
				settings[i][0], settings[i][1], reason, sizeof reason) != RD_KAFKA_CONF_OK)
			return err_set(err, ERR_INVALID, "%s: %s", settings[i][0], reason);
	return 0;
}

/* NULL with err. */
static rd_kafka_t *producer_make(struct marker *marker, struct err *err)
{
	char reason[256];
	rd_kafka_t *rk = NULL;
	rd_kafka_conf_t *conf = kafka_conf_new(marker->config, RD_KAFKA_PRODUCER, err);
	if (!conf)
		return NULL;
	if (marker_conf(conf, marker->config, err) == 0) {
		rd_kafka_conf_set_log_cb(conf, broker_kafka_log);
		rd_kafka_conf_set_opaque(conf, marker);
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
		rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
		if (!rk)
			err_set(err, ERR_BROKER, "a producer can't be made: %s", reason);
	}
	if (!rk)
		rd_kafka_conf_destroy(conf);
	return rk;
}

int marker_new(const struct config *config, struct mailbox *mailbox, struct marker **made,
	struct err *err)
{
	struct marker *marker = calloc(1, sizeof *marker);
	if (!marker)
		return err_set(err, ERR_MEMORY, "no memory");
	marker->config = config;
	marker->mailbox = mailbox;
	marker->rk = producer_make(marker, err);
	if (!marker->rk) {
		free(marker);
		return -1;
	}
	*made = marker;
	return 0;
}

/* The mark is in the list. */
static void mark_send(struct marker *marker, struct mark *mark)
{
	rd_kafka_resp_err_t code;
	while ((code = rd_kafka_producev(marker->rk, RD_KAFKA_V_TOPIC(marker->config->topics.state),
			RD_KAFKA_V_PARTITION(mark->partition),
			RD_KAFKA_V_VALUE(mark->value, strlen(mark->value)), RD_KAFKA_V_OPAQUE(mark),
			RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rd_kafka_poll(marker->rk, 10);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !is_fatal(marker->rk))
		mark_lost(marker, mark, rd_kafka_err2str(code));
}

void marker_put(struct marker *marker, int32_t partition, const char *value, uint64_t number)
{
	size_t size = strlen(value) + 1;
	struct mark *mark = malloc(sizeof *mark + size);
	if (!mark) {
		log_event(LOG_WARN, "no memory for a mark", NULL);
		return;
	}
	*mark = (struct mark){.number = number, .made_ms = monotonic_ms(), .partition = partition};
	memcpy(mark->value, value, size);
	DL_APPEND(marker->marks, mark);
	mark_send(marker, mark);
}

static void marks_send_again(struct marker *marker)
{
	struct mark *again = marker->marks, *mark;
	marker->marks = NULL;
	while ((mark = again)) {
		DL_DELETE(again, mark);
		DL_APPEND(marker->marks, mark);
		if (monotonic_ms() - mark->made_ms > STALE_MS)
			mark_lost(marker, mark, "it is too old");
		else
			mark_send(marker, mark);
	}
}

/* Outside of callbacks. */
static void renew_if_fatal(struct marker *marker)
{
	char reason[256] = "";
	struct err err;
	int64_t now_ms = monotonic_ms();
	if (rd_kafka_fatal_error(marker->rk, reason, sizeof reason) == RD_KAFKA_RESP_ERR_NO_ERROR ||
			(marker->renewed_ms && now_ms - marker->renewed_ms < RENEW_MS))
		return;
	marker->renewed_ms = now_ms;
	log_event(LOG_WARN, "the producer of marks is made anew", "reason", reason, NULL);
	rd_kafka_t *rk = producer_make(marker, &err);
	if (!rk) {
		struct broker_event event = {.type = BROKER_FATAL, .err = err};
		mailbox_put(marker->mailbox, &event, NULL);
		return;
	}
	rd_kafka_purge(marker->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_destroy(marker->rk);
	marker->rk = rk;
	marks_send_again(marker);
}

void marker_serve(struct marker *marker)
{
	if (!marker)
		return;
	rd_kafka_poll(marker->rk, 0);
	renew_if_fatal(marker);
}

void marker_flush(struct marker *marker, int timeout_ms)
{
	int64_t end_ms = monotonic_ms() + timeout_ms, left_ms = timeout_ms;
	do {
		renew_if_fatal(marker);
		rd_kafka_flush(marker->rk, left_ms < FLUSH_MS ? (int)left_ms : FLUSH_MS);
		if (marker->marks)
			rd_kafka_poll(marker->rk, REST_MS);
		left_ms = end_ms - monotonic_ms();
	} while (marker->marks && left_ms > 0);
}

void marker_end(struct marker *marker)
{
	struct mark *mark, *next;
	if (!marker)
		return;
	rd_kafka_purge(marker->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_destroy(marker->rk);
	DL_FOREACH_SAFE(marker->marks, mark, next)
		mark_free(marker, mark);
	free(marker);
}
