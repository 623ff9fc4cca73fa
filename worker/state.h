/* state.h: the records of code.state: what committed offsets can't say.
 *
 * "final": an execution has its final result, in the same transaction. It tells a successor what is
 * finished beyond the watermark, and makes a resubmission inside the dedupe window run nothing.
 * Values are JSON, since they are small and an operator may want to read them.
 */
#ifndef CODEWORKER_STATE_H
#define CODEWORKER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "contract.h"

/* A 128-bit name of (threadId, nodeId, executionId). */
struct execution_name {
	uint64_t low, high;
};

struct execution_name execution_name(const char *thread_id, const char *node_id,
	const char *execution_id);

/* Stands for the request at this offset of its partition, whatever is in it. */
struct execution_name offset_name(int64_t offset);

/* The value of a final record, in arena; NULL when there is no room. Ids may be NULL: of a request
 * that could not be read, only the offset is remembered. */
const char *state_final(struct arena *arena, const char *thread_id, const char *node_id,
	const char *execution_id, int64_t offset, int64_t now_ms);

/* Reads a record. Returns false when it is of no kind that is known: a newer worker's. */
bool state_read_final(const void *value, size_t size, struct execution_name *name, int64_t *offset,
	int64_t *at_ms);

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

#define DEDUPE_PENDING (INT64_MAX / 2)	/* as at_ms: not final yet, does not expire */

struct dedupe *dedupe_new(int64_t window_ms);
void dedupe_free(struct dedupe *dedupe);
/* at_ms: when it became final. Of one that is known the later time counts. -1: no memory. */
int dedupe_add(struct dedupe *dedupe, int32_t partition, struct execution_name name, int64_t at_ms);
/* copy_ms: when the copy was submitted. */
bool dedupe_has(struct dedupe *dedupe, int32_t partition, struct execution_name name,
	int64_t copy_ms);
void dedupe_remove(struct dedupe *dedupe, int32_t partition, struct execution_name name);
/* Forgets what is older than the window when no copy submitted before oldest_ms can come: a few a call. */
void dedupe_expire(struct dedupe *dedupe, int64_t oldest_ms);
void dedupe_clear(struct dedupe *dedupe);
size_t dedupe_count(const struct dedupe *dedupe);

#endif
