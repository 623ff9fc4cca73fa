/* kafka_lookup.c: single records by their offsets; see kafka_client.h.
 *
 * librdkafka's consumer of single partitions: each partition has a queue of its own, is opened when
 * the first record of it is asked for, and read on as long as the next one is near. Before a jump,
 * and at an end, the broker is asked whether there is anything at that place.
 */
#include "kafka_client.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_conf.h"
#include "kafka_handle.h"
#include "kafka_record.h"

#define NEAR_OFFSETS 1000		/* reading on past so many costs less than a new fetch */
#define TURN_MS 200

struct place {
	bool open;
	int64_t next;			/* offset that is read next */
};

struct kafka_lookup {
	struct kafka_handle handle;	/* first: the callbacks' opaque is both */
	rd_kafka_topic_t *topic;
	struct place *places;		/* by partition */
	int partitions;
	rd_kafka_message_t *message;	/* the record last given out */
	struct kafka_header_list headers;
};

static int lookup_conf(rd_kafka_conf_t *conf, struct err *err)
{
	static const struct { const char *name, *value; } settings[] = {
		{"enable.auto.commit", "false"}, {"enable.partition.eof", "true"},
		{"isolation.level", "read_committed"}, {"auto.offset.reset", "error"},
		{"allow.auto.create.topics", "false"}, {"fetch.wait.max.ms", "100"},
		{"queued.max.messages.kbytes", "4096"},
	};
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (kafka_conf_put(conf, settings[i].name, settings[i].value, err) != 0)
			return -1;
	return 0;
}

static int lookup_open(struct kafka_lookup *lookup, const struct config *config, const char *topic,
	struct err *err)
{
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_CONSUMER, err);
	if (!conf)
		return -1;
	if (lookup_conf(conf, err) != 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	if (kafka_handle_open(&lookup->handle, RD_KAFKA_CONSUMER, conf, config, err) != 0)
		return -1;
	lookup->partitions = kafka_handle_need_topic(&lookup->handle, topic, err);
	if (lookup->partitions < 0)
		return -1;
	lookup->topic = rd_kafka_topic_new(lookup->handle.rk, topic, NULL);
	lookup->places = calloc((size_t)lookup->partitions, sizeof *lookup->places);
	return lookup->topic && lookup->places ? 0 :
		err_set(err, ERR_MEMORY, "no memory to look records up");
}

int kafka_lookup_new(const struct config *config, const char *topic, struct kafka_lookup **lookup,
	struct err *err)
{
	struct kafka_lookup *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory to look records up");
	if (lookup_open(made, config, topic, err) != 0) {
		kafka_lookup_free(made);
		return -1;
	}
	*lookup = made;
	return 0;
}

void kafka_lookup_free(struct kafka_lookup *lookup)
{
	if (!lookup)
		return;
	if (lookup->message)
		rd_kafka_message_destroy(lookup->message);
	for (int i = 0; lookup->places && i < lookup->partitions; i++)
		if (lookup->places[i].open)
			rd_kafka_consume_stop(lookup->topic, i);
	if (lookup->topic)
		rd_kafka_topic_destroy(lookup->topic);
	kafka_handle_close(&lookup->handle);
	free(lookup->headers.list);
	free(lookup->places);
	free(lookup);
}

static int failed(struct kafka_lookup *lookup, rd_kafka_resp_err_t error, struct err *err)
{
	return kafka_handle_failed(&lookup->handle, error, rd_kafka_topic_name(lookup->topic), err);
}

/* Returns 1 when there is something at or behind that offset, 0 when not, -1 with err. */
static int place_check(struct kafka_lookup *lookup, int32_t partition, int64_t offset, struct err *err)
{
	int64_t low, high;
	rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(lookup->handle.rk,
		rd_kafka_topic_name(lookup->topic), partition, &low, &high, KAFKA_ANSWER_MS);
	if (error)
		return failed(lookup, error, err);
	return offset >= low && offset < high;
}

static int place_go(struct kafka_lookup *lookup, int32_t partition, int64_t offset, struct err *err)
{
	struct place *place = &lookup->places[partition];
	if (place->open && offset >= place->next && offset - place->next < NEAR_OFFSETS)
		return 1;
	int there = place_check(lookup, partition, offset, err);
	if (there != 1)
		return there;
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
	if (place->open)
		error = rd_kafka_seek(lookup->topic, partition, offset, KAFKA_ANSWER_MS);
	else if (rd_kafka_consume_start(lookup->topic, partition, offset) != 0)
		error = rd_kafka_last_error();
	if (error)
		return failed(lookup, error, err);
	place->open = true;
	place->next = offset;
	return 1;
}

/* After trouble the partition is opened anew. */
static void place_close(struct kafka_lookup *lookup, int32_t partition)
{
	rd_kafka_consume_stop(lookup->topic, partition);
	lookup->places[partition].open = false;
}

static bool will_pass(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
		error == RD_KAFKA_RESP_ERR__RESOLVE;
}

/* One message further. Returns 1: it is the one; 0: there is none; 2: go on; -1 with err. */
static int step(struct kafka_lookup *lookup, int32_t partition, int64_t offset, struct err *err)
{
	struct place *place = &lookup->places[partition];
	rd_kafka_message_t *message = rd_kafka_consume(lookup->topic, partition, TURN_MS);
	lookup->message = message;
	rd_kafka_poll(lookup->handle.rk, 0);
	if (!message || will_pass(message->err))
		return 2;
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && message->offset <= offset) {
		int there = place_check(lookup, partition, offset, err);
		return there == 1 ? 2 : there;	/* it may have been told before that was written */
	}
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return 0;
	if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
		message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
		place_close(lookup, partition);
		return 0;
	}
	if (message->err)
		return failed(lookup, message->err, err);
	place->next = message->offset + 1;
	return message->offset == offset ? 1 : message->offset < offset ? 2 : 0;
}

int kafka_lookup_get(struct kafka_lookup *lookup, int32_t partition, int64_t offset,
	struct kafka_record *record, struct err *err)
{
	if (partition < 0 || partition >= lookup->partitions || offset < 0)
		return 0;
	if (lookup->message)
		rd_kafka_message_destroy(lookup->message);
	lookup->message = NULL;
	int found = place_go(lookup, partition, offset, err);
	if (found != 1)
		return found;
	found = 2;
	for (int waited_ms = 0; found == 2 && waited_ms < KAFKA_ANSWER_MS;) {
		found = step(lookup, partition, offset, err);
		if (found == 1)
			return kafka_record_fill(lookup->message, &lookup->headers, record, err) == 0 ? 1 :
				-1;
		waited_ms += lookup->message ? 0 : TURN_MS;
		if (lookup->message)
			rd_kafka_message_destroy(lookup->message);
		lookup->message = NULL;
	}
	return found == 2 ? failed(lookup, RD_KAFKA_RESP_ERR__TIMED_OUT, err) : found;
}
