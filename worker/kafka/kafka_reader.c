/* kafka_reader.c: reads whole topics for the commands; see kafka_client.h.
 *
 * Partitions are assigned by hand, so the reader never joins the group whose name it carries (the
 * client library wants one) and commits nothing: reading beside a running worker disturbs nobody.
 */
#include "kafka_client.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_conf.h"
#include "kafka_handle.h"
#include "kafka_record.h"

struct kafka_reader {
	struct kafka_handle handle;	/* first: the callbacks' opaque is both */
	rd_kafka_topic_partition_list_t *partitions;
	bool *ended;			/* by index in partitions */
	int64_t *ends;			/* likewise; NULL: not bounded */
	size_t ended_count;
	bool end_told;
	rd_kafka_message_t *message;	/* the record last given out */
	struct kafka_header_list headers;
};

static int reader_conf(rd_kafka_conf_t *conf, struct err *err)
{
	static const struct { const char *name, *value; } settings[] = {
		{"enable.auto.commit", "false"}, {"enable.partition.eof", "true"},
		{"isolation.level", "read_committed"}, {"auto.offset.reset", "earliest"},
		{"allow.auto.create.topics", "false"}, {"fetch.wait.max.ms", "100"},
	};
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (kafka_conf_put(conf, settings[i].name, settings[i].value, err) != 0)
			return -1;
	char group[256] = "";
	size_t size = sizeof group;
	if (rd_kafka_conf_get(conf, "group.id", group, &size) == RD_KAFKA_CONF_OK && group[0])
		return 0;
	return kafka_conf_put(conf, "group.id", "codeworker", err);
}

static int partitions_add(struct kafka_reader *reader, const char *const *topics, size_t count,
	struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int partitions = kafka_handle_need_topic(&reader->handle, topics[i], err);
		if (partitions < 0)
			return -1;
		for (int p = 0; p < partitions; p++)
			rd_kafka_topic_partition_list_add(reader->partitions, topics[i], p);
	}
	reader->ended = calloc((size_t)reader->partitions->cnt, sizeof *reader->ended);
	return reader->ended ? 0 : err_set(err, ERR_MEMORY, "no memory for a reader");
}

static int watermarks(struct kafka_reader *reader, rd_kafka_topic_partition_t *partition,
	int64_t *low, int64_t *high, struct err *err)
{
	rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(reader->handle.rk,
		partition->topic, partition->partition, low, high, KAFKA_ANSWER_MS);
	return error ? kafka_handle_failed(&reader->handle, error, partition->topic, err) : 0;
}

/* From the offset that start asks for, within what the partition holds. */
static int position_set(struct kafka_reader *reader, rd_kafka_topic_partition_t *partition,
	struct kafka_start start, struct err *err)
{
	int64_t low, high;
	if (start.from == START_BEGINNING) {
		partition->offset = RD_KAFKA_OFFSET_BEGINNING;
		return 0;
	}
	if (start.from == START_TIME && partition->offset >= 0)
		return 0;
	if (watermarks(reader, partition, &low, &high, err) != 0)
		return -1;
	int64_t wanted = start.from == START_OFFSET ? start.value :
		start.from == START_TAIL ? (start.value < high ? high - start.value : 0) : high;
	partition->offset = wanted < low ? low : wanted > high ? high : wanted;
	return 0;
}

static int times_look_up(struct kafka_reader *reader, int64_t time_ms, struct err *err)
{
	for (int i = 0; i < reader->partitions->cnt; i++)
		reader->partitions->elems[i].offset = time_ms;
	rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(reader->handle.rk,
		reader->partitions, KAFKA_ANSWER_MS);
	return error ? kafka_handle_failed(&reader->handle, error, "look up offsets by time", err) :
		0;
}

static int positions_set(struct kafka_reader *reader, struct kafka_start start, struct err *err)
{
	if (start.from == START_TIME && times_look_up(reader, start.value, err) != 0)
		return -1;
	for (int i = 0; i < reader->partitions->cnt; i++)
		if (position_set(reader, &reader->partitions->elems[i], start, err) != 0)
			return -1;
	rd_kafka_resp_err_t error = rd_kafka_assign(reader->handle.rk, reader->partitions);
	return error ? kafka_handle_failed(&reader->handle, error, "assign partitions", err) : 0;
}

static int reader_open(struct kafka_reader *reader, const struct config *config, struct err *err)
{
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_CONSUMER, err);
	if (!conf)
		return -1;
	if (reader_conf(conf, err) != 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	if (kafka_handle_open(&reader->handle, RD_KAFKA_CONSUMER, conf, config, err) != 0)
		return -1;
	reader->partitions = rd_kafka_topic_partition_list_new(16);
	return 0;
}

int kafka_reader_new(const struct config *config, const char *const *topics, size_t topic_count,
	struct kafka_start start, struct kafka_reader **reader, struct err *err)
{
	struct kafka_reader *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for a reader");
	if (reader_open(made, config, err) != 0 ||
		partitions_add(made, topics, topic_count, err) != 0 ||
		positions_set(made, start, err) != 0) {
		kafka_reader_free(made);
		return -1;
	}
	rd_kafka_poll_set_consumer(made->handle.rk);
	*reader = made;
	return 0;
}

void kafka_reader_free(struct kafka_reader *reader)
{
	if (!reader)
		return;
	if (reader->message)
		rd_kafka_message_destroy(reader->message);
	if (reader->partitions)
		rd_kafka_topic_partition_list_destroy(reader->partitions);
	if (reader->handle.rk)
		rd_kafka_consumer_close(reader->handle.rk);
	kafka_handle_close(&reader->handle);
	free(reader->headers.list);
	free(reader->ends);
	free(reader->ended);
	free(reader);
}

int kafka_reader_bound(struct kafka_reader *reader, struct err *err)
{
	int64_t low, *ends = calloc((size_t)reader->partitions->cnt, sizeof *ends);
	if (!ends)
		return err_set(err, ERR_MEMORY, "no memory for a reader");
	for (int i = 0; i < reader->partitions->cnt; i++)
		if (watermarks(reader, &reader->partitions->elems[i], &low, &ends[i], err) != 0) {
			free(ends);
			return -1;
		}
	free(reader->ends);
	reader->ends = ends;
	return 0;
}

static int partition_index(const struct kafka_reader *reader, const rd_kafka_message_t *message)
{
	const char *topic = rd_kafka_topic_name(message->rkt);
	for (int i = 0; i < reader->partitions->cnt; i++)
		if (reader->partitions->elems[i].partition == message->partition &&
			strcmp(reader->partitions->elems[i].topic, topic) == 0)
			return i;
	return -1;
}

static enum kafka_read end_note(struct kafka_reader *reader, const rd_kafka_message_t *message)
{
	int i = partition_index(reader, message);
	if (i >= 0 && !reader->ended[i]) {
		reader->ended[i] = true;
		reader->ended_count++;
	}
	if (reader->end_told || reader->ended_count < (size_t)reader->partitions->cnt)
		return KAFKA_READ_NONE;
	reader->end_told = true;
	return KAFKA_READ_END;
}

static bool is_beyond(const struct kafka_reader *reader, const rd_kafka_message_t *message)
{
	int i = reader->ends ? partition_index(reader, message) : -1;
	return i >= 0 && message->offset >= reader->ends[i];
}

/* What is no record: an end, or trouble that librdkafka does not get over by itself. */
static enum kafka_read not_a_record(struct kafka_reader *reader, const rd_kafka_message_t *message,
	struct err *err)
{
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return end_note(reader, message);
	if (message->err == RD_KAFKA_RESP_ERR__TRANSPORT ||
		message->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
		message->err == RD_KAFKA_RESP_ERR__RESOLVE)
		return KAFKA_READ_NONE;
	return kafka_handle_failed(&reader->handle, message->err, "read", err);
}

enum kafka_read kafka_reader_next(struct kafka_reader *reader, int timeout_ms,
	struct kafka_record *record, struct err *err)
{
	if (reader->message)
		rd_kafka_message_destroy(reader->message);
	reader->message = rd_kafka_consumer_poll(reader->handle.rk, timeout_ms);
	if (!reader->message)
		return KAFKA_READ_NONE;
	if (reader->message->err)
		return not_a_record(reader, reader->message, err);
	if (is_beyond(reader, reader->message))
		return end_note(reader, reader->message);
	if (kafka_record_fill(reader->message, &reader->headers, record, err) != 0)
		return KAFKA_READ_ERROR;
	return KAFKA_READ_RECORD;
}

const char *kafka_reader_header(const struct kafka_reader *reader, const char *name)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;
	if (!reader->message || rd_kafka_message_headers(reader->message, &headers) != 0 ||
		rd_kafka_header_get_last(headers, name, &value, &size) != 0)
		return NULL;
	/* librdkafka puts a NUL behind each value */
	return value && strlen(value) == size ? value : NULL;
}
