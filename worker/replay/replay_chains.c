/* replay_chains.c: see replay_chains.h. */
#include "replay_chains.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "replay_id.h"

struct chain {
	UT_hash_handle hh;
	uint32_t newest;		/* generation that is known; 0: the root alone */
	uint32_t taken;			/* 1 + the newest generation that this run has put back */
	char key[];
};

struct replay_chains {
	struct chain *table;
};

struct replay_chains *replay_chains_new(void)
{
	return calloc(1, sizeof(struct replay_chains));
}

void replay_chains_free(struct replay_chains *chains)
{
	struct chain *chain, *next;
	if (!chains)
		return;
	HASH_ITER(hh, chains->table, chain, next) {
		HASH_DEL(chains->table, chain);
		free(chain);
	}
	free(chains);
}

/* A NUL behind each part: no id holds one. */
static struct chain *chain_new(const struct replay_execution *execution, uint32_t *generation,
	size_t *key_size)
{
	size_t thread = strlen(execution->thread_id) + 1, node = strlen(execution->node_id) + 1;
	size_t root = replay_id_root(execution->execution_id, generation);
	struct chain *chain = calloc(1, sizeof *chain + thread + node + root);
	*key_size = thread + node + root;
	if (!chain)
		return NULL;
	memcpy(chain->key, execution->thread_id, thread);
	memcpy(chain->key + thread, execution->node_id, node);
	memcpy(chain->key + thread + node, execution->execution_id, root);
	return chain;
}

/* The chain, made if need be. NULL: no memory. */
static struct chain *chain_get(struct replay_chains *chains,
	const struct replay_execution *execution, uint32_t *generation)
{
	size_t key_size;
	struct chain *found, *made = chain_new(execution, generation, &key_size);
	if (!made)
		return NULL;
	HASH_FIND(hh, chains->table, made->key, key_size, found);
	if (found) {
		free(made);
		return found;
	}
	HASH_ADD_KEYPTR(hh, chains->table, made->key, key_size, made);
	return made;
}

int replay_chains_note(struct replay_chains *chains, const struct replay_execution *execution,
	struct err *err)
{
	uint32_t generation;
	replay_id_root(execution->execution_id, &generation);
	if (generation == 0)
		return 0;
	struct chain *chain = chain_get(chains, execution, &generation);
	if (!chain)
		return err_set(err, ERR_MEMORY, "no memory for the replays that exist");
	if (generation > chain->newest)
		chain->newest = generation;
	return 0;
}

enum replay_answer replay_chains_ask(const struct replay_chains *chains,
	const struct replay_execution *execution, bool force, uint32_t *generation)
{
	size_t key_size;
	uint32_t own;
	struct chain *found = NULL, *wanted = chain_new(execution, &own, &key_size);
	if (wanted)
		HASH_FIND(hh, chains->table, wanted->key, key_size, found);
	free(wanted);
	uint32_t newest = found && found->newest > own ? found->newest : own;
	if (found && found->taken > own)
		return REPLAY_TAKEN;
	if (newest > own && !force)
		return REPLAY_EXISTS;
	if (newest >= (force ? REPLAY_GENERATION_MAX : REPLAY_GENERATIONS))
		return REPLAY_TOO_OFTEN;
	*generation = newest + 1;
	return REPLAY_FREE;
}

int replay_chains_take(struct replay_chains *chains, const struct replay_execution *execution,
	uint32_t generation, struct err *err)
{
	uint32_t own;
	struct chain *chain = chain_get(chains, execution, &own);
	if (!chain)
		return err_set(err, ERR_MEMORY, "no memory for the replays of this run");
	if (generation > chain->newest)
		chain->newest = generation;
	chain->taken = own + 1;
	return 0;
}
