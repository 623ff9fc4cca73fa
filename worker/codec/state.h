/* state.h: the records of code.state: what committed offsets can't say.
 *
 * "final": an execution has its final result. "retry": an attempt failed, and the next one is in code.retries
 * until its time. Both are in the transaction with what they tell of, tell a successor what is finished beyond the
 * watermark, and make a resubmission run nothing. "started" and "handed-back" come of a plain producer:
 * what was started and neither ended nor was handed back took its worker down (crash_marks.h).
 * Values are JSON, since they are small and an operator may want to read them.
 */
#ifndef CODEWORKER_STATE_H
#define CODEWORKER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../arena.h"
#include "contract.h"

/* A 128-bit name of (threadId, nodeId, executionId). */
struct execution_name {
	uint64_t low, high;
};

struct execution_name execution_name(const char *thread_id, const char *node_id,
	const char *execution_id);

/* Stands for the request at this offset of its partition, whatever is in it. */
struct execution_name offset_name(int64_t offset);

enum state_type {
	STATE_FINAL,
	STATE_RETRY,
	STATE_STARTED,
	STATE_HANDED_BACK,
	STATE_TYPES
};

#define STATE_TOPIC_BYTES 250		/* the longest name of a topic is 249 */

struct state_mark {
	enum state_type type;
	/* Written: of a request that could not be read, all are NULL, and only the offset is remembered. */
	const char *thread_id, *node_id, *execution_id;
	struct execution_name name;	/* read */
	char topic[STATE_TOPIC_BYTES];	/* that the offset is of; "": not told */
	int64_t offset, at_ms;
	int64_t due_ms;			/* of a retry */
	uint64_t incarnation;		/* of the worker: started, handed-back */
};

/* The record's value, in arena; NULL when there is no room. */
const char *state_write(struct arena *arena, const struct state_mark *mark);

/* Returns false when it is of no kind that is known: a newer worker's. */
bool state_read(const void *value, size_t size, struct state_mark *mark);

bool execution_same(struct execution_name a, struct execution_name b);

/* Which execution a predecessor finished at which offset of a partition. An empty table is NULL. */
struct finished;

/* The last one of an offset counts. -1: no memory. */
int finished_add(struct finished **table, int64_t offset, struct execution_name name);
bool finished_find(struct finished *table, int64_t offset, struct execution_name *name);
void finished_remove(struct finished **table, int64_t offset);
void finished_clear(struct finished **table);

/* Executions that are final, with the time until which that is remembered. */
struct dedupe;

struct dedupe *dedupe_new(int64_t window_ms);
void dedupe_free(struct dedupe *dedupe);
/* It became final at at_ms. Of one that is final the later time counts. -1: no memory. */
int dedupe_add(struct dedupe *dedupe, int32_t partition, struct execution_name name, int64_t at_ms);
/* It is not final yet: queued, running, waiting for a retry; this does not expire. Replaces what was known.
 * -1: no memory. */
int dedupe_pend(struct dedupe *dedupe, int32_t partition, struct execution_name name);
/* It will not be final: the next copy is a new one. */
void dedupe_unpend(struct dedupe *dedupe, int32_t partition, struct execution_name name);
/* Final within the window, or pending. copy_ms: when the copy was submitted. */
bool dedupe_has(const struct dedupe *dedupe, int32_t partition, struct execution_name name,
	int64_t copy_ms);
bool dedupe_is_final(const struct dedupe *dedupe, int32_t partition, struct execution_name name,
	int64_t copy_ms);
/* Forgets what is older than the window when no copy submitted before oldest_ms can come: a few a call. */
void dedupe_expire(struct dedupe *dedupe, int64_t oldest_ms);
void dedupe_clear(struct dedupe *dedupe);
size_t dedupe_count(const struct dedupe *dedupe);

#endif
