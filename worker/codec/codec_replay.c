/* codec_replay.c: a request under another executionId; see codec.h.
 *
 * A value is not read and written anew, which would lose what this worker does not know of: two
 * fields are exchanged in its bytes, in place, and everything between them stays as its producer
 * wrote it.
 */
#include "codec.h"

#include <stdlib.h>

#include "avro_read.h"
#include "avro_write.h"
#include "codec_framing.h"
#include "json_datum.h"
#include "json_scan.h"
#include "json_write.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define ARENA_FACTOR 4
#define VARINT_BYTES 10

/* What comes in the place of bytes begin to end. */
struct edit {
	size_t begin, end;
	const char *text;
	size_t size;
};

struct editing {
	struct codec *codec;
	const char *bytes;
	size_t size;
	struct arena *arena;
	const char *execution_id, *replay_of;
	struct edit edits[2];
	size_t count;
};

static int edit_add(struct editing *e, size_t begin, size_t end, const char *text, size_t size)
{
	if (!text)
		return -1;
	e->edits[e->count++] = (struct edit){begin, end, text, size};
	return 0;
}

static int edits_apply(struct editing *e, void **bytes, size_t *size, struct err *err)
{
	size_t total = e->size, from = 0;
	if (e->count == 2 && e->edits[0].begin > e->edits[1].begin) {
		struct edit first = e->edits[1];
		e->edits[1] = e->edits[0];
		e->edits[0] = first;
	}
	for (size_t i = 0; i < e->count; i++)
		total += e->edits[i].size;	/* an upper bound */
	char *made = malloc(total + 1), *to = made;
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for a request of %zu bytes", total);
	for (size_t i = 0; i < e->count; i++) {
		const struct edit *edit = &e->edits[i];
		to = mempcpy(to, e->bytes + from, edit->begin - from);
		to = mempcpy(to, edit->text, edit->size);
		from = edit->end;
	}
	to = mempcpy(to, e->bytes + from, e->size - from);
	*bytes = made;
	*size = (size_t)(to - made);
	return 0;
}

/* ---- JSON */

/* In arena; NULL: no memory. */
static const char *quoted(struct arena *arena, const char *text)
{
	struct datum datum = datum_text(text);
	char *json;
	size_t size;
	if (json_write(&datum, false, &json, &size) != 0)
		return NULL;
	const char *copy = arena_copy(arena, json, size);
	free(json);
	return copy;
}

/* The value of a member; size 0: there is none. -1: no memory. */
static int member_find(struct editing *e, const char *name, struct json_span *found)
{
	struct json_span rest = json_trim(e->bytes, e->size), key, value;
	*found = (struct json_span){0};
	while (found->size == 0 && json_next_member(&rest, &key, &value)) {
		struct datum text = datum_json(key);
		if (json_resolve(e->arena, &text) == JSON_NO_MEMORY)
			return -1;
		if (text.text.size == strlen(name) && memcmp(text.text.data, name, text.text.size) == 0)
			*found = value;
	}
	return 0;
}

static int edit_span(struct editing *e, struct json_span span, const char *text)
{
	size_t begin = (size_t)(span.text - e->bytes);
	return edit_add(e, begin, begin + span.size, text, text ? strlen(text) : 0);
}

/* What is not there yet comes behind the executionId, which comes first where it is new. */
static int edit_json(struct editing *e)
{
	struct json_span id, of, object = json_trim(e->bytes, e->size);
	const char *new_id = quoted(e->arena, e->execution_id);
	const char *new_of = quoted(e->arena, e->replay_of);
	if (!new_id || !new_of || member_find(e, "executionId", &id) != 0 ||
		member_find(e, "replayOf", &of) != 0)
		return -1;
	if (of.size > 0 && edit_span(e, of, new_of) != 0)
		return -1;
	const char *more = of.size > 0 ? "" : arena_format(e->arena, ",\"replayOf\":%s", new_of);
	if (!more)
		return -1;
	if (id.size > 0)
		return edit_span(e, id, arena_format(e->arena, "%s%s", new_id, more));
	return edit_span(e, (struct json_span){object.text + 1, 0}, arena_format(e->arena,
		"\"executionId\":%s%s,", new_id, more));
}

/* ---- Avro */

static size_t varint(char *to, int64_t number)	/* Avro 1.11, "Binary Encoding" */
{
	uint64_t bits = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
	size_t size = 0;
	for (; bits >= 0x80; bits >>= 7)
		to[size++] = (char)(bits | 0x80);
	to[size++] = (char)bits;
	return size;
}

static bool is_text(avro_schema_t type)
{
	return avro_typeof(type) == AVRO_STRING || avro_typeof(type) == AVRO_BYTES;
}

/* The branch of a union that takes text; -1: none. */
static int text_branch(avro_schema_t type)
{
	for (size_t i = 0; i < avro_schema_union_size(type); i++)
		if (is_text(avro_schema_union_branch(type, (int)i)))
			return (int)i;
	return -1;
}

/* Returns 1 when that type takes no text, -1: no memory. */
static int edit_text(struct editing *e, size_t base, const struct avro_place *place, const char *text)
{
	size_t length = strlen(text), size = 0;
	char *encoded = arena_alloc(e->arena, 2 * VARINT_BYTES + length);
	bool is_union = avro_typeof(place->type) == AVRO_UNION;
	int branch = is_union ? text_branch(place->type) : 0;
	if (branch < 0 || (!is_union && !is_text(place->type)))
		return 1;
	if (!encoded)
		return -1;
	if (is_union)
		size = varint(encoded, branch);
	size += varint(encoded + size, (int64_t)length);
	memcpy(encoded + size, text, length);
	return edit_add(e, base + place->begin, base + place->end, encoded, size + length);
}

static int edit_avro(struct editing *e)
{
	const struct { const char *name, *text; } fields[] = {{"executionId", e->execution_id},
		{"replayOf", e->replay_of}};
	size_t base;
	const char *why;
	avro_schema_t schema = codec_writer_schema(e->codec, e->bytes, e->size, e->arena, &base, &why);
	if (!schema)
		return why ? 1 : -1;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct avro_place place;
		if (avro_read_place(schema, e->bytes + base, e->size - base, fields[i].name, &place) != 0)
			return 1;
		int edited = edit_text(e, base, &place, fields[i].text);
		if (edited != 0)
			return edited;
	}
	return 0;
}

static int write_anew(struct editing *e, const struct request *request, void **bytes, size_t *size,
	struct err *err)
{
	struct request renamed = *request;
	renamed.execution_id = e->execution_id;
	renamed.replay_of = e->replay_of;
	return codec_encode_request(e->codec, request->encoding, &renamed, bytes, size, err);
}

int codec_replay_request(struct codec *codec, const void *value, size_t size,
	const struct request *request, const char *execution_id, void **bytes, size_t *bytes_size,
	struct err *err)
{
	struct editing e = {.codec = codec, .bytes = value, .size = size,
		.arena = arena_new(ARENA_BYTES + ARENA_FACTOR * size), .execution_id = execution_id,
		.replay_of = request->execution_id};
	int answer = -1;
	if (e.arena)
		answer = request->encoding == ENCODING_JSON ? edit_json(&e) : edit_avro(&e);
	if (answer < 0)
		err_set(err, ERR_MEMORY, "no memory for a request of %zu bytes", size);
	else if (answer == 0)
		answer = edits_apply(&e, bytes, bytes_size, err);
	else
		answer = write_anew(&e, request, bytes, bytes_size, err);
	arena_free(e.arena);
	return answer;
}
