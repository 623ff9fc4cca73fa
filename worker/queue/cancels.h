/* cancels.h: which executions are cancelled. Pure: time is given to it.
 *
 * A cancel names an execution id, or a thread, or a thread and a node. It applies to requests that were
 * submitted no later than itself; one by execution id also to those of a window after it, since whoever
 * cancels may be quicker than whoever submits. What it applies to is cancelled wherever it is, so cancels are
 * remembered until no request so old can come, nor a retry that waited meanwhile.
 */
#ifndef CODEWORKER_CANCELS_H
#define CODEWORKER_CANCELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cancel {
	const char *thread_id, *node_id, *execution_id;	/* NULL: any */
	int64_t at_ms;			/* when the broker took it */
};

struct cancels;

/* window_ms: how long one by execution id holds for what is submitted later. reach_ms, no less: how long any
 * is remembered at least. NULL: no memory. */
struct cancels *cancels_new(int64_t window_ms, int64_t reach_ms);
void cancels_free(struct cancels *cancels);

/* Copies nothing but a hash of the names. Of two of the same names the later counts. -1: no memory. */
int cancels_add(struct cancels *cancels, const struct cancel *cancel);

/* Whether this one applies to a request. */
bool cancels_apply(const struct cancels *cancels, const struct cancel *cancel, const char *thread_id,
	const char *node_id, const char *execution_id, int64_t submitted_ms);

/* Whether any of those added does. */
bool cancels_has(const struct cancels *cancels, const char *thread_id, const char *node_id,
	const char *execution_id, int64_t submitted_ms);

/* Forgets those whose reach ended before oldest_ms, when nothing submitted before that can come any more: a
 * few a call. */
void cancels_expire(struct cancels *cancels, int64_t oldest_ms);
size_t cancels_count(const struct cancels *cancels);

#endif
