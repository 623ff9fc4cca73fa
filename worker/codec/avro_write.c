/* avro_write.c: see avro_write.h. avro-c holds the value and writes it; strings stay where they
 * are, wrapped and not copied, unless their UTF-8 has to be mended first.
 */
#include "avro_write.h"

#include <stdlib.h>

#include "codec.h"
#include "utf8.h"

struct writer {
	struct arena *mended;
};

static int put(struct writer *w, avro_value_t *value, const struct datum *datum);

static int put_string(struct writer *w, avro_value_t *value, const char *data, size_t size)
{
	avro_wrapped_buffer_t buffer;
	if (!utf8_valid(data, size))
		data = utf8_clean(w->mended, data, size, &size);
	/* avro-c counts the terminator in, and leaves it out when it writes. */
	if (!data || avro_wrapped_buffer_new(&buffer, data, size + 1) != 0)
		return -1;
	return avro_value_give_string_len(value, &buffer);
}

static int put_integer(avro_value_t *value, int64_t integer)
{
	if (avro_value_get_type(value) == AVRO_INT64)
		return avro_value_set_long(value, integer);
	if (integer > INT32_MAX || integer < INT32_MIN)
		integer = integer < 0 ? INT32_MIN : INT32_MAX;
	return avro_value_set_int(value, (int32_t)integer);
}

static const struct datum *find(const struct datum *record, const char *name)
{
	size_t size = strlen(name);
	for (size_t i = 0; i < record->members.count; i++) {
		const struct member *member = &record->members.list[i];
		if (member->name_size == size && memcmp(member->name, name, size) == 0)
			return &member->value;
	}
	return NULL;
}

static int put_record(struct writer *w, avro_value_t *value, const struct datum *record)
{
	size_t count;
	if (avro_value_get_size(value, &count) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		avro_value_t field;
		const char *name;
		if (avro_value_get_by_index(value, i, &field, &name) != 0)
			return -1;
		const struct datum *member = find(record, name);
		if (put(w, &field, member ? member : &(struct datum){.kind = DATUM_NULL}) != 0)
			return -1;
	}
	return 0;
}

static int put_pairs(struct writer *w, avro_value_t *value, const struct map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct pair *pair = &map->pairs[i];
		avro_value_t entry;
		if (avro_value_add(value, pair->name, &entry, NULL, NULL) != 0 ||
			put_string(w, &entry, pair->value, strlen(pair->value)) != 0)
			return -1;
	}
	return 0;
}

static int put_names(struct writer *w, avro_value_t *value, const struct datum *datum)
{
	for (size_t i = 0; i < datum->names.count; i++) {
		const char *name = datum->names.list[i];
		avro_value_t item;
		if (avro_value_append(value, &item, NULL) != 0 ||
			put_string(w, &item, name, strlen(name)) != 0)
			return -1;
	}
	return 0;
}

/* Our unions are null, then the type. */
static int put_union(struct writer *w, avro_value_t *value, const struct datum *datum)
{
	avro_value_t branch;
	bool null = datum->kind == DATUM_NULL;
	if (avro_value_set_branch(value, null ? 0 : 1, &branch) != 0)
		return -1;
	return null ? avro_value_set_null(&branch) : put(w, &branch, datum);
}

static int put_plain(struct writer *w, avro_value_t *value, const struct datum *datum)
{
	switch (datum->kind) {
	case DATUM_NULL: return avro_value_reset(value);
	case DATUM_BOOLEAN: return avro_value_set_boolean(value, datum->truth);
	case DATUM_INTEGER: return put_integer(value, datum->integer);
	case DATUM_TEXT:
	case DATUM_JSON: return put_string(w, value, datum->text.data, datum->text.size);
	case DATUM_RECORD: return put_record(w, value, datum);
	case DATUM_PAIRS: return put_pairs(w, value, &datum->pairs);
	case DATUM_NAMES: return put_names(w, value, datum);
	case DATUM_REAL:
	case DATUM_BYTES:
	case DATUM_MAP:
	case DATUM_ARRAY: break;		/* no record of ours has them */
	}
	return -1;
}

static int put(struct writer *w, avro_value_t *value, const struct datum *datum)
{
	if (avro_value_get_type(value) == AVRO_UNION)
		return put_union(w, value, datum);
	return put_plain(w, value, datum);
}

static void put_header(unsigned char *bytes, uint64_t fingerprint)
{
	memcpy(bytes, AVRO_MARKER, 2);
	for (int i = 0; i < 8; i++)
		bytes[2 + i] = (unsigned char)(fingerprint >> 8 * i);
}

static int write_value(avro_value_t *value, uint64_t fingerprint, void **bytes, size_t *size,
	struct err *err)
{
	size_t body;
	if (avro_value_sizeof(value, &body) != 0)
		return err_set(err, ERR_INVALID, "can't write Avro: %s", avro_strerror());
	char *made = malloc(AVRO_HEADER_BYTES + body);
	avro_writer_t writer = made ?
		avro_writer_memory(made + AVRO_HEADER_BYTES, (int64_t)body) : NULL;
	int answer = writer ? avro_value_write(writer, value) : -1;
	if (writer)
		avro_writer_free(writer);
	if (answer != 0) {
		free(made);
		return err_set(err, writer ? ERR_INVALID : ERR_MEMORY, "can't write Avro: %s",
			writer ? avro_strerror() : "no memory");
	}
	put_header((unsigned char *)made, fingerprint);
	*bytes = made;
	*size = AVRO_HEADER_BYTES + body;
	return 0;
}

int avro_write_single(avro_value_iface_t *class, uint64_t fingerprint,
	const struct datum *record, void **bytes, size_t *size, struct err *err)
{
	struct writer w = {.mended = arena_new(SIZE_MAX / 2)};
	avro_value_t value;
	if (!w.mended || avro_generic_value_new(class, &value) != 0) {
		arena_free(w.mended);
		return err_set(err, ERR_MEMORY, "no memory for an Avro value");
	}
	int answer = put(&w, &value, record) == 0 ?
		write_value(&value, fingerprint, bytes, size, err) :
		err_set(err, ERR_MEMORY, "can't make an Avro value: %s", avro_strerror());
	avro_value_decref(&value);
	arena_free(w.mended);
	return answer;
}
