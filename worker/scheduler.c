/* scheduler.c: see scheduler.h. A key exists while it has a request queued, running or waiting; keys that
 * can start one stand in the ready list. */
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

struct scheduler_key {
	UT_hash_handle hh;
	struct scheduler_key *ready_next;
	struct scheduler_entry *first, *last;
	bool busy;			/* an attempt runs */
	bool ready;			/* in the ready list */
	size_t waiting;			/* retries that are not due */
	size_t size;
	char name[];			/* partition, then the key's bytes */
};

struct scheduler {
	struct scheduler_key *keys;	/* uthash's head */
	struct scheduler_key *ready_first, *ready_last;
	struct scheduler_entry *waiting;	/* by due time, then arrival */
	size_t queued_count, waiting_count;
};

struct scheduler *scheduler_new(void)
{
	return calloc(1, sizeof(struct scheduler));
}

void scheduler_free(struct scheduler *scheduler)
{
	struct scheduler_key *key, *following;
	if (!scheduler)
		return;
	HASH_ITER(hh, scheduler->keys, key, following) {
		HASH_DEL(scheduler->keys, key);
		free(key);
	}
	free(scheduler);
}

static struct scheduler_key *key_find(struct scheduler *scheduler, int32_t partition,
	const char *name, size_t size)
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
	HASH_ADD_KEYPTR(hh, scheduler->keys, key->name, whole, key);
	return key;
}

static void key_ready(struct scheduler *scheduler, struct scheduler_key *key)
{
	if (key->busy || key->ready || !key->first)
		return;
	key->ready = true;
	key->ready_next = NULL;
	if (scheduler->ready_last)
		scheduler->ready_last->ready_next = key;
	else
		scheduler->ready_first = key;
	scheduler->ready_last = key;
}

static void key_drop_if_unused(struct scheduler *scheduler, struct scheduler_key *key)
{
	if (key->busy || key->ready || key->first || key->waiting > 0)
		return;
	HASH_DEL(scheduler->keys, key);
	free(key);
}

int scheduler_add(struct scheduler *scheduler, struct scheduler_entry *entry, int32_t partition,
	const char *name, size_t size)
{
	struct scheduler_key *key = key_find(scheduler, partition, name, size);
	if (!key)
		return -1;
	entry->key = key;
	entry->next = NULL;
	if (key->last)
		key->last->next = entry;
	else
		key->first = entry;
	key->last = entry;
	scheduler->queued_count++;
	key_ready(scheduler, key);
	return 0;
}

static struct scheduler_entry *key_pop(struct scheduler *scheduler, struct scheduler_key *key)
{
	struct scheduler_entry *entry = key->first;
	key->first = entry->next;
	if (!key->first)
		key->last = NULL;
	entry->next = NULL;
	scheduler->queued_count--;
	return entry;
}

static void key_push_front(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	struct scheduler_key *key = entry->key;
	entry->next = key->first;
	key->first = entry;
	if (!key->last)
		key->last = entry;
	scheduler->queued_count++;
}

struct scheduler_entry *scheduler_next(struct scheduler *scheduler)
{
	struct scheduler_key *key = scheduler->ready_first;
	if (!key)
		return NULL;
	scheduler->ready_first = key->ready_next;
	if (!scheduler->ready_first)
		scheduler->ready_last = NULL;
	key->ready = false;
	key->busy = true;
	return key_pop(scheduler, key);
}

void scheduler_put_back(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	entry->key->busy = false;
	key_push_front(scheduler, entry);
	key_ready(scheduler, entry->key);
}

static void waiting_add(struct scheduler *scheduler, struct scheduler_entry *entry, int64_t due_ms)
{
	struct scheduler_entry **at = &scheduler->waiting;
	entry->due_ms = due_ms;
	while (*at && (*at)->due_ms <= due_ms)
		at = &(*at)->next;
	entry->next = *at;
	*at = entry;
	scheduler->waiting_count++;
	entry->key->waiting++;
}

void scheduler_retry(struct scheduler *scheduler, struct scheduler_entry *entry, int64_t due_ms)
{
	waiting_add(scheduler, entry, due_ms);
	entry->key->busy = false;
	key_ready(scheduler, entry->key);
}

void scheduler_suspend(struct scheduler *scheduler, struct scheduler_entry *entry, int64_t due_ms)
{
	entry->holds = true;
	waiting_add(scheduler, entry, due_ms);
}

void scheduler_finish(struct scheduler *scheduler, struct scheduler_entry *entry)
{
	struct scheduler_key *key = entry->key;
	key->busy = false;
	key_ready(scheduler, key);
	key_drop_if_unused(scheduler, key);
}

static struct scheduler_entry *waiting_pop(struct scheduler *scheduler)
{
	struct scheduler_entry *entry = scheduler->waiting;
	scheduler->waiting = entry->next;
	scheduler->waiting_count--;
	entry->key->waiting--;
	entry->next = NULL;
	if (entry->holds)
		entry->key->busy = entry->holds = false;
	return entry;
}

int64_t scheduler_tick(struct scheduler *scheduler, int64_t now_ms)
{
	while (scheduler->waiting && scheduler->waiting->due_ms <= now_ms) {
		struct scheduler_entry *entry = waiting_pop(scheduler);
		key_push_front(scheduler, entry);
		key_ready(scheduler, entry->key);
	}
	return scheduler->waiting ? scheduler->waiting->due_ms : INT64_MAX;
}

static void ready_remove(struct scheduler *scheduler, struct scheduler_key *key)
{
	struct scheduler_key **at = &scheduler->ready_first, *before = NULL;
	while (*at && *at != key) {
		before = *at;
		at = &(*at)->ready_next;
	}
	if (!*at)
		return;
	*at = key->ready_next;
	if (scheduler->ready_last == key)
		scheduler->ready_last = before;
	key->ready = false;
}

struct scheduler_entry *scheduler_drop(struct scheduler *scheduler)
{
	struct scheduler_key *key, *following;
	struct scheduler_entry *entry = NULL;
	if (scheduler->waiting) {
		entry = waiting_pop(scheduler);
	} else {
		HASH_ITER(hh, scheduler->keys, key, following)
			if (key->first) {
				entry = key_pop(scheduler, key);
				break;
			}
	}
	if (!entry)
		return NULL;
	if (!entry->key->first)
		ready_remove(scheduler, entry->key);
	key_drop_if_unused(scheduler, entry->key);
	return entry;
}

struct extraction {
	bool (*wanted)(const struct scheduler_entry *entry, void *context);
	void *context;
	struct scheduler_entry *first, **end;
};

/* Moves the entry that *at points to, if it is wanted. */
static bool extract(struct extraction *extraction, struct scheduler_entry **at)
{
	struct scheduler_entry *entry = *at;
	if (!extraction->wanted(entry, extraction->context))
		return false;
	*at = entry->next;
	entry->next = NULL;
	*extraction->end = entry;
	extraction->end = &entry->next;
	return true;
}

static void waiting_extract(struct scheduler *scheduler, struct extraction *extraction)
{
	struct scheduler_entry **at = &scheduler->waiting;
	while (*at) {
		struct scheduler_entry *entry = *at;
		struct scheduler_key *key = entry->key;
		if (!extract(extraction, at)) {
			at = &entry->next;
			continue;
		}
		scheduler->waiting_count--;
		key->waiting--;
		if (entry->holds)
			key->busy = entry->holds = false;
		key_ready(scheduler, key);
		key_drop_if_unused(scheduler, key);
	}
}

static void queue_extract(struct scheduler *scheduler, struct scheduler_key *key,
	struct extraction *extraction)
{
	struct scheduler_entry **at = &key->first;
	key->last = NULL;
	while (*at) {
		struct scheduler_entry *entry = *at;
		if (extract(extraction, at)) {
			scheduler->queued_count--;
		} else {
			key->last = entry;
			at = &entry->next;
		}
	}
	if (!key->first && key->ready)
		ready_remove(scheduler, key);
	key_drop_if_unused(scheduler, key);
}

struct scheduler_entry *scheduler_extract(struct scheduler *scheduler,
	bool (*wanted)(const struct scheduler_entry *entry, void *context), void *context)
{
	struct scheduler_key *key, *following;
	struct extraction extraction = {.wanted = wanted, .context = context};
	extraction.end = &extraction.first;
	waiting_extract(scheduler, &extraction);
	HASH_ITER(hh, scheduler->keys, key, following)
		queue_extract(scheduler, key, &extraction);
	return extraction.first;
}

size_t scheduler_queued(const struct scheduler *scheduler)
{
	return scheduler->queued_count;
}

size_t scheduler_waiting(const struct scheduler *scheduler)
{
	return scheduler->waiting_count;
}
