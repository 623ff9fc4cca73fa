/* publisher.c: see publisher.h. Headers are those of docs/contract.md: CloudEvents 1.0 in binary content
 * mode (Kafka protocol binding 1.0.2) beside our own, W3C trace context passed on untouched. */
#include "publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "publisher_fit.h"
#include "codec/retry_record.h"

#define ARENA_BYTES (1u << 30)	/* never reached: the loop closes a batch by its bytes */
#define HEADERS_MAX 24
#define TRACE_MAX 16	/* headers, when the last trace header is added */
#define RECORD_OVERHEAD 256	/* batch and record framing, generously */
#define RECORD_LEAST 68		/* the same at least: a batch of one record, with lengths of a byte */
#define HEADER_LEAST 2
#define DEAD_HEADERS 7

static int no_memory(struct err *err)
{
	return err_set(err, ERR_MEMORY, "no memory for results");
}

struct publication *publication_new(uint64_t epoch)
{
	struct publication *publication = calloc(1, sizeof *publication);
	if (!publication)
		return NULL;
	publication->batch.epoch = epoch;
	publication->arena = arena_new(ARENA_BYTES);
	if (!publication->arena) {
		free(publication);
		return NULL;
	}
	return publication;
}

void publication_free(struct publication *publication)
{
	for (size_t i = 0; i < publication->blob_count; i++)
		free(publication->blobs[i]);
	free(publication->blobs);
	free(publication->records);
	free(publication->messages);
	free(publication->offsets);
	arena_free(publication->arena);
	free(publication);
}

size_t publication_bytes(const struct publication *publication)
{
	return publication->bytes + arena_used(publication->arena);
}

void publication_seal(struct publication *publication)
{
	publication->batch.records = publication->records;
	publication->batch.record_count = publication->count;
	publication->batch.offsets = publication->offsets;
}

/* Room for one more in a growing array. */
static int grow(void **array, size_t count, size_t *capacity, size_t size, struct err *err)
{
	if (count < *capacity)
		return 0;
	size_t wanted = *capacity ? *capacity * 2 : 16;
	void *grown = realloc(*array, wanted * size);
	if (!grown)
		return no_memory(err);
	*array = grown;
	*capacity = wanted;
	return 0;
}

int publish_offset(struct publication *publication, const struct broker_offset *offset,
	struct err *err)
{
	if (grow((void **)&publication->offsets, publication->batch.offset_count,
			&publication->offset_capacity, sizeof *publication->offsets, err) < 0)
		return -1;
	publication->offsets[publication->batch.offset_count++] = *offset;
	return 0;
}

int publication_keep(struct publication *publication, const struct broker_message *message,
	struct err *err)
{
	if (grow((void **)&publication->messages, publication->message_count,
			&publication->message_capacity, sizeof *publication->messages, err) < 0)
		return -1;
	publication->messages[publication->message_count++] = *message;
	publication->bytes += message->bytes;
	return 0;
}

static int add(struct publication *publication, const struct broker_record *record, struct err *err)
{
	if (grow((void **)&publication->records, publication->count, &publication->capacity,
			sizeof *publication->records, err) < 0)
		return -1;
	publication->records[publication->count++] = *record;
	return 0;
}

/* Takes over the value, malloc'ed, also when it fails. */
static int blob_keep(struct publication *publication, void *value, size_t size, struct err *err)
{
	if (grow((void **)&publication->blobs, publication->blob_count,
			&publication->blob_capacity, sizeof *publication->blobs, err) < 0) {
		free(value);
		return -1;
	}
	publication->blobs[publication->blob_count++] = value;
	publication->bytes += size;
	return 0;
}

/* ---- headers */

struct headers {
	struct arena *arena;
	struct broker_header list[HEADERS_MAX];
	size_t count;
};

static void header_text(struct headers *headers, const char *name, const char *text)
{
	const char *copy = text ? arena_string(headers->arena, text) : NULL;
	if (copy && headers->count < HEADERS_MAX)
		headers->list[headers->count++] = (struct broker_header){name, copy, strlen(copy)};
}

/* Copied: an error event may outlive its request's message. */
static void header_trace(struct headers *headers, const struct broker_message *message)
{
	for (size_t i = 0; i < message->header_count; i++) {
		const struct broker_header *header = &message->headers[i];
		if ((strcmp(header->name, "traceparent") != 0 &&
				strcmp(header->name, "tracestate") != 0) ||
				headers->count == TRACE_MAX)
			continue;
		headers->list[headers->count++] = (struct broker_header){
			arena_string(headers->arena, header->name), header->value ?
			arena_copy(headers->arena, header->value, header->size) : NULL,
			header->size};
	}
}

static const char *origin(struct arena *arena, const struct broker_message *message)
{
	return arena_format(arena, "%s/%" PRId32 "/%" PRId64, message->topic, message->partition,
		message->offset);
}

static const char *rfc3339(struct arena *arena, int64_t time_ms)
{
	char text[32];
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts;
	if (!gmtime_r(&seconds, &parts) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts))
		return NULL;
	return arena_format(arena, "%s.%03dZ", text, (int)(time_ms % 1000));
}

struct described {
	const char *thread_id, *node_id, *execution_id, *event, *id;
	int attempt;
	int64_t timestamp_ms;
	enum fit fit;
};

static void headers_common(struct headers *headers, const struct publisher *publisher,
	const struct broker_message *message, enum encoding encoding, const struct described *what)
{
	header_text(headers, "threadId", what->thread_id);
	header_text(headers, "nodeId", what->node_id);
	header_text(headers, "executionId", what->execution_id);
	header_text(headers, "attempt", arena_format(headers->arena, "%d", what->attempt));
	header_text(headers, "codeworker-origin", origin(headers->arena, message));
	header_text(headers, "content-type", encoding_content_type(encoding));
	if (what->fit < FIT_LEAST)
		header_trace(headers, message);
	header_text(headers, "ce_specversion", "1.0");
	header_text(headers, "ce_source", arena_format(headers->arena, "codeworker/%s",
		publisher->worker));
	header_text(headers, "ce_time", rfc3339(headers->arena, what->timestamp_ms));
	header_text(headers, "ce_id", what->id);
	header_text(headers, "ce_type", arena_format(headers->arena, "codeworker.execution.%s",
		what->event));
}

static size_t headers_size(const struct headers *headers)
{
	size_t size = 0;
	for (size_t i = 0; i < headers->count; i++)
		size += strlen(headers->list[i].name) + headers->list[i].size + 8;
	return size;
}

/* Takes over the value, malloc'ed, also when it fails. */
static int record_make(struct publication *publication, const char *topic, const void *key,
	size_t key_size, const struct headers *headers, void *value, size_t size,
	struct broker_record *record, struct err *err)
{
	struct broker_header *copy = arena_alloc(publication->arena,
		(headers->count + 1) * sizeof *copy);
	if (blob_keep(publication, value, size, err) < 0)
		return -1;
	if (!copy)
		return no_memory(err);
	memcpy(copy, headers->list, headers->count * sizeof *copy);
	*record = (struct broker_record){.topic = topic, .partition = -1, .key = key,
		.key_size = key_size, .value = value, .value_size = size, .headers = copy,
		.header_count = headers->count};
	return 0;
}

static const char *record_key(struct arena *arena, const char *thread_id, const char *node_id)
{
	return arena_format(arena, "%s:%s", thread_id, node_id);
}

/* ---- results */

/* Cuts at a character's boundary. */
static size_t cut(const char *text, size_t size, size_t excess)
{
	size_t left = size > excess ? size - excess : 0;
	while (left > 0 && ((unsigned char)text[left] & 0xc0) == 0x80)
		left--;
	return left;
}

/* Encodes, and while that is too large cuts stdout, then stderr. Returns 1 when it can't fit. */
static int encode_fitting(struct publisher *publisher, enum encoding encoding,
	struct result *result, size_t room, void **value, size_t *size, struct err *err)
{
	for (;;) {
		if (codec_encode_result(publisher->codec, encoding, result, value, size, err) < 0)
			return -1;
		if (*size <= room)
			return 0;
		size_t excess = *size - room;
		free(*value);
		/* Escapes make JSON larger than the text: an eighth at least, so that few turns do. */
		if (result->out_size > 0) {
			size_t least = result->out_size / 8 + 1;
			result->out_size = cut(result->out, result->out_size,
				excess < least ? least : excess < result->out_size / 4 ? excess :
				result->out_size / 4 + 1);
			result->out_truncated = true;
		} else if (result->err_size > 0) {
			result->err_size = cut(result->err, result->err_size,
				result->err_size / 4 + 1);
			result->err_truncated = true;
		} else {
			return 1;
		}
	}
}

static const char *result_event(enum status status)
{
	static const char *const names[] = {"completed", "failed", "cancelled", "skipped"};
	return names[status];
}

static size_t room_for_value(int64_t bytes, const struct headers *headers, size_t key_size)
{
	size_t used = headers_size(headers) + key_size + RECORD_OVERHEAD;
	return (size_t)bytes > used ? (size_t)bytes - used : 0;
}

static int result_try(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, enum encoding encoding, const struct result *result,
	enum fit fit, struct broker_record *record, struct err *err)
{
	struct arena *arena = publication->arena;
	struct headers headers = {.arena = arena};
	struct result fitting = result_fit(arena, result, fit, publisher->result_bytes);
	const struct described what = {.thread_id = result->thread_id, .node_id = result->node_id,
		.execution_id = result->execution_id, .event = result_event(result->status),
		.id = arena_format(arena, "%s/result", result->execution_id),
		.attempt = result->attempt, .timestamp_ms = result->timestamp_ms, .fit = fit};
	const char *key = record_key(arena, result->thread_id, result->node_id);
	void *value;
	size_t size;
	headers_common(&headers, publisher, message, encoding, &what);
	if (!key)
		return no_memory(err);
	size_t room = fit == FIT_LEAST ? SIZE_MAX :
		room_for_value(publisher->result_bytes, &headers, strlen(key));
	int fits = encode_fitting(publisher, encoding, &fitting, room, &value, &size, err);
	if (fits != 0)
		return fits;
	return record_make(publication, publisher->config->topics.results, key, strlen(key), &headers,
		value, size, record, err);
}

/* What goes when the broker refuses the record all the same, as where the topic takes less than it did at the
 * start: a result must not be lost. */
static int result_instead(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, enum encoding encoding, const struct result *result,
	struct broker_record *record, struct err *err)
{
	static const struct error_record refused = {.code = ERROR_LIMIT_OUTPUT,
		.message = "The result was refused by its topic for its size"};
	struct result least = *result;
	struct broker_record *instead = arena_alloc(publication->arena, sizeof *instead);
	if (!instead)
		return no_memory(err);
	if (least.status == STATUS_COMPLETED) {
		least.status = STATUS_FAILED;
		least.error = &refused;
	}
	if (result_try(publisher, publication, message, encoding, &least, FIT_LEAST, instead, err) != 0)
		return -1;
	record->instead = instead;
	return 0;
}

int publish_result(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, enum encoding encoding, const struct result *result,
	struct err *err)
{
	struct broker_record record;
	int done = 1;
	for (int fit = FIT_WHOLE; fit < FITS && done == 1; fit++) {
		done = result_try(publisher, publication, message, encoding, result, (enum fit)fit,
			&record, err);
		if (result->status == STATUS_COMPLETED)
			break;
	}
	if (done == 0 && record.value_size > PUBLISH_SURELY_BYTES)
		done = result_instead(publisher, publication, message, encoding, result, &record, err);
	return done == 0 ? add(publication, &record, err) : done;
}

/* ---- error events */

/* Copied: an error event may outlive its request's message. */
static const void *event_key(struct arena *arena, const struct broker_message *message,
	const struct error_event *event, size_t *size)
{
	const char *key;
	if (event->error.code == ERROR_REQUEST_MALFORMED) {
		*size = message->key_size;
		return message->key ? arena_copy(arena, message->key, message->key_size) : NULL;
	}
	key = record_key(arena, event->thread_id, event->node_id);
	*size = key ? strlen(key) : 0;
	return key;
}

static int event_try(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, enum encoding encoding,
	const struct error_event *event, enum fit fit, struct broker_record *record,
	struct err *err)
{
	struct arena *arena = publication->arena;
	struct headers headers = {.arena = arena};
	const struct error_event fitting = event_fit(arena, event, fit, publisher->error_bytes);
	const struct described what = {.thread_id = event->thread_id, .node_id = event->node_id,
		.execution_id = event->execution_id, .event = "error",
		.id = arena_format(arena, "%s/%d/error", event->execution_id, event->attempt),
		.attempt = event->attempt, .timestamp_ms = event->timestamp_ms, .fit = fit};
	size_t key_size, size;
	void *value;
	const void *key = event_key(arena, message, event, &key_size);
	headers_common(&headers, publisher, message, encoding, &what);
	if (codec_encode_error(publisher->codec, encoding, &fitting, &value, &size, err) < 0)
		return -1;
	if (fit < FIT_LEAST && size > room_for_value(publisher->error_bytes, &headers, key_size)) {
		free(value);
		return 1;
	}
	return record_make(publication, publisher->config->topics.errors, key, key_size, &headers,
		value, size, record, err);
}

int publish_error(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, enum encoding encoding,
	const struct error_event *event, struct err *err)
{
	struct error_event without_tail = *event;
	struct broker_record record;
	struct broker_record *instead = arena_alloc(publication->arena, sizeof *instead);
	without_tail.stderr_tail = NULL;
	if (!instead)
		return no_memory(err);
	int done = event_try(publisher, publication, message, encoding, event, FIT_WHOLE, &record, err);
	for (int fit = FIT_WHOLE; fit < FITS && done == 1; fit++)
		done = event_try(publisher, publication, message, encoding, &without_tail,
			(enum fit)fit, &record, err);
	if (done == 0 && record.value_size > PUBLISH_SURELY_BYTES) {
		done = event_try(publisher, publication, message, encoding, &without_tail, FIT_LEAST,
			instead, err);
		record.instead = instead;
	}
	return done == 0 ? add(publication, &record, err) : done;
}

/* ---- dead letters */

static void dead_header(struct arena *arena, struct broker_header *list, size_t *count,
	const char *name, const char *text)
{
	const char *copy = text ? arena_string(arena, text) : NULL;
	if (copy)
		list[(*count)++] = (struct broker_header){name, copy, strlen(copy)};
}

/* Where messages are compressed, only the broker can tell. */
static bool too_large_for_sure(const struct publisher *publisher, const struct broker_record *record,
	int64_t bytes)
{
	size_t size = RECORD_LEAST + record->key_size + record->value_size;
	for (size_t i = 0; i < record->header_count; i++)
		size += HEADER_LEAST + strlen(record->headers[i].name) + record->headers[i].size;
	return !config_compresses(publisher->config) && bytes > 0 && size > (size_t)bytes;
}

int publish_dead(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, int attempts, const char *text, struct err *err)
{
	struct arena *arena = publication->arena;
	const struct config *config = publisher->config;
	struct broker_header *list = arena_alloc(arena,
		(message->header_count + DEAD_HEADERS) * sizeof *list);
	size_t count = 0;
	if (!list)
		return no_memory(err);
	for (size_t i = 0; i < message->header_count; i++)
		list[count++] = message->headers[i];
	dead_header(arena, list, &count, "__dlq.errors.topic", message->topic);
	dead_header(arena, list, &count, "__dlq.errors.partition",
		arena_format(arena, "%" PRId32, message->partition));
	dead_header(arena, list, &count, "__dlq.errors.offset",
		arena_format(arena, "%" PRId64, message->offset));
	dead_header(arena, list, &count, "__dlq.errors.group", config_kafka(config, "group.id"));
	dead_header(arena, list, &count, "__dlq.errors.delivery.count",
		arena_format(arena, "%d", attempts));
	dead_header(arena, list, &count, "__dlq.errors.message", text);
	struct broker_record record = {.topic = config->topics.dead, .partition = -1,
		.key = message->key, .key_size = message->key_size, .value = message->value,
		.value_size = message->value_size, .headers = list, .header_count = count};
	struct broker_record *bare = arena_alloc(arena, sizeof *bare);
	if (!bare)
		return no_memory(err);
	dead_header(arena, list, &count, "codeworker-dead-value", "omitted");
	*bare = record;
	bare->value = NULL;
	bare->value_size = 0;
	bare->header_count = count;
	record.instead = bare;
	return add(publication, too_large_for_sure(publisher, &record, publisher->dead_bytes) ? bare :
		&record, err);
}

/* ---- retries and marks */

int publish_retry(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, int attempt, int64_t due_ms,
	const struct error_record *error, enum encoding encoding, const struct result *failed,
	struct err *err)
{
	size_t count;
	const struct broker_header *headers = retry_headers_make(publication->arena, message, attempt,
		due_ms, error, &count);
	if (!headers)
		return no_memory(err);
	struct broker_record record = {.topic = publisher->config->topics.retries,
		.partition = message->partition, .key = message->key, .key_size = message->key_size,
		.value = message->value, .value_size = message->value_size, .headers = headers,
		.header_count = count};
	if (too_large_for_sure(publisher, &record, publisher->retry_bytes))
		return 1;
	if (failed && result_instead(publisher, publication, message, encoding, failed, &record, err) < 0)
		return -1;
	return add(publication, &record, err);
}

int publish_mark(struct publisher *publisher, struct publication *publication, int32_t partition,
	const struct state_mark *mark, struct err *err)
{
	const char *value = state_write(publication->arena, mark);
	if (!value)
		return no_memory(err);
	struct broker_record record = {.topic = publisher->config->topics.state,
		.partition = partition, .value = value, .value_size = strlen(value)};
	return add(publication, &record, err);
}
