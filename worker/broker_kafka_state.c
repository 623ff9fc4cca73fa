/* broker_kafka_state.c: reads code.state to its end before a partition's first job.
 *
 * The end is the high watermark at the start: a transaction that a dead worker left open hides what
 * others committed behind it, so the reader waits for the broker to end it (transaction.timeout.ms).
 * From where: the dedupe window's length ago, since older records can't matter.
 */
#include "broker_kafka_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kafka_conf.h"
#include "log.h"

#define CALL_MS 10000
#define SLACK_MS 60000		/* clocks of brokers and workers differ */

struct takeover {
	rd_kafka_t *rk;
	const char *topic;
	int64_t window_ms;
	struct mailbox *mailbox;
	int32_t *partitions;
	int64_t *ends;			/* what must be read, by index; -1: done */
	size_t count;
	atomic_bool ending;
	pthread_t thread;
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Fills where to begin; returns the number of partitions that hold anything to read, or -1. */
static int places_find(struct takeover *takeover, rd_kafka_topic_partition_list_t *list,
	struct err *err)
{
	int64_t since = now_ms() - takeover->window_ms - SLACK_MS;
	rd_kafka_topic_partition_list_t *times =
		rd_kafka_topic_partition_list_new((int)takeover->count);
	for (size_t i = 0; i < takeover->count; i++)
		rd_kafka_topic_partition_list_add(times, takeover->topic,
			takeover->partitions[i])->offset = since > 0 ? since : 0;
	rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(takeover->rk, times, CALL_MS);
	for (size_t i = 0; i < takeover->count && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
		int64_t low, high;
		code = rd_kafka_query_watermark_offsets(takeover->rk, takeover->topic,
			takeover->partitions[i], &low, &high, CALL_MS);
		int64_t begin = times->elems[i].offset;
		takeover->ends[i] = -1;
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR || begin < 0 || begin >= high)
			continue;	/* RD_KAFKA_OFFSET_END: nothing so young */
		takeover->ends[i] = high;
		rd_kafka_topic_partition_list_add(list, takeover->topic,
			takeover->partitions[i])->offset = begin;
	}
	rd_kafka_topic_partition_list_destroy(times);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return err_set(err, ERR_BROKER, "looking into %s: %s", takeover->topic,
			rd_kafka_err2str(code));
	return list->cnt;
}

/* Whether everything up to the ends has been read. */
static bool positions_done(struct takeover *takeover, rd_kafka_topic_partition_list_t *list)
{
	if (rd_kafka_position(takeover->rk, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	for (int i = 0; i < list->cnt; i++)
		for (size_t p = 0; p < takeover->count; p++)
			if (takeover->partitions[p] == list->elems[i].partition &&
					takeover->ends[p] >= 0 &&
					list->elems[i].offset < takeover->ends[p])
				return false;
	return true;
}

static void message_forward(struct takeover *takeover, const rd_kafka_message_t *message)
{
	struct broker_event event = {.type = BROKER_STATE, .state = {
		.partition = message->partition, .size = message->len,
		.timestamp_ms = rd_kafka_message_timestamp(message, NULL)}};
	char *copy = malloc(message->len + 1);
	if (!copy)
		abort();	/* forgetting what is final would run it twice */
	memcpy(copy, message->payload, message->len);
	event.state.value = copy;
	mailbox_put(takeover->mailbox, &event, copy);
}

/* A partition whose last records are transaction markers ends at PARTITION_EOF, beyond the position of
 * the last message: eof tells how far the broker let us read. */
static void eof_note(struct takeover *takeover, const rd_kafka_message_t *message)
{
	for (size_t p = 0; p < takeover->count; p++)
		if (takeover->partitions[p] == message->partition &&
				message->offset >= takeover->ends[p])
			takeover->ends[p] = -1;
}

static bool all_ended(const struct takeover *takeover)
{
	for (size_t p = 0; p < takeover->count; p++)
		if (takeover->ends[p] >= 0)
			return false;
	return true;
}

static void read_all(struct takeover *takeover, rd_kafka_topic_partition_list_t *list)
{
	int64_t begin = now_ms();
	bool told = false;
	while (!takeover->ending && !all_ended(takeover)) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(takeover->rk, 100);
		if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->payload)
			message_forward(takeover, message);
		else if (message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			eof_note(takeover, message);
		if (message)
			rd_kafka_message_destroy(message);
		else if (positions_done(takeover, list))
			break;
		if (!told && now_ms() - begin > 5000) {
			log_event(LOG_WARN, "taking over waits for a transaction that a gone worker left "
				"open; the broker ends it (set worker.id to have it ended at once)", NULL);
			told = true;
		}
	}
}

static void *takeover_thread(void *opaque)
{
	struct takeover *takeover = opaque;
	struct broker_event event = {.type = BROKER_ASSIGNED};
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)takeover->count);
	int wanted = -1;
	while (!takeover->ending && (wanted = places_find(takeover, list, &event.err)) < 0) {
		log_event(LOG_WARN, "taking partitions over", "reason", event.err.text, NULL);
		list->cnt = 0;
		struct timespec pause = {.tv_sec = 1};
		nanosleep(&pause, NULL);
	}
	if (wanted > 0 && rd_kafka_assign(takeover->rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR)
		read_all(takeover, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (takeover->ending)
		return NULL;
	event.partition_count = takeover->count;
	event.partitions = malloc(takeover->count * sizeof *takeover->partitions + 1);
	if (!event.partitions)
		abort();
	memcpy((void *)event.partitions, takeover->partitions,
		takeover->count * sizeof *takeover->partitions);
	mailbox_put(takeover->mailbox, &event, (void *)event.partitions);
	return NULL;
}

static rd_kafka_t *reader_open(const struct config *config, struct err *err)
{
	static const char *const settings[][2] = {{"group.id", "codeworker-state-reader"},
		{"enable.auto.commit", "false"}, {"enable.partition.eof", "true"},
		{"isolation.level", "read_committed"}, {"auto.offset.reset", "earliest"},
		{"fetch.wait.max.ms", "20"}};
	char reason[256];
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_CONSUMER, err);
	if (!conf)
		return NULL;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof reason) !=
				RD_KAFKA_CONF_OK) {
			err_set(err, ERR_INVALID, "%s: %s", settings[i][0], reason);
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		err_set(err, ERR_BROKER, "a reader of the state can't be made: %s", reason);
	}
	return rk;
}

int takeover_start(const struct config *config, const int32_t *partitions, size_t count,
	struct mailbox *mailbox, struct takeover **started, struct err *err)
{
	struct takeover *takeover = calloc(1, sizeof *takeover);
	if (!takeover)
		return err_set(err, ERR_MEMORY, "no memory");
	takeover->topic = config->topics.state;
	takeover->window_ms = config->worker.dedupe_window_ms;
	takeover->mailbox = mailbox;
	takeover->count = count;
	takeover->partitions = calloc(count + 1, sizeof *takeover->partitions);
	takeover->ends = calloc(count + 1, sizeof *takeover->ends);
	takeover->rk = reader_open(config, err);
	if (takeover->partitions && takeover->ends && takeover->rk) {
		memcpy(takeover->partitions, partitions, count * sizeof *partitions);
		if (pthread_create(&takeover->thread, NULL, takeover_thread, takeover) == 0) {
			*started = takeover;
			return 0;
		}
		err_set(err, ERR_SYSTEM, "a thread can't be made");
	}
	if (takeover->rk)
		rd_kafka_destroy(takeover->rk);
	free(takeover->partitions);
	free(takeover->ends);
	free(takeover);
	return -1;
}

void takeover_free(struct takeover *takeover)
{
	if (!takeover)
		return;
	takeover->ending = true;
	pthread_join(takeover->thread, NULL);
	rd_kafka_consumer_close(takeover->rk);
	rd_kafka_destroy(takeover->rk);
	free(takeover->partitions);
	free(takeover->ends);
	free(takeover);
}
