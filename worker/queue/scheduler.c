/* scheduler.c: see scheduler.h. A key exists while it has a request queued, running or waiting; keys that
 * can start one stand in the fair queue, each in its first request's flow. */
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

/* A key's requests of one source. */
struct scheduler_lane {
	struct fair_item ready;		/* first: in its first request's flow while it can start */
	struct scheduler_key *key;
	struct scheduler_entry *entries;	/* utlist's head */
	struct scheduler_lane *other;	/* of the key, as long as the key lives */
	int source;
};

struct scheduler_key {
	UT_hash_handle hh;
	struct scheduler_lane lane;	/* the first; most have no other */
	bool busy;			/* an attempt runs, or is suspended */
	size_t waiting;			/* retries that are not due */
	size_t size;
	char name[];			/* partition, then the key's bytes */
};

struct scheduler {
	struct scheduler_key *keys;	/* uthash's head */
	struct fair_queue *turns;
	struct scheduler_entry *running;	/* utlist's head */
	struct heap waiting;		/* entries by due time */
	struct heap deadlines;		/* of entries that don't run */
	struct scheduler_entry *entries;	/* all, running or not, in the order in which they came */
	size_t queued[FAIR_SOURCES];
};

struct scheduler *scheduler_new(void)
{
	struct scheduler *scheduler = calloc(1, sizeof *scheduler);
	if (scheduler)
		scheduler->turns = fair_queue_new();
	if (scheduler && !scheduler->turns) {
		free(scheduler);
		return NULL;
	}
	return scheduler;
}

static void key_drop(struct scheduler *scheduler, struct scheduler_key *key)
{
	while (key->lane.other) {
		struct scheduler_lane *other = key->lane.other;
		key->lane.other = other->other;
		free(other);
	}
	HASH_DEL(scheduler->keys, key);
	free(key);
}

void scheduler_free(struct scheduler *scheduler)
{
	struct scheduler_key *key, *following;
	if (!scheduler)
		return;
	HASH_ITER(hh, scheduler->keys, key, following)
		key_drop(scheduler, key);
	fair_queue_free(scheduler->turns);
	free(scheduler);
}

/* ---- keys */

static struct scheduler_key *key_find(struct scheduler *scheduler, int32_t partition,
	const char *name, size_t size, int source)
{
	struct scheduler_key *key, *found;
	size_t whole = sizeof partition + size;
	key = calloc(1, sizeof *key + whole);
	if (!key)
		return NULL;
	memcpy(key->name, &partition, sizeof partition);
	memcpy(key->name + sizeof partition, name, size);
	key->size = whole;
	HASH_FIND(hh, scheduler->keys, key->name, whole, found);
	if (found) {
		free(key);
		return found;
	}
	key->lane.key = key;
	key->lane.source = source;
	HASH_ADD_KEYPTR(hh, scheduler->keys, key->name, whole, key);
	return key;
}

/* NULL: no memory. */
static struct scheduler_lane *lane_find(struct scheduler_key *key, int source)
{
	struct scheduler_lane *lane = &key->lane;
	while (lane && lane->source != source)
		lane = lane->other;
	if (lane || !(lane = calloc(1, sizeof *lane)))
		return lane;
	lane->key = key;
	lane->source = source;
	lane->other = key->lane.other;
	key->lane.other = lane;
	return lane;
}

static void lane_update(struct scheduler *scheduler, struct scheduler_lane *lane)
{
	struct fair_flow *flow = lane->key->busy || !lane->entries ? NULL : lane->entries->flow;
	if (lane->ready.flow == flow)
		return;
	fair_remove(scheduler->turns, &lane->ready);
	if (flow)
		fair_add(scheduler->turns, &lane->ready, flow);
}

/* Puts the key where it now belongs: in the flows of its first requests, in none, or out of the world. */
static void key_update(struct scheduler *scheduler, struct scheduler_key *key)
{
	bool queued = false;
	for (struct scheduler_lane *lane = &key->lane; lane; lane = lane->other) {
		lane_update(scheduler, lane);
		queued = queued || lane->entries;
	}
	if (!key->busy && !queued && key->waiting == 0)
		key_drop(scheduler, key);
}

/* ---- entries, in their lane's queue or among the waiting; key_update is to follow */

static void deadline_watch(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	if (entry->deadline_ms != INT64_MAX)
		heap_add(&scheduler->deadlines, &entry->deadline, entry->deadline_ms);
}

static void entry_queue(struct scheduler *scheduler, struct scheduler_entry *entry, bool first)
{
	struct scheduler_lane *lane = entry->lane;
	if (first)
		DL_PREPEND2(lane->entries, entry, previous, next);
	else
		DL_APPEND2(lane->entries, entry, previous, next);
	entry->state = SCHEDULER_QUEUED;
	scheduler->queued[lane->source]++;
}

static void entry_unqueue(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	DL_DELETE2(entry->lane->entries, entry, previous, next);
	scheduler->queued[entry->lane->source]--;
}

static void entry_wait(struct scheduler *scheduler, struct scheduler_entry *entry, int64_t due_ms)
{
	heap_add(&scheduler->waiting, &entry->due, due_ms);
	entry->state = SCHEDULER_WAITING;
	entry->lane->key->waiting++;
	deadline_watch(scheduler, entry);
}

static void entry_unwait(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	heap_remove(&scheduler->waiting, &entry->due);
	entry->lane->key->waiting--;
	if (entry->holds)
		entry->lane->key->busy = entry->holds = false;
}

/* One that does not run leaves. */
static struct scheduler_entry *entry_out(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	struct fair_flow *flow = entry->flow;
	if (entry->state == SCHEDULER_WAITING)
		entry_unwait(scheduler, entry);
	else
		entry_unqueue(scheduler, entry);
	heap_remove(&scheduler->deadlines, &entry->deadline);
	DL_DELETE2(scheduler->entries, entry, older, newer);
	key_update(scheduler, entry->lane->key);
	fair_flow_give_back(scheduler->turns, flow);
	return entry;
}

/* Into the world, in its flow and of its key; not yet anywhere. */
static int entry_in(struct scheduler *scheduler, struct scheduler_entry *entry, int32_t partition,
	const char *name, size_t size, const struct scheduler_terms *terms)
{
	entry->flow = fair_flow_take(scheduler->turns, &terms->flow);
	if (!entry->flow)
		return -1;
	struct scheduler_key *key = key_find(scheduler, partition, name, size, terms->flow.source);
	entry->lane = key ? lane_find(key, terms->flow.source) : NULL;
	if (!entry->lane) {
		fair_flow_give_back(scheduler->turns, entry->flow);
		return -1;
	}
	entry->deadline_ms = terms->deadline_ms;
	DL_APPEND2(scheduler->entries, entry, older, newer);
	return 0;
}

int scheduler_add(struct scheduler *scheduler, struct scheduler_entry *entry, int32_t partition,
	const char *name, size_t size, const struct scheduler_terms *terms)
{
	if (entry_in(scheduler, entry, partition, name, size, terms) < 0)
		return -1;
	deadline_watch(scheduler, entry);
	entry_queue(scheduler, entry, false);
	key_update(scheduler, entry->lane->key);
	return 0;
}

int scheduler_add_waiting(struct scheduler *scheduler, struct scheduler_entry *entry,
	int32_t partition, const char *name, size_t size, const struct scheduler_terms *terms,
	int64_t due_ms)
{
	if (entry_in(scheduler, entry, partition, name, size, terms) < 0)
		return -1;
	entry_wait(scheduler, entry, due_ms);
	return 0;
}

/* ---- attempts */

struct scheduler_entry *scheduler_next(struct scheduler *scheduler, int64_t now_ms)
{
	struct fair_cost charged;
	struct fair_item *item = fair_next(scheduler->turns, now_ms, &charged);
	if (!item)
		return NULL;
	struct scheduler_lane *lane = (struct scheduler_lane *)(void *)item;
	struct scheduler_entry *entry = lane->entries;
	entry_unqueue(scheduler, entry);
	heap_remove(&scheduler->deadlines, &entry->deadline);
	entry->state = SCHEDULER_RUNNING;
	entry->charged = charged;
	entry->measured = false;
	entry->started_ms = now_ms;
	DL_APPEND2(scheduler->running, entry, previous, next);
	lane->key->busy = true;
	key_update(scheduler, lane->key);	/* its other lanes wait */
	return entry;
}

void scheduler_measured(struct scheduler_entry *entry, int64_t wall_us, int64_t cpu_us)
{
	entry->cost = (struct fair_cost){wall_us, cpu_us};
	entry->measured = true;
}

static void settle(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	fair_settle(scheduler->turns, entry->flow, &entry->charged,
		entry->measured ? &entry->cost : NULL);
}

/* The key is free. Where several sources wait for it, they do so before its attempt is settled: with nothing
 * else about, all would start even, and the first of them would have every turn. */
static void key_free(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	struct scheduler_key *key = entry->lane->key;
	bool shared = key->lane.other != NULL;
	key->busy = false;
	if (!shared)
		settle(scheduler, entry);
	key_update(scheduler, key);
	if (shared)
		settle(scheduler, entry);
}

void scheduler_put_back(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	DL_DELETE2(scheduler->running, entry, previous, next);
	entry_queue(scheduler, entry, true);
	deadline_watch(scheduler, entry);
	key_free(scheduler, entry);
}

void scheduler_suspend(struct scheduler *scheduler, struct scheduler_entry *entry, int64_t due_ms)
{
	DL_DELETE2(scheduler->running, entry, previous, next);
	settle(scheduler, entry);
	entry->holds = true;
	entry_wait(scheduler, entry, due_ms);
}

void scheduler_finish(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	DL_DELETE2(scheduler->running, entry, previous, next);
	DL_DELETE2(scheduler->entries, entry, older, newer);
	key_free(scheduler, entry);
	fair_flow_give_back(scheduler->turns, entry->flow);
}

void scheduler_tick(struct scheduler *scheduler, int64_t now_ms)
{
	struct scheduler_entry *entry;
	DL_FOREACH2(scheduler->running, entry, next)
		fair_accrue(scheduler->turns, entry->flow, &entry->charged,
			(now_ms - entry->started_ms) * 1000);
	fair_tick(scheduler->turns, now_ms);
	while ((entry = heap_first(&scheduler->waiting, struct scheduler_entry, due)) &&
			entry->due.order <= now_ms) {
		entry_unwait(scheduler, entry);
		entry_queue(scheduler, entry, true);
		key_update(scheduler, entry->lane->key);
	}
}

int64_t scheduler_due_ms(const struct scheduler *scheduler)
{
	const struct heap *const heaps[] = {&scheduler->waiting, &scheduler->deadlines};
	int64_t due_ms = fair_due_ms(scheduler->turns);
	for (size_t i = 0; i < 2; i++)
		if (heaps[i]->root && heaps[i]->root->order < due_ms)
			due_ms = heaps[i]->root->order;
	return due_ms;
}

/* ---- leaving without having run */

struct scheduler_entry *scheduler_expire(struct scheduler *scheduler, int64_t now_ms)
{
	struct scheduler_entry *entry =
		heap_first(&scheduler->deadlines, struct scheduler_entry, deadline);
	return entry && entry->deadline_ms <= now_ms ? entry_out(scheduler, entry) : NULL;
}

struct scheduler_entry *scheduler_drop(struct scheduler *scheduler)
{
	struct scheduler_key *key, *following;
	struct scheduler_entry *entry =
		heap_first(&scheduler->waiting, struct scheduler_entry, due);
	if (entry)
		return entry_out(scheduler, entry);
	HASH_ITER(hh, scheduler->keys, key, following)
		for (struct scheduler_lane *lane = &key->lane; lane; lane = lane->other)
			if (lane->entries)
				return entry_out(scheduler, lane->entries);
	return NULL;
}

struct scheduler_entry *scheduler_extract(struct scheduler *scheduler,
	bool (*wanted)(const struct scheduler_entry *entry, void *context), void *context)
{
	struct scheduler_entry *entry, *following, *first = NULL, **end = &first;
	DL_FOREACH_SAFE2(scheduler->entries, entry, following, newer) {
		if (entry->state == SCHEDULER_RUNNING || !wanted(entry, context))
			continue;
		*end = entry_out(scheduler, entry);
		entry->next = NULL;
		end = &entry->next;
	}
	return first;
}

size_t scheduler_queued(const struct scheduler *scheduler)
{
	size_t count = 0;
	for (int i = 0; i < FAIR_SOURCES; i++)
		count += scheduler->queued[i];
	return count;
}

size_t scheduler_queued_of(const struct scheduler *scheduler, int source)
{
	return scheduler->queued[source];
}

size_t scheduler_waiting(const struct scheduler *scheduler)
{
	return scheduler->waiting.count;
}

size_t scheduler_held(const struct scheduler *scheduler, const char **tenant, int64_t *until_ms)
{
	return fair_held(scheduler->turns, tenant, until_ms);
}
