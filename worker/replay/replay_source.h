/* replay_source.h: the jobs that a topic tells of, one after the other, and the requests that they
 * were.
 *
 * A request or a dead letter is its job's request itself; a result or an error event names the
 * place where the request stands.
 */
#ifndef CODEWORKER_REPLAY_SOURCE_H
#define CODEWORKER_REPLAY_SOURCE_H

#include "../codec/codec.h"
#include "../kafka/kafka_client.h"
#include "../commands/record_view.h"
#include "replay_chains.h"
#include "replay_filter.h"

enum replay_from { REPLAY_DEAD, REPLAY_ERRORS, REPLAY_RESULTS, REPLAY_REQUESTS };
int replay_from_parse(const char *text, enum replay_from *from);	/* -1: none of these */
const char *replay_from_topic(const struct config *config, enum replay_from from);

struct replay_source;

/* codec: borrowed. What is written after this call is not read, so what replay itself puts back does not come
 * round. */
int replay_source_new(const struct config *config, struct codec *codec, enum replay_from from,
	struct kafka_start start, struct replay_source **source, struct err *err);
void replay_source_free(struct replay_source *source);

enum replay_body { REPLAY_BODY_UNREAD, REPLAY_BODY_READ, REPLAY_BODY_MALFORMED, REPLAY_BODY_GONE };

struct replay_job {			/* valid until the next one */
	struct kafka_record record;	/* that tells of it: topic, partition, offset and time alone */
	struct replay_facts facts;
	bool end_known;			/* facts have status and error */
	bool goes_on;			/* an error event that a further attempt follows */
	const char *execution_id;	/* NULL: unreadable */
	struct source request_at;
	enum replay_body body;
	const char *why;		/* MALFORMED, GONE: in words */
	/* READ: the request, and as it was on the wire */
	struct request *request;
	const void *value;
	size_t value_size;
	const struct kafka_header *headers;	/* the producer's own */
	size_t header_count;
};

enum replay_read { REPLAY_READ_ERROR = -1, REPLAY_READ_NONE, REPLAY_READ_JOB, REPLAY_READ_END };
enum replay_read replay_source_next(struct replay_source *source, int timeout_ms,
	struct replay_job *job, struct err *err);

/* Makes of an UNREAD body one of the others. Returns 0, or -1 with err. */
int replay_source_body(struct replay_source *source, struct replay_job *job, struct err *err);

/* The result or error event that the job came from; NULL: it came from its request. */
const struct record_view *replay_source_view(const struct replay_source *source);

/* The record that tells of it, decoded, one line; malloc'ed. */
int replay_source_json(struct replay_source *source, const struct replay_job *job, char **json,
	struct err *err);

#endif
