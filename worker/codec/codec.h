/* codec.h: bytes of a Kafka value to requests, results and error events to bytes.
 *
 * Sources: Apache Avro 1.11 specification (binary encoding, single-object encoding, parsing
 * canonical form, CRC-64-AVRO), RFC 8259, docs/contract.md. avro.h and jansson.h stay behind
 * this header. All input is hostile: memory is bounded by the request's arena.
 */
#ifndef CODEWORKER_CODEC_H
#define CODEWORKER_CODEC_H

#include "contract.h"
#include "../../sandbox/err.h"

struct codec;

/* Loads the schemas: schemas_path is a directory of *.avsc (more writer schemas for requests are
 * found there by fingerprint), NULL = only those compiled in. Returns 0 and a codec to be freed. */
int codec_new(const char *schemas_path, struct codec **codec, struct err *err);
void codec_free(struct codec *codec);

/* Why a value could not be read. */
struct malformed {
	const char *field;		/* "threadId", "limits.cpuMs", "value" (the whole); in the
					 * request's arena, or static */
	const char *message;		/* begins with the field */
	/* what could be read all the same; NULL where not */
	const char *execution_id, *thread_id, *node_id;
};

/* Reads one request. value may be NULL (a tombstone: malformed). source: copied; gives the default
 * executionId. Always sets *request (with at least arena, source, encoding) unless memory is out.
 * Returns 0: read. 1: malformed, *malformed says why. -1: err (ERR_MEMORY, or ERR_UNAVAILABLE: a
 * registry that can't be reached: try later). The caller frees (*request)->arena. */
int codec_decode_request(struct codec *codec, const void *value, size_t size,
	const struct source *source, struct request **request, struct malformed *malformed,
	struct err *err);

/* Writes. *bytes is malloc'ed, the caller frees it. */
int codec_encode_request(struct codec *codec, enum encoding encoding, const struct request *request,
	void **bytes, size_t *size, struct err *err);
int codec_encode_result(struct codec *codec, enum encoding encoding, const struct result *result,
	void **bytes, size_t *size, struct err *err);
int codec_encode_error(struct codec *codec, enum encoding encoding, const struct error_event *event,
	void **bytes, size_t *size, struct err *err);

/* A request as it is to be put back under another executionId: value is what request was decoded
 * from, and of its bytes only those of executionId and replayOf change. Where the writer's schema
 * has no room for one of them, the request is written anew by ours. *bytes is malloc'ed. */
int codec_replay_request(struct codec *codec, const void *value, size_t size,
	const struct request *request, const char *execution_id, void **bytes, size_t *bytes_size,
	struct err *err);

/* Any of our records (request, result, error event, control) in any encoding as one line of JSON,
 * for tail and exec --json. *json is malloc'ed. */
int codec_to_json(struct codec *codec, const void *value, size_t size, char **json,
	struct err *err);

/* Replaces what is not UTF-8 by U+FFFD (Unicode 15, 3.9, maximal subparts). In arena. */
const char *utf8_clean(struct arena *arena, const char *data, size_t size, size_t *clean_size);
/* Length in characters of valid UTF-8. */
size_t utf8_length(const char *data, size_t size);

#endif
