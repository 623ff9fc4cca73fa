/* json_write.c: see json_write.h. */
#include "json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "utf8.h"

struct buffer {
	char *data;
	size_t size, room;
	bool skip_null, failed;
};

static bool reserve(struct buffer *buffer, size_t more)
{
	if (buffer->failed || more > SIZE_MAX / 4 - buffer->size) {
		buffer->failed = true;
		return false;
	}
	if (buffer->size + more <= buffer->room)
		return true;
	size_t room = (buffer->size + more) * 3 / 2 + 256;
	char *data = realloc(buffer->data, room);
	buffer->failed = !data;
	if (data) {
		buffer->data = data;
		buffer->room = room;
	}
	return data != NULL;
}

static void put(struct buffer *buffer, const char *data, size_t size)
{
	if (size == 0 || !reserve(buffer, size))
		return;
	memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
}

static void put_text(struct buffer *buffer, const char *text)
{
	put(buffer, text, strlen(text));
}

static void put_escape(struct buffer *buffer, unsigned char c)
{
	static const char names[] = "btn fr";		/* from 8 on; 11 has none */
	char escape[8];
	if (c == '"' || c == '\\')
		snprintf(escape, sizeof escape, "\\%c", c);
	else if (c >= 8 && c <= 13 && c != 11)
		snprintf(escape, sizeof escape, "\\%c", names[c - 8]);
	else
		snprintf(escape, sizeof escape, "\\u%04x", c);
	put_text(buffer, escape);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* One step: a run of plain bytes, an escape, a sequence of UTF-8 or what replaces a broken one. */
static size_t put_some(struct buffer *buffer, const char *data, size_t size)
{
	size_t run = 0, bad;
	while (run < size && is_plain((unsigned char)data[run]))
		run++;
	if (run > 0) {
		put(buffer, data, run);
		return run;
	}
	unsigned char c = (unsigned char)data[0];
	if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F) {
		put_escape(buffer, c);
		return 1;
	}
	size_t length = utf8_sequence(data, size, &bad);
	put(buffer, length ? data : "\xEF\xBF\xBD", length ? length : 3);
	return length ? length : bad;
}

static void put_string(struct buffer *buffer, const char *data, size_t size)
{
	put(buffer, "\"", 1);
	for (size_t at = 0; at < size && !buffer->failed;)
		at += put_some(buffer, data + at, size - at);
	put(buffer, "\"", 1);
}

static void put_json(struct buffer *buffer, const char *data, size_t size)
{
	if (!json_valid(data, size)) {
		put_string(buffer, data, size);
		return;
	}
	if (reserve(buffer, size))
		buffer->size += json_compact(data, size, buffer->data + buffer->size);
}

static void put_integer(struct buffer *buffer, int64_t integer)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRId64, integer);
	put_text(buffer, text);
}

static void put_real(struct buffer *buffer, double real)
{
	char text[40];
	if (real != real || real > 0x1.fffffffffffffp1023 || real < -0x1.fffffffffffffp1023) {
		put_text(buffer, "null");	/* as JavaScript does */
		return;
	}
	snprintf(text, sizeof text, "%.17g", real);
	put_text(buffer, text);
}

static void put_datum(struct buffer *buffer, const struct datum *datum);

static void put_name(struct buffer *buffer, bool *first, const char *name, size_t size)
{
	if (!*first)
		put(buffer, ",", 1);
	*first = false;
	put_string(buffer, name, size);
	put(buffer, ":", 1);
}

static void put_members(struct buffer *buffer, const struct datum *datum)
{
	bool first = true;
	put(buffer, "{", 1);
	for (size_t i = 0; i < datum->members.count; i++) {
		const struct member *member = &datum->members.list[i];
		if (buffer->skip_null && member->value.kind == DATUM_NULL)
			continue;
		put_name(buffer, &first, member->name, member->name_size);
		put_datum(buffer, &member->value);
	}
	put(buffer, "}", 1);
}

static void put_pairs(struct buffer *buffer, const struct map *map)
{
	bool first = true;
	put(buffer, "{", 1);
	for (size_t i = 0; i < map->count; i++) {
		const struct pair *pair = &map->pairs[i];
		put_name(buffer, &first, pair->name, strlen(pair->name));
		put_string(buffer, pair->value, strlen(pair->value));
	}
	put(buffer, "}", 1);
}

static void put_items(struct buffer *buffer, const struct datum *datum)
{
	put(buffer, "[", 1);
	for (size_t i = 0; i < datum->items.count; i++) {
		put(buffer, ",", i > 0);
		put_datum(buffer, &datum->items.list[i]);
	}
	put(buffer, "]", 1);
}

static void put_names(struct buffer *buffer, const struct datum *datum)
{
	put(buffer, "[", 1);
	for (size_t i = 0; i < datum->names.count; i++) {
		const char *name = datum->names.list[i];
		put(buffer, ",", i > 0);
		put_string(buffer, name, strlen(name));
	}
	put(buffer, "]", 1);
}

static void put_datum(struct buffer *buffer, const struct datum *datum)
{
	switch (datum->kind) {
	case DATUM_NULL: put_text(buffer, "null"); break;
	case DATUM_BOOLEAN: put_text(buffer, datum->truth ? "true" : "false"); break;
	case DATUM_INTEGER: put_integer(buffer, datum->integer); break;
	case DATUM_REAL: put_real(buffer, datum->real); break;
	case DATUM_TEXT:
	case DATUM_BYTES: put_string(buffer, datum->text.data, datum->text.size); break;
	case DATUM_JSON: put_json(buffer, datum->text.data, datum->text.size); break;
	case DATUM_RECORD:
	case DATUM_MAP: put_members(buffer, datum); break;
	case DATUM_ARRAY: put_items(buffer, datum); break;
	case DATUM_PAIRS: put_pairs(buffer, &datum->pairs); break;
	case DATUM_NAMES: put_names(buffer, datum); break;
	}
}

int json_write(const struct datum *datum, bool skip_null, char **text, size_t *size)
{
	struct buffer buffer = {.skip_null = skip_null};
	put_datum(&buffer, datum);
	put(&buffer, "", 1);
	if (buffer.failed) {
		free(buffer.data);
		return -1;
	}
	*text = buffer.data;
	*size = buffer.size - 1;
	return 0;
}
