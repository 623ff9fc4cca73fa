/* retry_index.h: retries that are not due for long: when, and where in code.retries they are. Pure.
 *
 * Their bodies are not kept; each is fetched again shortly before it is due. A binary heap by due time, then by
 * offset, so that the order of due times holds whatever the order of arrival.
 */
#ifndef CODEWORKER_RETRY_INDEX_H
#define CODEWORKER_RETRY_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "../broker/broker.h"
#include "../codec/state.h"

struct waiting_retry {
	struct broker_place place;
	int64_t due_ms;
	int64_t stored_ms;		/* when it came to the topic */
	uint64_t thread, node, execution;	/* hashes of whose it is */
	struct execution_name name;
};

struct retry_index;

struct retry_index *retry_index_new(void);	/* NULL: no memory */
void retry_index_free(struct retry_index *index);

int retry_index_add(struct retry_index *index, const struct waiting_retry *retry);	/* -1: no memory */
/* Takes out the one that is due first, when that is at before_ms or earlier. */
bool retry_index_take(struct retry_index *index, int64_t before_ms, struct waiting_retry *retry);
/* Those that wanted() says yes to are due at once. Returns how many. */
size_t retry_index_hurry(struct retry_index *index,
	bool (*wanted)(const struct waiting_retry *retry, void *context), void *context);
int64_t retry_index_due_ms(const struct retry_index *index);	/* of the first; INT64_MAX: none */
void retry_index_clear(struct retry_index *index);
size_t retry_index_count(const struct retry_index *index);

#endif
