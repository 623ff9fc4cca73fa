/* codec.c: what encoding a value has, and the way through it.
 *
 *	bytes -> data (json_scan and json_datum, or avro_read) -> struct request (codec_request)
 *	struct -> data (codec_record) -> bytes (json_write, or avro_write)
 *
 * A value that can't be read, or would take more than its bound, is malformed: a verdict that is
 * published. Only a machine without memory is an error, since the same value may do better later.
 */
#include "codec.h"

#include <stdlib.h>

#include "avro_read.h"
#include "avro_schemas.h"
#include "avro_write.h"
#include "codec_framing.h"
#include "codec_record.h"
#include "codec_request.h"
#include "json_datum.h"
#include "json_write.h"
#include "utf8.h"

#define VALUE_BYTES ((size_t)64 << 20)
#define ARENA_BYTES ((size_t)16 << 20)
#define ARENA_FACTOR 4
#define CONFLUENT_HEADER_BYTES 5

struct codec {
	struct avro_schemas *schemas;
};

int codec_new(const char *schemas_path, struct codec **codec, struct err *err)
{
	struct codec *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for the codec");
	if (avro_schemas_new(schemas_path, &made->schemas, err) != 0) {
		free(made);
		return -1;
	}
	*codec = made;
	return 0;
}

void codec_free(struct codec *codec)
{
	if (!codec)
		return;
	avro_schemas_free(codec->schemas);
	free(codec);
}

/* A value on its way in. */
struct input {
	struct codec *codec;
	const char *bytes;
	size_t size;
	struct request *request;
	struct arena *arena;
	struct malformed *malformed;
};

static int refuse(struct input *in, const char *field, const char *message)
{
	if (!message)
		return -1;
	in->malformed->field = field;
	in->malformed->message = message;
	return 1;
}

/* ---- what it is */

enum framing { FRAMING_JSON, FRAMING_AVRO, FRAMING_CONFLUENT, FRAMING_UNKNOWN };

static enum framing framing_of(const char *bytes, size_t size)
{
	if (size >= 2 && memcmp(bytes, AVRO_MARKER, 2) == 0)
		return FRAMING_AVRO;
	if (size >= 1 && *bytes == '\0')
		return FRAMING_CONFLUENT;
	struct json_span text = json_trim(bytes, size);
	return text.size > 0 && *text.text == '{' ? FRAMING_JSON : FRAMING_UNKNOWN;
}

static const char *unknown_framing(const char *bytes, size_t size)
{
	if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
		return "begins with a byte-order mark; JSON on the wire has none";
	return "is neither Avro (C3 01), nor a Schema Registry's (00), nor a JSON object";
}

static uint64_t little_endian(const char *bytes)
{
	uint64_t number = 0;
	for (int i = 7; i >= 0; i--)
		number = number << 8 | (unsigned char)bytes[i];
	return number;
}

static uint32_t big_endian(const char *bytes)
{
	uint32_t number = 0;
	for (int i = 0; i < 4; i++)
		number = number << 8 | (unsigned char)bytes[i];
	return number;
}

avro_schema_t codec_writer_schema(const struct codec *codec, const char *bytes, size_t size,
	struct arena *arena, size_t *begin, const char **why)
{
	avro_schema_t schema;
	bool single = *bytes != '\0';
	*begin = single ? AVRO_HEADER_BYTES : CONFLUENT_HEADER_BYTES;
	*why = single ? "ends inside the fingerprint of its schema" :
		"ends inside the id of its schema";
	if (size < *begin)
		return NULL;
	if (single) {
		uint64_t fingerprint = little_endian(bytes + 2);
		schema = avro_schemas_by_fingerprint(codec->schemas, fingerprint);
		*why = arena_format(arena, "was written with an Avro schema that is not in "
			"schemas.path (fingerprint %016llx)", (unsigned long long)fingerprint);
	} else {
		uint32_t id = big_endian(bytes + 1);
		schema = avro_schemas_by_id(codec->schemas, id);
		*why = arena_format(arena, "was written with schema %u of a Schema Registry, and "
			"registry.url is not supported yet: use Avro single-object encoding or "
			"JSON", id);
	}
	return schema;
}

/* ---- JSON */

/* The member in which a byte stands; "value" when in none. */
static const char *member_at(struct input *in, struct json_span object, const char *at)
{
	struct json_span rest = object, key, value;
	while (json_next_member(&rest, &key, &value)) {
		if (at < value.text + value.size && at >= key.text)
			return codec_field_path(in->arena, NULL, key.text + 1, key.size - 2);
	}
	return "value";
}

static int take_json_object(struct input *in, struct json_span text)
{
	size_t valid = utf8_valid_prefix(text.text, text.size);
	if (valid < text.size)
		refuse(in, member_at(in, text, text.text + valid), "is not UTF-8");
	struct datum object = datum_json(text);
	if (json_resolve(in->arena, &object) != JSON_OK)
		return -1;
	return codec_request_take(in->request, true, object.members.list, object.members.count,
		in->malformed);
}

static int refuse_json(struct input *in, const struct json_fault *fault)
{
	const char *field = "value";
	if (fault->deep.size > 0)
		field = codec_field_path(in->arena, NULL, fault->deep.text + 1,
			fault->deep.size - 2);
	return refuse(in, field, arena_format(in->arena, "can't be read as JSON: %s (byte %zu)",
		fault->what, fault->offset));
}

static int decode_json(struct input *in)
{
	struct json_fault fault;
	if (json_scan(in->bytes, in->size, &fault) != 0)
		return refuse_json(in, &fault);
	return take_json_object(in, json_trim(in->bytes, in->size));
}

/* ---- Avro */

static bool is_request_schema(avro_schema_t schema)
{
	return avro_typeof(schema) == AVRO_RECORD &&
		strcmp(avro_schema_name(schema), "CodeExecutionRequest") == 0;
}

static int decode_avro(struct input *in)
{
	size_t begin;
	const char *why;
	avro_schema_t schema = codec_writer_schema(in->codec, in->bytes, in->size, in->arena,
		&begin, &why);
	if (!schema)
		return refuse(in, "value", why);
	if (!is_request_schema(schema))
		return refuse(in, "value", "is another record than a CodeExecutionRequest");
	struct avro_fault fault;
	struct datum record;
	int answer = avro_read_record(schema, in->bytes + begin, in->size - begin, in->arena,
		codec_request_has, &record, &fault);
	if (answer != 0 && !fault.what)
		return -1;
	if (answer != 0 && refuse(in, fault.field ? fault.field : "value",
		arena_format(in->arena, "is not Avro: %s (byte %zu)", fault.what,
			begin + fault.offset)) < 0)
		return -1;
	if (answer == 0)
		in->request->encoding = ENCODING_AVRO;
	return codec_request_take(in->request, false, record.members.list, record.members.count,
		in->malformed);
}

/* ---- requests */

static int decode(struct input *in)
{
	if (!in->bytes)
		return refuse(in, "value", "is null");
	if (in->size == 0)
		return refuse(in, "value", "is empty");
	if (in->size > VALUE_BYTES)
		return refuse(in, "value", "is larger than 64 MiB");
	switch (framing_of(in->bytes, in->size)) {
	case FRAMING_JSON: return decode_json(in);
	case FRAMING_AVRO:
	case FRAMING_CONFLUENT: return decode_avro(in);
	case FRAMING_UNKNOWN: break;
	}
	return refuse(in, "value", unknown_framing(in->bytes, in->size));
}

static struct request *request_new(const struct source *source, size_t size)
{
	size_t bounded = size < VALUE_BYTES ? size : VALUE_BYTES;
	struct arena *arena = arena_new(ARENA_BYTES + ARENA_FACTOR * bounded);
	struct request *request = arena ? arena_alloc(arena, sizeof *request) : NULL;
	const char *topic = request && source->topic ? arena_string(arena, source->topic) : NULL;
	if (!request || (source->topic && !topic)) {
		arena_free(arena);
		return NULL;
	}
	request->arena = arena;
	request->encoding = ENCODING_JSON;
	request->source = (struct source){topic, source->partition, source->offset};
	codec_request_defaults(request);
	return request;
}

/* The message is all that a dead letter tells, so it names the field itself. */
static void name_field(struct arena *arena, struct malformed *malformed)
{
	const char *named = arena_format(arena, "%s: %s", malformed->field, malformed->message);
	if (named)
		malformed->message = named;
}

int codec_decode_request(struct codec *codec, const void *value, size_t size,
	const struct source *source, struct request **request, struct malformed *malformed,
	struct err *err)
{
	struct request *made = request_new(source, size);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for a request");
	*malformed = (struct malformed){0};
	*request = made;
	struct input in = {codec, value, size, made, made->arena, malformed};
	int answer = decode(&in);
	if (answer < 0 && arena_full(made->arena))
		answer = refuse(&in, "value", "takes more memory than a request may");
	if (answer == 1)
		name_field(made->arena, malformed);
	if (answer >= 0)
		return answer;
	return err_set(err, ERR_MEMORY, "no memory for a request of %zu bytes", size);
}

/* ---- writing */

struct output {
	const struct codec *codec;
	enum encoding encoding;
	enum avro_record record;
	void **bytes;
	size_t *size;
	struct err *err;
};

static int write_record(void *user, const struct datum *record)
{
	struct output *out = user;
	if (out->encoding == ENCODING_CONFLUENT)
		return err_set(out->err, ERR_INVALID,
			"writing for a Schema Registry (registry.url) is not supported yet");
	if (out->encoding == ENCODING_AVRO) {
		const struct avro_schemas *schemas = out->codec->schemas;
		return avro_write_single(avro_schemas_class(schemas, out->record),
			avro_schemas_fingerprint(schemas, out->record), record, out->bytes,
			out->size, out->err);
	}
	char *text;
	if (json_write(record, out->record == AVRO_REQUEST, &text, out->size) != 0)
		return err_set(out->err, ERR_MEMORY, "no memory for a record in JSON");
	*out->bytes = text;
	return 0;
}

int codec_encode_request(struct codec *codec, enum encoding encoding, const struct request *request,
	void **bytes, size_t *size, struct err *err)
{
	struct output out = {codec, encoding, AVRO_REQUEST, bytes, size, err};
	return codec_record_request(request, (struct record_writer){write_record, &out});
}

int codec_encode_result(struct codec *codec, enum encoding encoding, const struct result *result,
	void **bytes, size_t *size, struct err *err)
{
	struct output out = {codec, encoding, AVRO_RESULT, bytes, size, err};
	return codec_record_result(result, (struct record_writer){write_record, &out});
}

int codec_encode_error(struct codec *codec, enum encoding encoding, const struct error_event *event,
	void **bytes, size_t *size, struct err *err)
{
	struct output out = {codec, encoding, AVRO_ERROR, bytes, size, err};
	return codec_record_error(event, (struct record_writer){write_record, &out});
}

/* ---- any record as JSON */

static int json_to_json(const char *bytes, size_t size, char **json, struct err *err)
{
	struct json_fault fault;
	if (json_scan(bytes, size, &fault) != 0)
		return err_set(err, ERR_INVALID, "the value is not JSON: %s (byte %zu)",
			fault.what, fault.offset);
	if (!utf8_valid(bytes, size))
		return err_set(err, ERR_INVALID, "the value is not UTF-8");
	char *text = malloc(size + 1);
	if (!text)
		return err_set(err, ERR_MEMORY, "no memory for a value of %zu bytes", size);
	text[json_compact(bytes, size, text)] = '\0';
	*json = text;
	return 0;
}

static bool want_all(const char *name)
{
	(void)name;
	return true;
}

/* The fields that hold JSON text in Avro are values in JSON. */
static void unfold_json(struct datum *record)
{
	static const char *const fields[] = {"input", "context", "output"};
	struct member *list = (struct member *)record->members.list;
	for (size_t i = 0; i < record->members.count; i++) {
		struct datum *value = &list[i].value;
		for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
			if (value->kind == DATUM_TEXT && strcmp(list[i].name, fields[f]) == 0)
				value->kind = DATUM_JSON;	/* a string, if it is not */
		}
	}
}

static int avro_to_json(const struct codec *codec, const char *bytes, size_t size,
	struct arena *arena, char **json, struct err *err)
{
	size_t begin, length;
	const char *why;
	struct avro_fault fault;
	struct datum record;
	avro_schema_t schema = codec_writer_schema(codec, bytes, size, arena, &begin, &why);
	if (!schema)
		return err_set(err, ERR_INVALID, "the value %s", why ? why : "has no schema");
	if (avro_read_record(schema, bytes + begin, size - begin, arena, want_all, &record,
		&fault) != 0)
		return err_set(err, fault.what ? ERR_INVALID : ERR_MEMORY,
			"the value is not Avro: %s (byte %zu)",
			fault.what ? fault.what : "it takes too much memory",
			begin + fault.offset);
	unfold_json(&record);
	if (json_write(&record, false, json, &length) != 0)
		return err_set(err, ERR_MEMORY, "no memory for a record in JSON");
	return 0;
}

int codec_to_json(struct codec *codec, const void *value, size_t size, char **json,
	struct err *err)
{
	if (!value || size == 0)
		return err_set(err, ERR_INVALID, "the value is %s", value ? "empty" : "null");
	if (size > VALUE_BYTES)
		return err_set(err, ERR_INVALID, "the value is larger than 64 MiB");
	enum framing framing = framing_of(value, size);
	if (framing == FRAMING_UNKNOWN)
		return err_set(err, ERR_INVALID, "the value %s", unknown_framing(value, size));
	if (framing == FRAMING_JSON)
		return json_to_json(value, size, json, err);
	struct arena *arena = arena_new(ARENA_BYTES + ARENA_FACTOR * size);
	if (!arena)
		return err_set(err, ERR_MEMORY, "no memory for a value of %zu bytes", size);
	int answer = avro_to_json(codec, value, size, arena, json, err);
	arena_free(arena);
	return answer;
}
