/* cancels.c: see cancels.h. One table by the hash of the three names, where an empty one, which no request
 * has, stands for any. A request is looked up under each set of names that a cancel may give. */
#include "cancels.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "../codec/state.h"

#define EXPIRED_A_CALL 100

struct remembered {
	UT_hash_handle hh;
	struct execution_name name;
	int64_t at_ms;
	bool by_execution;
};

struct cancels {
	struct remembered *table;	/* uthash's head: in the order in which they came */
	int64_t window_ms, reach_ms;
};

struct cancels *cancels_new(int64_t window_ms, int64_t reach_ms)
{
	struct cancels *cancels = calloc(1, sizeof *cancels);
	if (cancels)
		*cancels = (struct cancels){.window_ms = window_ms, .reach_ms = reach_ms};
	return cancels;
}

static void forget(struct cancels *cancels, struct remembered *known)
{
	HASH_DEL(cancels->table, known);
	free(known);
}

void cancels_free(struct cancels *cancels)
{
	struct remembered *known, *following;
	if (!cancels)
		return;
	HASH_ITER(hh, cancels->table, known, following)
		forget(cancels, known);
	free(cancels);
}

static struct execution_name name_of(const char *thread_id, const char *node_id,
	const char *execution_id)
{
	return execution_name(thread_id ? thread_id : "", node_id ? node_id : "",
		execution_id ? execution_id : "");
}

static struct remembered *find(const struct cancels *cancels, struct execution_name name)
{
	struct remembered *known;
	HASH_FIND(hh, cancels->table, &name, sizeof name, known);
	return known;
}

int cancels_add(struct cancels *cancels, const struct cancel *cancel)
{
	struct execution_name name = name_of(cancel->thread_id, cancel->node_id,
		cancel->execution_id);
	struct remembered *known = find(cancels, name);
	if (known && known->at_ms >= cancel->at_ms)
		return 0;
	if (known) {
		HASH_DEL(cancels->table, known);
	} else {
		known = calloc(1, sizeof *known);
		if (!known)
			return -1;
	}
	known->name = name;
	known->at_ms = cancel->at_ms;
	known->by_execution = cancel->execution_id != NULL;
	HASH_ADD(hh, cancels->table, name, sizeof known->name, known);
	return 0;
}

static bool in_time(const struct cancels *cancels, int64_t at_ms, bool by_execution,
	int64_t submitted_ms)
{
	return submitted_ms <= at_ms + (by_execution ? cancels->window_ms : 0);
}

static bool is_any_or(const char *wanted, const char *name)
{
	return !wanted || strcmp(wanted, name) == 0;
}

bool cancels_apply(const struct cancels *cancels, const struct cancel *cancel, const char *thread_id,
	const char *node_id, const char *execution_id, int64_t submitted_ms)
{
	return is_any_or(cancel->thread_id, thread_id) && is_any_or(cancel->node_id, node_id) &&
		is_any_or(cancel->execution_id, execution_id) &&
		in_time(cancels, cancel->at_ms, cancel->execution_id != NULL, submitted_ms);
}

bool cancels_has(const struct cancels *cancels, const char *thread_id, const char *node_id,
	const char *execution_id, int64_t submitted_ms)
{
	const char *const names[][3] = {{thread_id, NULL, NULL}, {thread_id, node_id, NULL},
		{NULL, NULL, execution_id}, {thread_id, NULL, execution_id},
		{NULL, node_id, execution_id}, {thread_id, node_id, execution_id}};
	for (size_t i = 0; cancels->table && i < sizeof names / sizeof *names; i++) {
		const struct remembered *known = find(cancels,
			name_of(names[i][0], names[i][1], names[i][2]));
		if (known && in_time(cancels, known->at_ms, known->by_execution, submitted_ms))
			return true;
	}
	return false;
}

void cancels_expire(struct cancels *cancels, int64_t oldest_ms)
{
	for (int i = 0; i < EXPIRED_A_CALL && cancels->table &&
			cancels->table->at_ms + cancels->reach_ms < oldest_ms; i++)
		forget(cancels, cancels->table);
}

size_t cancels_count(const struct cancels *cancels)
{
	return HASH_COUNT(cancels->table);
}
