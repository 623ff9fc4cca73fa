/* codec_fields.c: see codec_fields.h.
 */
#include "codec_fields.h"

#include <stdarg.h>
#include <stdio.h>

#include "json_datum.h"
#include "utf8.h"

#define NUMBER_MAX_JSON ((INT64_C(1) << 53) - 1)	/* what every JSON reader can hold */
#define PATH_BYTES 128
#define MESSAGE_BYTES 400

void reading_refuse(struct reading *r, const char *field, const char *format, ...)
{
	if (r->malformed->message)
		return;
	char message[MESSAGE_BYTES];
	va_list list;
	va_start(list, format);
	vsnprintf(message, sizeof message, format, list);
	va_end(list);
	r->malformed->field = field;
	r->malformed->message = arena_string(r->request->arena, message);
	if (!r->malformed->message)
		r->malformed->message = "is not valid";
}

const char *codec_field_path(struct arena *arena, const char *prefix, const char *name,
	size_t size)
{
	if (size > PATH_BYTES)
		size = PATH_BYTES;
	size_t valid = utf8_valid_prefix(name, size);
	const char *path = arena_format(arena, "%s%s%.*s", prefix ? prefix : "",
		prefix ? "." : "", (int)valid, name);
	return path && *path ? path : "value";
}

static const struct field *row_of(const struct field *table, size_t rows,
	const struct member *member)
{
	for (size_t i = 0; i < rows; i++) {
		if (strlen(table[i].name) == member->name_size &&
			memcmp(table[i].name, member->name, member->name_size) == 0)
			return &table[i];
	}
	return NULL;
}

static bool refuse_duplicate(struct reading *r, const char *prefix,
	const struct member *members, size_t count)
{
	const struct member *twice =
		json_duplicate(r->request->arena, members, count, &r->no_memory);
	if (twice)
		reading_refuse(r, codec_field_path(r->request->arena, prefix, twice->name,
			twice->name_size), "is given twice");
	return twice != NULL;
}

/* Which rows stand there more than once: those are not taken, since nobody can say which holds. */
static uint32_t repeated_rows(const struct field *table, size_t rows,
	const struct member *members, size_t count)
{
	uint32_t seen = 0, repeated = 0;
	for (size_t i = 0; i < count; i++) {
		const struct field *row = row_of(table, rows, &members[i]);
		uint32_t bit = row ? UINT32_C(1) << (row - table) : 0;
		repeated |= seen & bit;
		seen |= bit;
	}
	return repeated;
}

void fields_take(struct reading *r, void *base, const struct field *table, size_t rows,
	const char *prefix, const struct member *members, size_t count)
{
	uint32_t repeated = repeated_rows(table, rows, members, count);
	if (r->json)
		refuse_duplicate(r, prefix, members, count);
	for (size_t i = 0; i < count && !r->no_memory; i++) {
		const struct field *row = row_of(table, rows, &members[i]);
		if (!row || repeated >> (row - table) & 1)
			continue;
		const char *path = row->name;
		if (prefix)
			path = codec_field_path(r->request->arena, prefix, path, strlen(path));
		row->take(r, base, row, path, members[i].value);
	}
}

bool field_resolve(struct reading *r, const char *path, struct datum *datum)
{
	switch (json_resolve(r->request->arena, datum)) {
	case JSON_OK:
		return true;
	case JSON_NUMBER_TOO_LARGE:
		reading_refuse(r, path, "is too large a number");
		return false;
	case JSON_NOT_UTF8:
		reading_refuse(r, path, "is not UTF-8");
		return false;
	case JSON_NO_MEMORY:
		break;
	}
	r->no_memory = true;
	return false;
}

const char *field_text_fault(const char *data, size_t size)
{
	if (!utf8_valid(data, size))
		return "is not UTF-8";
	return memchr(data, '\0', size) ? "has a NUL character in it" : NULL;
}

const char *field_copy(struct reading *r, const char *path, const char *data, size_t size)
{
	const char *fault = field_text_fault(data, size);
	if (fault) {
		reading_refuse(r, path, "%s", fault);
		return NULL;
	}
	const char *copy = arena_copy(r->request->arena, data, size);
	r->no_memory |= !copy;
	return copy;
}

/* Resolved and of the kind, or not to be taken: null, or the fault is noted. */
static bool wants(struct reading *r, const char *path, struct datum *datum,
	enum datum_kind kind, const char *kind_name)
{
	if (!field_resolve(r, path, datum) || datum->kind == DATUM_NULL)
		return false;
	if (datum->kind == kind)
		return true;
	reading_refuse(r, path, "must be %s", kind_name);
	return false;
}

static void *member_of(void *base, const struct field *field)
{
	return (char *)base + field->offset;
}

void take_text(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum)
{
	if (!wants(r, path, &datum, DATUM_TEXT, "a string"))
		return;
	if (datum.text.size > field->limit) {
		reading_refuse(r, path, "has %zu bytes, at most %zu are allowed", datum.text.size,
			field->limit);
		return;
	}
	*(const char **)member_of(base, field) =
		field_copy(r, path, datum.text.data, datum.text.size);
}

void take_code(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum)
{
	(void)base;
	(void)field;
	if (!wants(r, path, &datum, DATUM_TEXT, "a string"))
		return;
	r->request->code = field_copy(r, path, datum.text.data, datum.text.size);
	r->request->code_size = r->request->code ? datum.text.size : 0;
}

void take_inline(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum)
{
	(void)base;
	(void)field;
	if (!wants(r, path, &datum, DATUM_BOOLEAN, "true or false"))
		return;
	r->inline_given = true;
	r->request->is_inline = datum.truth;
}

void take_risk(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum)
{
	(void)base;
	(void)field;
	if (!wants(r, path, &datum, DATUM_TEXT, "a string"))
		return;
	const char *name = field_copy(r, path, datum.text.data, datum.text.size);
	if (name && risk_parse(name, &r->request->risk) != 0)
		reading_refuse(r, path, "must be one of none, low, medium, high");
}

/* JSON knows one kind of number: 1e3 is as whole as 1000. */
static void real_to_integer(struct datum *datum)
{
	if (datum->kind != DATUM_REAL || datum->real > 0x1p62 || datum->real < -0x1p62)
		return;
	int64_t integer = (int64_t)datum->real;
	if ((double)integer == datum->real)
		*datum = datum_integer(integer);
}

static bool in_range(struct reading *r, const char *path, int64_t number)
{
	if (number < 0)
		reading_refuse(r, path, "must not be negative");
	else if (r->json && number > NUMBER_MAX_JSON)
		reading_refuse(r, path, "must not be above 2^53-1");
	else
		return true;
	return false;
}

void take_number(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum)
{
	if (!field_resolve(r, path, &datum))
		return;
	if (r->json)
		real_to_integer(&datum);
	if (!wants(r, path, &datum, DATUM_INTEGER, "a whole number") ||
		!in_range(r, path, datum.integer))
		return;
	*(int64_t *)member_of(base, field) = datum.integer;
}

/* Rounded, but never down to 0, which means the default. */
static int64_t seconds_to_ms(double seconds)
{
	int64_t ms = (int64_t)(seconds * 1000 + 0.5);
	return ms == 0 && seconds > 0 ? 1 : ms;
}

void take_seconds(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum)
{
	if (!field_resolve(r, path, &datum))
		return;
	if (datum.kind == DATUM_INTEGER)
		datum = (struct datum){.kind = DATUM_REAL, .real = (double)datum.integer};
	if (!wants(r, path, &datum, DATUM_REAL, "a number of seconds"))
		return;
	if (datum.real < 0)
		reading_refuse(r, path, "must not be negative");
	else if (datum.real > (double)(NUMBER_MAX_JSON / 1000))
		reading_refuse(r, path, "must not be above 2^53-1 milliseconds");
	else
		*(int64_t *)member_of(base, field) = seconds_to_ms(datum.real);
}

void take_json(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum)
{
	if (datum.kind == DATUM_JSON && *datum.text.data == 'n')
		return;
	if (datum.kind != DATUM_JSON) {
		if (!wants(r, path, &datum, DATUM_TEXT, "a string of JSON"))
			return;
		if (!json_valid(datum.text.data, datum.text.size)) {
			reading_refuse(r, path, "is not JSON");
			return;
		}
	}
	*(const char **)member_of(base, field) =
		field_copy(r, path, datum.text.data, datum.text.size);
}

/* The path is made only for a fault: most maps have none. */
static void refuse_pair(struct reading *r, const char *path, const struct member *member,
	const char *fault)
{
	reading_refuse(r, codec_field_path(r->request->arena, path, member->name,
		member->name_size), "%s", fault);
}

static bool take_pair(struct reading *r, const char *path, const struct member *member,
	struct pair *pair)
{
	struct datum value = member->value;
	const char *fault = field_text_fault(member->name, member->name_size);
	if (!fault && value.kind == DATUM_JSON && *value.text.data != '"')
		fault = "must be a string";
	if (!fault && !field_resolve(r, path, &value))
		return false;
	if (!fault)
		fault = value.kind != DATUM_TEXT ? "must be a string" :
			field_text_fault(value.text.data, value.text.size);
	if (fault) {
		refuse_pair(r, path, member, fault);
		return false;
	}
	pair->name = arena_copy(r->request->arena, member->name, member->name_size);
	pair->value = arena_copy(r->request->arena, value.text.data, value.text.size);
	r->no_memory |= !pair->name || !pair->value;
	return !r->no_memory;
}

void take_map(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum)
{
	if (!wants(r, path, &datum, r->json ? DATUM_RECORD : DATUM_MAP, "a map of strings"))
		return;
	size_t count = datum.members.count;
	struct pair *pairs = arena_alloc(r->request->arena, count * sizeof *pairs);
	if (!pairs || refuse_duplicate(r, path, datum.members.list, count)) {
		r->no_memory |= !pairs;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!take_pair(r, path, &datum.members.list[i], &pairs[i]))
			return;
	}
	*(struct map *)member_of(base, field) = (struct map){pairs, count};
}
