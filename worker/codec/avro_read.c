/* avro_read.c: see avro_read.h.
 *
 * avro-c reads the schema, these functions read the value. avro-c's own reader allocates what a
 * length in the bytes says, recurses as deep as a schema allows and does no defaults when it
 * resolves; a check before it would have to walk the same bytes by the same schema, so this walk
 * is the reader. Every length is held against the bytes left, nesting is bounded, and so is the
 * number of items: those of size zero, too, can't be more than there are bytes.
 */
#include "avro_read.h"

#include <limits.h>

#define DEPTH 64

struct reader {
	const unsigned char *begin, *at, *end;
	struct arena *arena;
	size_t depth, items_left;
	struct avro_fault *fault;
	bool failed;
};

static bool fail(struct reader *r, const char *what)
{
	if (!r->failed) {
		r->fault->offset = (size_t)(r->at - r->begin);
		r->fault->what = what;
	}
	r->failed = true;
	return false;
}

static size_t left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

static bool read_long(struct reader *r, int64_t *number)
{
	uint64_t bits = 0;
	for (int shift = 0;; shift += 7) {
		if (r->at == r->end)
			return fail(r, "the value ends early");
		unsigned char byte = *r->at;
		if (shift == 63 && byte > 1)
			return fail(r, "a number has more than 64 bits");
		r->at++;
		bits |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80)
			break;
	}
	*number = (int64_t)(bits >> 1 ^ -(bits & 1));
	return true;
}

static bool read_int(struct reader *r, int64_t *number)
{
	if (!read_long(r, number))
		return false;
	if (*number < INT32_MIN || *number > INT32_MAX)
		return fail(r, "an int has more than 32 bits");
	return true;
}

static bool read_bytes(struct reader *r, size_t size, const char **data)
{
	if (size > left(r))
		return fail(r, "the value ends early");
	*data = (const char *)r->at;
	r->at += size;
	return true;
}

static bool read_text(struct reader *r, const char **data, size_t *size)
{
	int64_t length;
	if (!read_long(r, &length))
		return false;
	if (length < 0)
		return fail(r, "a length is negative");
	if ((uint64_t)length > left(r))
		return fail(r, "a length is beyond the end of the value");
	*size = (size_t)length;
	return read_bytes(r, *size, data);
}

static bool read_float(struct reader *r, size_t size, double *real)
{
	const char *data;
	uint64_t bits = 0;
	if (!read_bytes(r, size, &data))
		return false;
	for (size_t i = 0; i < size; i++)
		bits |= (uint64_t)(unsigned char)data[i] << 8 * i;
	if (size == sizeof(float)) {
		float single;
		memcpy(&single, &(uint32_t){(uint32_t)bits}, sizeof single);
		*real = (double)single;
	} else {
		memcpy(real, &bits, sizeof *real);
	}
	return true;
}

static bool read_boolean(struct reader *r, bool *truth)
{
	const char *data;
	if (!read_bytes(r, 1, &data))
		return false;
	if (*data != 0 && *data != 1)
		return fail(r, "a boolean is neither 0 nor 1");
	*truth = *data == 1;
	return true;
}

/* The following read into *datum; build says whether the data inside are wanted, too. */
static bool read_value(struct reader *r, avro_schema_t schema, bool build, struct datum *datum);

static bool read_enum(struct reader *r, avro_schema_t schema, struct datum *datum)
{
	int64_t index;
	if (!read_int(r, &index))
		return false;
	if (index < 0 || index >= avro_schema_enum_number_of_symbols(schema))
		return fail(r, "an enum has no such symbol");
	const char *symbol = avro_schema_enum_get(schema, (int)index);
	*datum = datum_text(symbol);
	datum->kind = DATUM_BYTES;	/* no resolution makes a string of it */
	return true;
}

static bool read_fixed(struct reader *r, avro_schema_t schema, struct datum *datum)
{
	const char *data;
	int64_t size = avro_schema_fixed_size(schema);
	if (size < 0 || !read_bytes(r, (size_t)size, &data))
		return fail(r, "a fixed has no size");
	*datum = datum_bytes(data, (size_t)size);
	datum->kind = DATUM_BYTES;
	return true;
}

static bool read_union(struct reader *r, avro_schema_t schema, bool build, struct datum *datum)
{
	int64_t index;
	if (!read_long(r, &index))
		return false;
	if (index < 0 || (uint64_t)index >= avro_schema_union_size(schema) || index > INT_MAX)
		return fail(r, "a union has no such branch");
	return read_value(r, avro_schema_union_branch(schema, (int)index), build, datum);
}

/* The number of items that follow; 0 ends the array or map. */
static bool read_block(struct reader *r, size_t *count)
{
	int64_t items, bytes;
	if (!read_long(r, &items))
		return false;
	if (items < 0) {
		if (items == INT64_MIN || !read_long(r, &bytes))
			return fail(r, "a block has no count");
		if (bytes < 0 || (uint64_t)bytes > left(r))
			return fail(r, "a block is longer than the value");
		items = -items;
	}
	if ((uint64_t)items > r->items_left || (uint64_t)items > left(r))
		return fail(r, "a block counts more items than there are bytes");
	r->items_left -= (size_t)items;
	*count = (size_t)items;
	return true;
}

/* Room for more members, of which used are there; doubled, so that the copies stay few. */
static bool grow(struct reader *r, void **list, size_t *room, size_t used, size_t more,
	size_t size)
{
	if (used + more <= *room)
		return true;
	size_t wanted = used + more > 2 * *room ? used + more : 2 * *room;
	void *larger = arena_alloc(r->arena, wanted * size);
	if (!larger)
		return fail(r, NULL);
	if (used > 0)
		memcpy(larger, *list, used * size);
	*list = larger;
	*room = wanted;
	return true;
}

static bool read_array(struct reader *r, avro_schema_t schema, bool build, struct datum *datum)
{
	avro_schema_t items = avro_schema_array_items(schema);
	struct datum *list = NULL, dropped;
	size_t room = 0, used = 0, count;
	for (;;) {
		if (!read_block(r, &count))
			return false;
		if (count == 0)
			break;
		if (build && !grow(r, (void **)&list, &room, used, count, sizeof *list))
			return false;
		for (size_t i = 0; i < count; i++) {
			if (!read_value(r, items, build, build ? &list[used++] : &dropped))
				return false;
		}
	}
	*datum = (struct datum){.kind = DATUM_ARRAY, .items = {list, used}};
	return true;
}

static bool read_entry(struct reader *r, avro_schema_t values, bool build,
	struct member *member)
{
	return read_text(r, &member->name, &member->name_size) &&
		read_value(r, values, build, &member->value);
}

static bool read_map(struct reader *r, avro_schema_t schema, bool build, struct datum *datum)
{
	avro_schema_t values = avro_schema_map_values(schema);
	struct member *list = NULL, dropped;
	size_t room = 0, used = 0, count;
	for (;;) {
		if (!read_block(r, &count))
			return false;
		if (count == 0)
			break;
		if (build && !grow(r, (void **)&list, &room, used, count, sizeof *list))
			return false;
		for (size_t i = 0; i < count; i++) {
			if (!read_entry(r, values, build, build ? &list[used++] : &dropped))
				return false;
		}
	}
	*datum = (struct datum){.kind = DATUM_MAP, .members = {list, used}};
	return true;
}

static struct member *members_new(struct reader *r, size_t count)
{
	struct member *list = arena_alloc(r->arena, count * sizeof *list);
	if (!list)
		fail(r, NULL);
	return list;
}

static bool read_record(struct reader *r, avro_schema_t schema, bool build,
	struct datum *datum)
{
	size_t count = avro_schema_record_size(schema);
	struct member *list = build ? members_new(r, count) : NULL;
	struct datum dropped;
	if (build && !list)
		return false;
	for (size_t i = 0; i < count; i++) {
		avro_schema_t type = avro_schema_record_field_get_by_index(schema, (int)i);
		if (!read_value(r, type, build, build ? &list[i].value : &dropped))
			return false;
		if (build) {
			list[i].name = avro_schema_record_field_name(schema, (int)i);
			list[i].name_size = strlen(list[i].name);
		}
	}
	*datum = datum_members(list, count);
	return true;
}

static bool read_number(struct reader *r, bool is_int, struct datum *datum)
{
	int64_t number;
	if (!(is_int ? read_int(r, &number) : read_long(r, &number)))
		return false;
	*datum = datum_integer(number);
	return true;
}

static bool read_real(struct reader *r, size_t size, struct datum *datum)
{
	datum->kind = DATUM_REAL;
	return read_float(r, size, &datum->real);
}

static bool read_string(struct reader *r, struct datum *datum)
{
	datum->kind = DATUM_TEXT;
	return read_text(r, &datum->text.data, &datum->text.size);
}

static bool read_truth(struct reader *r, struct datum *datum)
{
	datum->kind = DATUM_BOOLEAN;
	return read_boolean(r, &datum->truth);
}

static bool read_type(struct reader *r, avro_schema_t schema, bool build, struct datum *datum)
{
	switch (avro_typeof(schema)) {
	case AVRO_NULL: *datum = datum_null(); return true;
	case AVRO_BOOLEAN: return read_truth(r, datum);
	case AVRO_INT32: return read_number(r, true, datum);
	case AVRO_INT64: return read_number(r, false, datum);
	case AVRO_FLOAT: return read_real(r, sizeof(float), datum);
	case AVRO_DOUBLE: return read_real(r, sizeof(double), datum);
	case AVRO_BYTES:
	case AVRO_STRING: return read_string(r, datum);
	case AVRO_ENUM: return read_enum(r, schema, datum);
	case AVRO_FIXED: return read_fixed(r, schema, datum);
	case AVRO_ARRAY: return read_array(r, schema, build, datum);
	case AVRO_MAP: return read_map(r, schema, build, datum);
	case AVRO_RECORD: return read_record(r, schema, build, datum);
	case AVRO_UNION: return read_union(r, schema, build, datum);
	case AVRO_LINK: return read_value(r, avro_schema_link_target(schema), build, datum);
	default: return fail(r, "the schema has an unknown type");
	}
}

static bool read_value(struct reader *r, avro_schema_t schema, bool build, struct datum *datum)
{
	if (r->depth == DEPTH)
		return fail(r, "nested too deep");
	r->depth++;
	bool answer = read_type(r, schema, build, datum);
	r->depth--;
	return answer;
}

/* The list is all null at first, and a field appears in it when it is whole. */
static bool read_fields(struct reader *r, avro_schema_t schema, struct member *list,
	size_t count, bool (*wanted)(const char *name))
{
	for (size_t i = 0; i < count; i++) {
		const char *name = avro_schema_record_field_name(schema, (int)i);
		avro_schema_t type = avro_schema_record_field_get_by_index(schema, (int)i);
		bool build = wanted(name);
		struct datum datum;
		r->fault->field = name;
		if (!read_value(r, type, build, &datum))
			return false;
		if (build)
			list[i] = (struct member){name, strlen(name), datum};
	}
	r->fault->field = NULL;
	return true;
}

int avro_read_record(avro_schema_t schema, const char *bytes, size_t size, struct arena *arena,
	bool (*wanted)(const char *name), struct datum *record, struct avro_fault *fault)
{
	const unsigned char *begin = (const unsigned char *)bytes;
	struct reader r = {.begin = begin, .at = begin, .end = begin + size, .arena = arena,
		.items_left = size, .fault = fault};
	*fault = (struct avro_fault){0};
	*record = datum_members(NULL, 0);
	if (avro_typeof(schema) != AVRO_RECORD) {
		fail(&r, "the writer's schema is not a record");
		return -1;
	}
	size_t count = avro_schema_record_size(schema);
	struct member *list = members_new(&r, count);
	if (!list)
		return -1;
	*record = datum_members(list, count);
	if (!read_fields(&r, schema, list, count, wanted))
		return -1;
	if (r.at != r.end)
		fail(&r, "bytes follow the value");
	return r.failed ? -1 : 0;
}

int avro_read_place(avro_schema_t schema, const char *bytes, size_t size, const char *name,
	struct avro_place *place)
{
	const unsigned char *begin = (const unsigned char *)bytes;
	struct avro_fault fault;
	struct reader r = {.begin = begin, .at = begin, .end = begin + size, .items_left = size,
		.fault = &fault};
	if (avro_typeof(schema) != AVRO_RECORD)
		return -1;
	for (size_t i = 0; i < avro_schema_record_size(schema); i++) {
		struct datum dropped;
		size_t from = (size_t)(r.at - begin);
		avro_schema_t type = avro_schema_record_field_get_by_index(schema, (int)i);
		if (!read_value(&r, type, false, &dropped))
			return -1;
		if (strcmp(avro_schema_record_field_name(schema, (int)i), name) != 0)
			continue;
		*place = (struct avro_place){from, (size_t)(r.at - begin), type};
		return 0;
	}
	return 1;
}
