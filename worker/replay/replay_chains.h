/* replay_chains.h: which executions have a replay already, and which generation is free.
 *
 * One entry for each chain (replay_id.h) of which a replay is known: from what stands in the
 * topics, and from what was put back meanwhile. Ids and numbers alone, so reading every request
 * once is enough. Pure.
 */
#ifndef CODEWORKER_REPLAY_CHAINS_H
#define CODEWORKER_REPLAY_CHAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "../../sandbox/err.h"

/* Without force, no execution is put back more often: a request that always fails would go round
 * for ever between its topic and a replay that is run again and again. */
#define REPLAY_GENERATIONS 10

struct replay_chains;

struct replay_execution {		/* borrowed */
	const char *thread_id, *node_id, *execution_id;
};

struct replay_chains *replay_chains_new(void);		/* NULL: no memory */
void replay_chains_free(struct replay_chains *chains);

/* Notes an execution that exists; one that is no replay changes nothing. Returns 0, or -1: ERR_MEMORY. */
int replay_chains_note(struct replay_chains *chains, const struct replay_execution *execution,
	struct err *err);

enum replay_answer {
	REPLAY_FREE,			/* *generation is the next free one */
	REPLAY_EXISTS,			/* it has a replay */
	REPLAY_TAKEN,			/* this run has put it back already */
	REPLAY_TOO_OFTEN,		/* REPLAY_GENERATIONS are reached */
};
enum replay_answer replay_chains_ask(const struct replay_chains *chains,
	const struct replay_execution *execution, bool force, uint32_t *generation);

/* Notes that execution was put back as this generation; 0: that it was seen to, with no replay made of it. */
int replay_chains_take(struct replay_chains *chains, const struct replay_execution *execution,
	uint32_t generation, struct err *err);

#endif
