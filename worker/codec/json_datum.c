/* json_datum.c: see json_datum.h. Names and strings without an escape point into the text itself;
 * jansson decodes the rest.
 */
#include "json_datum.h"

#include <jansson.h>
#include <stdlib.h>

#include "utf8.h"

static enum json_answer resolve_string(struct arena *arena, struct datum *datum)
{
	const char *text = datum->text.data;
	size_t size = datum->text.size;
	if (!memchr(text, '\\', size)) {
		*datum = datum_bytes(text + 1, size - 2);
		return JSON_OK;
	}
	json_t *string = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!string)
		return utf8_valid(text, size) ? JSON_NO_MEMORY : JSON_NOT_UTF8;
	size_t length = json_string_length(string);
	const char *copy = arena_copy(arena, json_string_value(string), length);
	json_decref(string);
	if (!copy)
		return JSON_NO_MEMORY;
	*datum = datum_bytes(copy, length);
	return JSON_OK;
}

static enum json_answer resolve_number(struct datum *datum)
{
	json_t *number = json_loadb(datum->text.data, datum->text.size, JSON_DECODE_ANY, NULL);
	if (!number)
		return JSON_NUMBER_TOO_LARGE;
	if (json_is_integer(number))
		*datum = datum_integer(json_integer_value(number));
	else
		*datum = (struct datum){.kind = DATUM_REAL, .real = json_real_value(number)};
	json_decref(number);
	return JSON_OK;
}

static size_t count_members(struct json_span rest)
{
	struct json_span key, value;
	size_t count = 0;
	while (json_next_member(&rest, &key, &value))
		count++;
	return count;
}

static enum json_answer resolve_object(struct arena *arena, struct datum *datum)
{
	struct json_span rest = {datum->text.data, datum->text.size}, key, value;
	size_t count = count_members(rest);
	struct member *members = arena_alloc(arena, count * sizeof *members);
	if (!members)
		return JSON_NO_MEMORY;
	for (size_t i = 0; i < count && json_next_member(&rest, &key, &value); i++) {
		struct datum name = datum_json(key);
		if (resolve_string(arena, &name) == JSON_NO_MEMORY)
			return JSON_NO_MEMORY;
		members[i] = (struct member){name.text.data, name.text.size, datum_json(value)};
	}
	*datum = datum_members(members, count);
	return JSON_OK;
}

enum json_answer json_resolve(struct arena *arena, struct datum *datum)
{
	if (datum->kind != DATUM_JSON)
		return JSON_OK;
	switch (*datum->text.data) {
	case '"': return resolve_string(arena, datum);
	case '{': return resolve_object(arena, datum);
	case '[': return JSON_OK;
	case 't': *datum = datum_truth(true); return JSON_OK;
	case 'f': *datum = datum_truth(false); return JSON_OK;
	case 'n': *datum = datum_null(); return JSON_OK;
	default: return resolve_number(datum);
	}
}

static int by_name(const void *left, const void *right)
{
	const struct member *a = *(const struct member *const *)left;
	const struct member *b = *(const struct member *const *)right;
	int order = memcmp(a->name, b->name, a->name_size < b->name_size ? a->name_size :
		b->name_size);
	return order ? order : (a->name_size > b->name_size) - (a->name_size < b->name_size);
}

const struct member *json_duplicate(struct arena *arena, const struct member *members,
	size_t count, bool *no_memory)
{
	const struct member **sorted = arena_alloc(arena, count * sizeof *sorted);
	*no_memory = !sorted;
	if (!sorted)
		return NULL;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &members[i];
	qsort(sorted, count, sizeof *sorted, by_name);
	for (size_t i = 1; i < count; i++) {
		if (by_name(&sorted[i - 1], &sorted[i]) == 0)
			return sorted[i];
	}
	return NULL;
}
