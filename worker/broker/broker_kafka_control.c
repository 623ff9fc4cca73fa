/* broker_kafka_control.c: reads code.control: all of its partitions, outside of the group, for ever.
 *
 * From as long ago as a cancel may be that still applies to something. Where a partition ends is asked before
 * where to begin, so that nothing falls between the answers. Reading is read_committed, and as ends count those
 * of what is stable: what an open transaction holds back was not cancelled before the start. Whatever goes
 * wrong is told and tried again; until all was read once, nothing runs.
 */
#include "broker_kafka_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../clock.h"
#include "../log.h"

#define CALL_MS 5000
#define QUEUE_KBYTES "4096"
#define FETCH_MS "500"		/* a record is told at once all the same */
#define SLACK_MS 60000		/* clocks of brokers and workers differ */
#define LOOK_MS 5000		/* how often partitions are counted, and what is wrong is told */
#define RETRY_NS 300000000
#define MAIL_MOST 200		/* records that wait for the loop */
#define VALUE_MOST 65536	/* more than ids take, however they are escaped; what is cut is malformed */

struct place {
	int64_t next;			/* where reading goes on */
	int64_t end;			/* what was there at first */
};

struct control_reader {
	const struct config *config;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	struct mailbox *mailbox;
	struct place *places;		/* by partition */
	int count;
	bool read_told;
	int64_t looked_ms, told_ms;	/* monotonic; 0: never */
	atomic_bool ending;
	pthread_t thread;
};

int64_t control_begin_ms(const struct config *config, int64_t now_ms)
{
	int64_t begin_ms = now_ms - config_cancel_reach_ms(config) - SLACK_MS;
	return begin_ms > 0 ? begin_ms : 0;
}

static void trouble_tell(struct control_reader *reader, const char *what, const char *reason)
{
	int64_t now_ms = monotonic_ms();
	if (reader->told_ms && now_ms - reader->told_ms < LOOK_MS)
		return;
	reader->told_ms = now_ms;
	log_event(LOG_WARN, reader->read_told ? "cancels can't be read" :
		"cancels can't be read, and nothing runs before they are", "topic",
		reader->config->topics.control, "step", what, "reason", reason, NULL);
}

/* ---- where to read */

/* Returns how many there are, -1: not known now. */
static int partitions_count(struct control_reader *reader)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_metadata(reader->rk, 0, reader->topic, &metadata, CALL_MS);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		trouble_tell(reader, "partitions", rd_kafka_err2str(code));
		return -1;
	}
	const struct rd_kafka_metadata_topic *found = metadata->topics;
	code = metadata->topic_cnt == 1 ? found->err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	int count = code == RD_KAFKA_RESP_ERR_NO_ERROR ? found->partition_cnt :
		code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? 0 : -1;
	rd_kafka_metadata_destroy(metadata);
	if (count < 0)
		trouble_tell(reader, "partitions", rd_kafka_err2str(code));
	if (count == 0)
		trouble_tell(reader, "partitions", "the topic does not exist; make what is missing "
			"with: codeworker topics create");
	return count;
}

static rd_kafka_resp_err_t ends_find(struct control_reader *reader, struct place *places, int first,
	int count)
{
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	for (int p = first; p < count && code == RD_KAFKA_RESP_ERR_NO_ERROR; p++) {
		int64_t low;
		code = rd_kafka_query_watermark_offsets(reader->rk, reader->config->topics.control, p,
			&low, &places[p].end, CALL_MS);
	}
	return code;
}

/* Where there is nothing so young: at the end that was found before. */
static rd_kafka_resp_err_t begins_find(struct control_reader *reader, struct place *places, int first,
	int count)
{
	int64_t begin_ms = control_begin_ms(reader->config, wall_ms());
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count - first);
	for (int p = first; p < count; p++)
		rd_kafka_topic_partition_list_add(list, reader->config->topics.control, p)->offset =
			begin_ms;
	rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(reader->rk, list, CALL_MS);
	for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
		struct place *place = &places[list->elems[i].partition];
		code = list->elems[i].err;
		place->next = list->elems[i].offset >= 0 ? list->elems[i].offset : place->end;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

static rd_kafka_resp_err_t places_assign(const struct control_reader *reader)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(reader->count);
	for (int p = 0; p < reader->count; p++)
		rd_kafka_topic_partition_list_add(list, reader->config->topics.control, p)->offset =
			reader->places[p].next;
	rd_kafka_resp_err_t code = rd_kafka_assign(reader->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

/* All is looked up anew: a topic that is gone begins anew when it is back. */
static void places_forget(struct control_reader *reader)
{
	rd_kafka_assign(reader->rk, NULL);
	free(reader->places);
	reader->places = NULL;
	reader->count = 0;
}

/* Goes on with those that are known, and begins with the others. */
static void places_take(struct control_reader *reader, int count)
{
	struct place *places = calloc((size_t)count, sizeof *places);
	int known = count < reader->count ? 0 : reader->count;
	if (!places)
		abort();		/* a cancel that is not heard of would not be one */
	for (int p = 0; p < known; p++)
		places[p] = reader->places[p];
	rd_kafka_resp_err_t code = ends_find(reader, places, known, count);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		code = begins_find(reader, places, known, count);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		free(reader->places);
		reader->places = places;
		reader->count = count;
		code = places_assign(reader);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			places_forget(reader);
	} else {
		free(places);
	}
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		trouble_tell(reader, "offsets", rd_kafka_err2str(code));
}

static void places_look(struct control_reader *reader)
{
	int64_t now_ms = monotonic_ms();
	if (reader->looked_ms && reader->count > 0 && now_ms - reader->looked_ms < LOOK_MS)
		return;
	reader->looked_ms = now_ms;
	int count = partitions_count(reader);
	if (count == 0 && reader->count > 0)
		places_forget(reader);
	if (count > 0 && count != reader->count)
		places_take(reader, count);
}

/* ---- reading */

static void control_forward(const struct control_reader *reader, const rd_kafka_message_t *message)
{
	size_t size = message->len < VALUE_MOST ? message->len : VALUE_MOST;
	struct broker_event event = {.type = BROKER_CONTROL, .control = {
		.partition = message->partition, .offset = message->offset, .size = size,
		.timestamp_ms = rd_kafka_message_timestamp(message, NULL)}};
	char *copy = NULL;
	if (message->payload) {
		copy = malloc(size + 1);
		if (!copy)
			abort();	/* as above */
		memcpy(copy, message->payload, size);
	}
	event.control.value = copy;
	mailbox_put(reader->mailbox, &event, copy);
}

static void message_take(struct control_reader *reader, const rd_kafka_message_t *message)
{
	bool record = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (!record && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		trouble_tell(reader, "reading", rd_kafka_message_errstr(message));
		return;
	}
	if (record)
		control_forward(reader, message);
	if (message->partition < 0 || message->partition >= reader->count)
		return;
	struct place *place = &reader->places[message->partition];
	place->next = message->offset + record;
	if (!record)
		place->end = place->next;	/* there is no more, wherever the end was */
}

static bool all_read(const struct control_reader *reader)
{
	for (int p = 0; p < reader->count; p++)
		if (reader->places[p].next < reader->places[p].end)
			return false;
	return reader->count > 0;
}

static void *control_thread(void *opaque)
{
	struct control_reader *reader = opaque;
	const struct broker_event read = {.type = BROKER_CONTROLS_READ};
	while (!reader->ending) {
		places_look(reader);
		if (reader->count == 0) {
			nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
			continue;
		}
		if (!reader->read_told && all_read(reader)) {
			mailbox_put(reader->mailbox, &read, NULL);
			reader->read_told = true;
		}
		rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, 100);
		if (message) {
			message_take(reader, message);
			rd_kafka_message_destroy(message);
		}
		while (!reader->ending && mailbox_count(reader->mailbox) > MAIL_MOST)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	rd_kafka_topic_destroy(reader->topic);
	rd_kafka_destroy_flags(reader->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	return NULL;
}

/* ---- setting up */

static void reader_free(struct control_reader *reader)
{
	free(reader->places);
	free(reader);
}

int control_start(const struct config *config, struct mailbox *mailbox,
	struct control_reader **started, struct err *err)
{
	struct control_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return err_set(err, ERR_MEMORY, "no memory");
	*reader = (struct control_reader){.config = config, .mailbox = mailbox};
	reader->rk = reader_open(config, "read_committed", FETCH_MS, QUEUE_KBYTES, err);
	if (!reader->rk) {
		reader_free(reader);
		return -1;
	}
	reader->topic = rd_kafka_topic_new(reader->rk, config->topics.control, NULL);
	if (!reader->topic || pthread_create(&reader->thread, NULL, control_thread, reader) != 0) {
		err_set(err, reader->topic ? ERR_SYSTEM : ERR_INVALID, reader->topic ?
			"a thread can't be made" : "the topic name %s is not valid",
			config->topics.control);
		if (reader->topic)
			rd_kafka_topic_destroy(reader->topic);
		rd_kafka_destroy_flags(reader->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
		reader_free(reader);
		return -1;
	}
	*started = reader;
	return 0;
}

bool control_end(struct control_reader *reader, const struct timespec *until)
{
	if (!reader)
		return true;
	reader->ending = true;
	if (pthread_timedjoin_np(reader->thread, NULL, until) != 0)
		return false;
	reader_free(reader);
	return true;
}
