/* retry_record.c: see retry_record.h. */
#include "retry_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define ERROR_BYTES 16384		/* of the topic's 64 KiB for headers */

enum { ATTEMPT, DUE, ORIGIN, ORIGIN_TIME, ERROR };

static const char *const names[RETRY_HEADERS] = {
	[ATTEMPT] = "codeworker-attempt",
	[DUE] = "codeworker-due-ms",
	[ORIGIN] = "codeworker-origin",
	[ORIGIN_TIME] = "codeworker-origin-time-ms",
	[ERROR] = "codeworker-error",
};

/* ---- writing */

static json_t *details_json(const struct map *details)
{
	json_t *json = json_object();
	for (size_t i = 0; i < details->count; i++)
		if (json_object_set_new(json, details->pairs[i].name,
				json_string(details->pairs[i].value)) < 0) {
			json_decref(json);
			return NULL;
		}
	return json;
}

static const char *dumped(struct arena *arena, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	const char *copy = text ? arena_string(arena, text) : NULL;
	free(text);
	json_decref(json);
	return copy;
}

/* Without its details where they are large, without all but the code where the message is. */
static const char *error_text(struct arena *arena, const struct error_record *error)
{
	const char *code = error_code_name(error->code);
	const char *text = dumped(arena, json_pack("{s:s, s:s?, s:s?, s:o}", "code", code, "message",
		error->message, "field", error->field, "details", details_json(&error->details)));
	if (!text || strlen(text) > ERROR_BYTES)
		text = dumped(arena, json_pack("{s:s, s:s?}", "code", code, "message", error->message));
	if (!text || strlen(text) > ERROR_BYTES)
		text = dumped(arena, json_pack("{s:s}", "code", code));
	return text;
}

struct broker_header *retry_headers_make(struct arena *arena, const struct broker_message *message,
	int attempt, int64_t due_ms, const struct error_record *error, size_t *count)
{
	const char *const texts[RETRY_HEADERS] = {
		[ATTEMPT] = arena_format(arena, "%d", attempt),
		[DUE] = arena_format(arena, "%" PRId64, due_ms),
		[ORIGIN] = arena_format(arena, "%s/%" PRId32 "/%" PRId64, message->topic,
			message->partition, message->offset),
		[ORIGIN_TIME] = arena_format(arena, "%" PRId64, message->timestamp_ms),
		[ERROR] = error_text(arena, error),
	};
	struct broker_header *list = arena_alloc(arena,
		(message->header_count + RETRY_HEADERS) * sizeof *list);
	*count = message->header_count + RETRY_HEADERS;
	if (!list)
		return NULL;
	if (message->header_count > 0)
		memcpy(list, message->headers, message->header_count * sizeof *list);
	for (int i = 0; i < RETRY_HEADERS; i++) {
		if (!texts[i])
			return NULL;
		list[message->header_count + (size_t)i] =
			(struct broker_header){names[i], texts[i], strlen(texts[i])};
	}
	return list;
}

/* ---- reading */

static bool number_read(const char *text, size_t size, int64_t least, int64_t *number)
{
	char copy[24], *end;
	if (size == 0 || size >= sizeof copy)
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	errno = 0;
	*number = strtoll(copy, &end, 10);
	return errno == 0 && *end == '\0' && *number >= least;
}

/* topic/partition/offset; names of topics have no slash. */
static bool origin_read(const struct broker_header *header, struct retry *retry, int64_t *partition,
	int64_t *offset)
{
	const char *text = header->value, *end = text + header->size;
	const char *first = memchr(text, '/', header->size);
	const char *second = first ? memchr(first + 1, '/', (size_t)(end - first - 1)) : NULL;
	if (!second || first == text)
		return false;
	retry->topic = text;
	retry->topic_size = (size_t)(first - text);
	return number_read(first + 1, (size_t)(second - first - 1), 0, partition) &&
		number_read(second + 1, (size_t)(end - second - 1), 0, offset);
}

bool retry_read(struct broker_message *message, struct retry *retry)
{
	int64_t attempt, partition, offset, time_ms;
	struct retry found = {0};
	if (message->header_count < RETRY_HEADERS)
		return false;
	const struct broker_header *ours = message->headers + message->header_count - RETRY_HEADERS;
	for (int i = 0; i < RETRY_HEADERS; i++)
		if (strcmp(ours[i].name, names[i]) != 0 || !ours[i].value)
			return false;
	if (!number_read(ours[ATTEMPT].value, ours[ATTEMPT].size, 2, &attempt) || attempt > INT32_MAX ||
			!number_read(ours[DUE].value, ours[DUE].size, 0, &found.due_ms) ||
			!number_read(ours[ORIGIN_TIME].value, ours[ORIGIN_TIME].size, -1, &time_ms) ||
			!origin_read(&ours[ORIGIN], &found, &partition, &offset) ||
			partition != message->partition)
		return false;
	found.attempt = (int)attempt;
	found.stored_ms = message->timestamp_ms;
	found.error = ours[ERROR].value;
	found.error_size = ours[ERROR].size;
	*retry = found;
	message->header_count -= RETRY_HEADERS;
	message->offset = offset;
	message->timestamp_ms = time_ms;
	return true;
}

static bool code_read(const char *name, enum error_code *code)
{
	for (int i = 0; name && i < ERROR_CODE_COUNT; i++)
		if (strcmp(name, error_code_name((enum error_code)i)) == 0) {
			*code = (enum error_code)i;
			return true;
		}
	return false;
}

static struct map details_read(struct arena *arena, json_t *json)
{
	const char *name;
	json_t *value;
	struct pair *pairs = arena_alloc(arena, (json_object_size(json) + 1) * sizeof *pairs);
	struct map details = {pairs, 0};
	if (!pairs)
		return details;
	json_object_foreach(json, name, value)
		pairs[details.count++] = (struct pair){arena_string(arena, name),
			arena_string(arena, json_string_value(value))};
	return details;
}

struct error_record retry_error(struct arena *arena, const struct retry *retry)
{
	struct error_record error = {.code = ERROR_UNEXPECTED, .message = "The attempt before failed"};
	json_t *json = json_loadb(retry->error, retry->error_size, 0, NULL);
	const char *message = json_string_value(json_object_get(json, "message"));
	if (code_read(json_string_value(json_object_get(json, "code")), &error.code)) {
		if (message)
			error.message = arena_string(arena, message);
		error.field = arena_string(arena, json_string_value(json_object_get(json, "field")));
		error.details = details_read(arena, json_object_get(json, "details"));
	}
	json_decref(json);
	return error;
}
