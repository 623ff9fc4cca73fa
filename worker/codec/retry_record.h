/* retry_record.h: a record of code.retries: the request as it came, and headers of ours behind its own.
 *
 * What was read is taken off again, so that what goes on is the original request: its headers, time, topic,
 * partition and offset. Headers of these names that the producer wrote itself are in front of ours and stay.
 */
#ifndef CODEWORKER_RETRY_RECORD_H
#define CODEWORKER_RETRY_RECORD_H

#include "../arena.h"
#include "../broker/broker.h"
#include "contract.h"

#define RETRY_HEADERS 5

struct retry {
	int attempt;			/* that comes next */
	int64_t due_ms;
	const char *topic;		/* where the request came in; in the message's memory, not terminated */
	size_t topic_size;
	const char *error;		/* why the attempt before failed; likewise */
	size_t error_size;
	int64_t stored_ms;		/* when it came to code.retries */
	bool fetched;			/* it has come for the second time: false from retry_read() */
};

/* The request's headers and ours. NULL: no memory. */
struct broker_header *retry_headers_make(struct arena *arena, const struct broker_message *message,
	int attempt, int64_t due_ms, const struct error_record *error, size_t *count);

/* Makes the message the request again, but for its topic's name. Returns false, and changes nothing, when it
 * is no record of ours. */
bool retry_read(struct broker_message *message, struct retry *retry);

/* The error in arena; one that says so where it can't be read. */
struct error_record retry_error(struct arena *arena, const struct retry *retry);

#endif
