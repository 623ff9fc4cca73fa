/* broker_memory.h: a broker in memory, for tests of the loop: what Kafka promises, and its failures on demand.
 *
 * The store outlives brokers, as a cluster outlives workers. A batch becomes visible as a whole, with its
 * offsets, or not at all. The loop uses the broker from its thread; a test may call the functions here
 * from another.
 */
#ifndef CODEWORKER_BROKER_MEMORY_H
#define CODEWORKER_BROKER_MEMORY_H

#include "broker.h"
#include "../config/config.h"

struct memory_store;

struct memory_store *memory_store_new(const struct config *config, int partitions);
void memory_store_free(struct memory_store *store);	/* after its brokers */

/* Appends a request; all is copied. headers may be NULL. Returns its offset. */
int64_t memory_store_produce(struct memory_store *store, int32_t partition, const char *key,
	const char *value, const struct broker_header *headers, size_t header_count);
/* The same into any topic of requests. */
int64_t memory_store_produce_to(struct memory_store *store, enum broker_source source,
	int32_t partition, const char *key, const char *value);
int64_t memory_store_produce_to_at(struct memory_store *store, enum broker_source source,
	int32_t partition, const char *key, const char *value, int64_t timestamp_ms);
/* Submitted then. */
int64_t memory_store_produce_at(struct memory_store *store, int32_t partition, const char *key,
	const char *value, int64_t timestamp_ms);
/* A record of code.control, taken then; value NULL: null. */
void memory_store_control(struct memory_store *store, const void *value, size_t size,
	int64_t timestamp_ms);
/* Leaves offsets out, as transaction markers do. */
void memory_store_skip(struct memory_store *store, int32_t partition, int64_t offsets);
/* As if the topic had been deleted and made again; no worker holds a message of it. */
void memory_store_recreate(struct memory_store *store, enum broker_source source);
int64_t memory_store_committed(struct memory_store *store, int32_t partition);	/* -1: nothing */
int64_t memory_store_committed_of(struct memory_store *store, enum broker_source source,
	int32_t partition);
int64_t memory_store_retries_committed(struct memory_store *store, int32_t partition);
/* Appends to the retries what no worker wrote. */
void memory_store_produce_retry(struct memory_store *store, int32_t partition, const char *value);
/* As if so much time had passed for what waits in the retries; no broker has anything of it. */
void memory_store_hurry(struct memory_store *store, int64_t ms);

/* What was committed with it: see struct broker_offset. */
int64_t memory_store_since(struct memory_store *store, int32_t partition);
int64_t memory_store_since_of(struct memory_store *store, enum broker_source source,
	int32_t partition);

/* The index-th visible record of a topic, NULL beyond the last. Valid as long as the store. */
const struct broker_record *memory_store_record(struct memory_store *store, const char *topic,
	size_t index);
size_t memory_store_count(struct memory_store *store, const char *topic);

/* ---- brokers: one a worker */

struct broker *broker_memory_new(struct memory_store *store);	/* NULL: no memory */

void broker_memory_assign(struct broker *broker);	/* all partitions, from what is committed */
/* As of an odd assignment: from the next one on nothing is read of this topic's partitions. */
void broker_memory_leave_out(struct broker *broker, enum broker_source source);
/* From now on BROKER_END comes where this topic's partitions end. */
void broker_memory_tell_ends(struct broker *broker, enum broker_source source);
void broker_memory_revoke(struct broker *broker, bool lost);
bool broker_memory_assigned(struct broker *broker);
/* As if the broker of code.control were away: nothing of it is told. */
void broker_memory_hold_controls(struct broker *broker, bool held);
/* As if code.state could not be read: what is given is not taken over. */
void broker_memory_hold_takeover(struct broker *broker, bool held);
/* Batches wait while held, as they do when the brokers are away; marks are lost. */
void broker_memory_hold(struct broker *broker, bool held);
void broker_memory_hold_batches(struct broker *broker, bool held);	/* marks are stored all the same */
/* The next batch, and those behind it, are dropped until the next assignment. */
void broker_memory_drop_next(struct broker *broker);
/* Values larger than this are refused; what stands instead goes. 0: none. */
void broker_memory_refuse_above(struct broker *broker, size_t bytes);
void broker_memory_silence(struct broker *broker, int64_t silence_ms, int64_t session_ms);
void broker_memory_fatal(struct broker *broker, const char *text);
size_t broker_memory_under_way(struct broker *broker);	/* batches that it was given and that have not ended */
size_t broker_memory_batches(struct broker *broker);	/* committed so far */
size_t broker_memory_fetches(struct broker *broker);	/* answered so far */

#endif
