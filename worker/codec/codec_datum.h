/* codec_datum.h: one value of a record, whatever encoding it came in or goes out in.
 *
 * Decoders make data that point into the bytes they read; encoders make data that point into the
 * structs of contract.h. So what a request means is written once (codec_request.c), and so is what
 * stands in a result (codec_record.c).
 */
#ifndef CODEWORKER_CODEC_DATUM_H
#define CODEWORKER_CODEC_DATUM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "contract.h"
#include "json_scan.h"

enum datum_kind {
	DATUM_NULL,
	DATUM_BOOLEAN,
	DATUM_INTEGER,
	DATUM_REAL,
	DATUM_TEXT,		/* maybe not UTF-8 where it was read */
	DATUM_BYTES,		/* Avro fixed, which is never text */
	DATUM_RECORD,		/* members: an Avro record or a JSON object */
	DATUM_MAP,		/* members: an Avro map */
	DATUM_ARRAY,		/* items */
	DATUM_JSON,		/* text: a value in JSON, looked at when needed */
	DATUM_PAIRS,		/* written only: a struct map */
	DATUM_NAMES,		/* written only: an array of strings */
};

struct datum {
	enum datum_kind kind;
	union {
		bool truth;
		int64_t integer;
		double real;
		struct {
			const char *data;
			size_t size;
		} text;
		struct {
			const struct member *list;
			size_t count;
		} members;
		struct {
			const struct datum *list;
			size_t count;
		} items;
		struct map pairs;
		struct {
			const char *const *list;
			size_t count;
		} names;
	};
};

struct member {
	const char *name;
	size_t name_size;
	struct datum value;
};

static inline struct datum datum_null(void)
{
	return (struct datum){.kind = DATUM_NULL};
}

static inline struct datum datum_truth(bool truth)
{
	return (struct datum){.kind = DATUM_BOOLEAN, .truth = truth};
}

static inline struct datum datum_integer(int64_t integer)
{
	return (struct datum){.kind = DATUM_INTEGER, .integer = integer};
}

static inline struct datum datum_bytes(const char *data, size_t size)
{
	return (struct datum){.kind = DATUM_TEXT, .text = {data, size}};
}

static inline struct datum datum_text(const char *text)	/* NULL: null */
{
	return text ? datum_bytes(text, strlen(text)) : datum_null();
}

static inline struct datum datum_json(struct json_span span)
{
	return (struct datum){.kind = DATUM_JSON, .text = {span.text, span.size}};
}

static inline struct datum datum_pairs(struct map map)
{
	return (struct datum){.kind = DATUM_PAIRS, .pairs = map};
}

static inline struct datum datum_members(const struct member *list, size_t count)
{
	return (struct datum){.kind = DATUM_RECORD, .members = {list, count}};
}

/* For literal lists: MEMBER("name", value). */
#define MEMBER(literal, ...) {literal, sizeof(literal) - 1, __VA_ARGS__}

#endif
