/* publisher.h: what one transaction will make visible: results, error events, dead letters and finals,
 * as records of the broker. Nothing here talks to it. */
#ifndef CODEWORKER_PUBLISHER_H
#define CODEWORKER_PUBLISHER_H

#include "broker/broker.h"
#include "codec/codec.h"
#include "config/config.h"
#include "codec/state.h"

struct publisher {
	const struct config *config;
	struct codec *codec;
	const char *worker;		/* its name, for ce_source */
	int64_t result_bytes, error_bytes, dead_bytes, retry_bytes; /* what the topics take */
};

/* What metrics tell of a batch once it is committed. */
struct publication_counts {
	uint64_t results[STATUS_SKIPPED + 1], errors[ERROR_CODE_COUNT], retries, dead;
};

/* A batch with the memory of its records. */
struct publication {
	struct broker_batch batch;	/* first: the broker hands it back */
	struct arena *arena;
	struct broker_record *records;
	size_t count, capacity;
	void **blobs;			/* malloc'ed values */
	size_t blob_count, blob_capacity;
	struct broker_message *messages;	/* that records point into; the caller frees them */
	size_t message_count, message_capacity;
	struct broker_offset *offsets;
	size_t offset_capacity;
	size_t bytes;			/* of values and messages; the arena's come on top */
	struct publication_counts counts;
	uint64_t number;		/* among the worker's, from 1, once it is given to the broker */
	int64_t due_ms;			/* it waits for more until then; monotonic */
};

struct publication *publication_new(uint64_t epoch);	/* NULL: no memory */
/* Frees all but the messages, which the broker must free first. */
void publication_free(struct publication *publication);
/* All the memory that it holds. */
size_t publication_bytes(const struct publication *publication);
/* Points batch at the records; call before the broker gets it. */
void publication_seal(struct publication *publication);

int publish_offset(struct publication *publication, const struct broker_offset *offset,
	struct err *err);

/* Takes over the message: it lives as long as the batch. */
int publication_keep(struct publication *publication, const struct broker_message *message,
	struct err *err);

/* message: the request's own, for trace headers and origin. result's stdout and stderr are cut until
 * the topic takes it. Returns 1, and publishes nothing, when even without them one that is COMPLETED is too
 * large; of others everything long is left out before that. */
int publish_result(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, enum encoding encoding, const struct result *result,
	struct err *err);
/* Likewise without stderrTail, then without everything long. */
int publish_error(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, enum encoding encoding,
	const struct error_event *event, struct err *err);

/* Byte for byte the request's, then our headers. Without its value where the topic can't take it; where that is
 * only found out when it is refused, the record says what goes instead. */
int publish_dead(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, int attempts, const char *text, struct err *err);

#define PUBLISH_SURELY_BYTES 16384	/* a smaller record is refused by no topic of ours */

/* The next attempt, into code.retries. Returns 1, and publishes nothing, when that topic can't take the record;
 * where that is only found out when it is refused, this FAILED result goes instead. failed: NULL allowed
 * where the message takes no more than PUBLISH_SURELY_BYTES. */
int publish_retry(struct publisher *publisher, struct publication *publication,
	const struct broker_message *message, int attempt, int64_t due_ms,
	const struct error_record *error, enum encoding encoding, const struct result *failed,
	struct err *err);

/* Into code.state. */
int publish_mark(struct publisher *publisher, struct publication *publication, int32_t partition,
	const struct state_mark *mark, struct err *err);

#endif
