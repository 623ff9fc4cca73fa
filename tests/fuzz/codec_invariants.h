/* codec_invariants.h: what holds for every value that the codec is given, for its fuzz targets.
 */
#ifndef CODEWORKER_TESTS_CODEC_INVARIANTS_H
#define CODEWORKER_TESTS_CODEC_INVARIANTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/codec/codec.h"
#include "../../worker/codec/json_scan.h"
#include "../../worker/codec/utf8.h"

#define HOLDS(what)                                                                              \
	do {                                                                                     \
		if (!(what)) {                                                                   \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

struct written {
	void *bytes;
	size_t size;
};

static inline int invariant_read(struct codec *codec, const void *data, size_t size,
	struct request **request)
{
	static const struct source source = {"code.requests", 1, 2};
	struct malformed malformed;
	struct err err = {0};
	int answer = codec_decode_request(codec, data, size, &source, request, &malformed, &err);
	HOLDS(answer == 0 || answer == 1);
	if (answer == 1) {
		HOLDS(malformed.field && *malformed.field && malformed.message);
		HOLDS(utf8_valid(malformed.field, strlen(malformed.field)));
		HOLDS(utf8_valid(malformed.message, strlen(malformed.message)));
		HOLDS(!malformed.thread_id || *malformed.thread_id);
	} else {
		HOLDS(!malformed.message);
		HOLDS(*(*request)->thread_id && *(*request)->node_id && (*request)->execution_id);
		HOLDS((*request)->code || (*request)->script_name);
	}
	return answer;
}

static inline struct written invariant_write(struct codec *codec, enum encoding encoding,
	const struct request *request)
{
	struct written out;
	struct err err = {0};
	HOLDS(codec_encode_request(codec, encoding, request, &out.bytes, &out.size, &err) == 0);
	return out;
}

/* Written in via, read again and written in the first encoding, it is the same. */
static inline void invariant_survives(struct codec *codec, enum encoding via,
	const struct request *request, struct written expected)
{
	struct written through = invariant_write(codec, via, request);
	struct request *again;
	HOLDS(invariant_read(codec, through.bytes, through.size, &again) == 0);
	struct written out = invariant_write(codec, request->encoding, again);
	HOLDS(out.size == expected.size && memcmp(out.bytes, expected.bytes, out.size) == 0);
	free(out.bytes);
	free(through.bytes);
	arena_free(again->arena);
}

/* Avro's numbers may be beyond what JSON may say, so from Avro the way through JSON is not tried. */
static inline void invariant_request(struct codec *codec, const void *data, size_t size)
{
	struct request *request;
	if (invariant_read(codec, data, size, &request) == 0) {
		struct written expected = invariant_write(codec, request->encoding, request);
		invariant_survives(codec, request->encoding, request, expected);
		if (request->encoding == ENCODING_JSON)
			invariant_survives(codec, ENCODING_AVRO, request, expected);
		free(expected.bytes);
	}
	arena_free(request->arena);
}

static inline void invariant_shown(struct codec *codec, const void *data, size_t size)
{
	char *json;
	struct err err = {0};
	if (codec_to_json(codec, data, size, &json, &err) == 0) {
		struct json_fault fault;
		HOLDS(json_scan(json, strlen(json), &fault) == 0 &&
			utf8_valid(json, strlen(json)));
		HOLDS(!strchr(json, '\n'));
		free(json);
	} else {
		HOLDS(*err.text && err.code != ERR_NONE);
	}
}

#endif
