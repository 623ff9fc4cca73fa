/* state.c: see state.h. */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <uthash.h>
#include <xxhash.h>

/* The parts are hashed with their lengths, so that "a","bc" is not "ab","c". */
struct execution_name execution_name(const char *thread_id, const char *node_id,
	const char *execution_id)
{
	const char *parts[] = {thread_id, node_id, execution_id};
	XXH128_hash_t hash = {0, 0};
	for (size_t i = 0; i < 3; i++) {
		XXH128_hash_t part = XXH3_128bits_withSeed(parts[i], strlen(parts[i]), hash.low64);
		hash.low64 = part.low64;
		hash.high64 = part.high64 ^ (hash.high64 * 0x9e3779b97f4a7c15ull + i);
	}
	return (struct execution_name){hash.low64, hash.high64};
}

static const char *const types[STATE_TYPES] = {
	[STATE_FINAL] = "final",
	[STATE_RETRY] = "retry",
	[STATE_STARTED] = "started",
	[STATE_HANDED_BACK] = "handed-back",
};

static bool has_incarnation(enum state_type type)
{
	return type == STATE_STARTED || type == STATE_HANDED_BACK;
}

const char *state_write(struct arena *arena, const struct state_mark *mark)
{
	char incarnation[17];
	json_t *json = json_pack("{s:s, s:s, s:I, s:I}", "type", types[mark->type], "topic",
		mark->topic, "offset", (json_int_t)mark->offset, "at", (json_int_t)mark->at_ms);
	snprintf(incarnation, sizeof incarnation, "%016llx", (unsigned long long)mark->incarnation);
	bool whole = json != NULL;
	if (whole && has_incarnation(mark->type))
		whole = json_object_set_new(json, "worker", json_string(incarnation)) == 0;
	if (whole && mark->type == STATE_RETRY)
		whole = json_object_set_new(json, "due", json_integer(mark->due_ms)) == 0;
	if (whole && mark->thread_id && mark->node_id && mark->execution_id)
		whole = json_object_set_new(json, "threadId", json_string(mark->thread_id)) == 0 &&
			json_object_set_new(json, "nodeId", json_string(mark->node_id)) == 0 &&
			json_object_set_new(json, "executionId", json_string(mark->execution_id)) == 0;
	char *text = whole ? json_dumps(json, JSON_COMPACT) : NULL;
	const char *copy = text ? arena_string(arena, text) : NULL;
	free(text);
	json_decref(json);
	return copy;
}

static const char *member(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static bool number(const json_t *json, const char *name, int64_t *value)
{
	const json_t *found = json_object_get(json, name);
	*value = json_integer_value(found);
	return json_is_integer(found);
}

static bool type_read(const json_t *json, enum state_type *type)
{
	const char *name = member(json, "type");
	for (int i = 0; name && i < STATE_TYPES; i++)
		if (strcmp(name, types[i]) == 0) {
			*type = (enum state_type)i;
			return true;
		}
	return false;
}

static bool mark_read(const json_t *json, struct state_mark *mark)
{
	const char *topic = member(json, "topic"), *worker = member(json, "worker");
	const char *thread_id = member(json, "threadId"), *node_id = member(json, "nodeId"),
		*execution_id = member(json, "executionId");
	*mark = (struct state_mark){0};
	if (!type_read(json, &mark->type) || !number(json, "offset", &mark->offset) ||
			!number(json, "at", &mark->at_ms) ||
			(mark->type == STATE_RETRY && !number(json, "due", &mark->due_ms)) ||
			(has_incarnation(mark->type) && !worker))
		return false;
	if (topic && strlen(topic) < sizeof mark->topic)
		memcpy(mark->topic, topic, strlen(topic) + 1);
	if (worker)
		mark->incarnation = strtoull(worker, NULL, 16);
	mark->name = thread_id && node_id && execution_id ?
		execution_name(thread_id, node_id, execution_id) : offset_name(mark->offset);
	return true;
}

bool state_read(const void *value, size_t size, struct state_mark *mark)
{
	json_t *json = value ? json_loadb(value, size, 0, NULL) : NULL;
	bool read = json_is_object(json) && mark_read(json, mark);
	json_decref(json);
	return read;
}

struct execution_name offset_name(int64_t offset)
{
	return (struct execution_name){(uint64_t)offset, UINT64_MAX};
}

bool execution_same(struct execution_name a, struct execution_name b)
{
	return a.low == b.low && a.high == b.high;
}

struct finished {
	UT_hash_handle hh;
	int64_t offset;
	struct execution_name name;
};

static struct finished *finished_at(struct finished *table, int64_t offset)
{
	struct finished *found;
	HASH_FIND(hh, table, &offset, sizeof offset, found);
	return found;
}

int finished_add(struct finished **table, int64_t offset, struct execution_name name)
{
	struct finished *entry = finished_at(*table, offset);
	if (!entry) {
		entry = calloc(1, sizeof *entry);
		if (!entry)
			return -1;
		entry->offset = offset;
		HASH_ADD(hh, *table, offset, sizeof entry->offset, entry);
	}
	entry->name = name;
	return 0;
}

bool finished_find(struct finished *table, int64_t offset, struct execution_name *name)
{
	const struct finished *entry = finished_at(table, offset);
	if (entry)
		*name = entry->name;
	return entry != NULL;
}

void finished_remove(struct finished **table, int64_t offset)
{
	struct finished *entry = finished_at(*table, offset);
	if (!entry)
		return;
	HASH_DEL(*table, entry);
	free(entry);
}

void finished_clear(struct finished **table)
{
	struct finished *entry, *following;
	HASH_ITER(hh, *table, entry, following) {
		HASH_DEL(*table, entry);
		free(entry);
	}
}

#define PENDING (INT64_MAX / 2)	/* does not expire */

struct remembered {
	UT_hash_handle hh;
	struct {
		struct execution_name name;
		int64_t partition;
	} key;
	int64_t at_ms;			/* PENDING: not final */
};

struct dedupe {
	int64_t window_ms;
	struct remembered *table;	/* uthash keeps the order of insertion: oldest first */
};

struct dedupe *dedupe_new(int64_t window_ms)
{
	struct dedupe *dedupe = calloc(1, sizeof *dedupe);
	if (dedupe)
		dedupe->window_ms = window_ms;
	return dedupe;
}

static struct remembered *find(const struct dedupe *dedupe, int32_t partition,
	struct execution_name name)
{
	struct remembered wanted, *found;
	memset(&wanted, 0, sizeof wanted);
	wanted.key.name = name;
	wanted.key.partition = partition;
	HASH_FIND(hh, dedupe->table, &wanted.key, sizeof wanted.key, found);
	return found;
}

/* Known from now on as of this time, and the newest of all. */
static int put(struct dedupe *dedupe, int32_t partition, struct execution_name name, int64_t at_ms)
{
	struct remembered *known = find(dedupe, partition, name);
	if (known)
		HASH_DEL(dedupe->table, known);
	else
		known = calloc(1, sizeof *known);
	if (!known)
		return -1;
	known->key.name = name;
	known->key.partition = partition;
	known->at_ms = at_ms;
	HASH_ADD(hh, dedupe->table, key, sizeof known->key, known);
	return 0;
}

int dedupe_add(struct dedupe *dedupe, int32_t partition, struct execution_name name, int64_t at_ms)
{
	const struct remembered *known = find(dedupe, partition, name);
	if (known && known->at_ms != PENDING && known->at_ms >= at_ms)
		return 0;
	return put(dedupe, partition, name, at_ms);
}

int dedupe_pend(struct dedupe *dedupe, int32_t partition, struct execution_name name)
{
	return put(dedupe, partition, name, PENDING);
}

bool dedupe_has(const struct dedupe *dedupe, int32_t partition, struct execution_name name,
	int64_t copy_ms)
{
	const struct remembered *known = find(dedupe, partition, name);
	return known && known->at_ms + dedupe->window_ms > copy_ms;
}

bool dedupe_is_final(const struct dedupe *dedupe, int32_t partition, struct execution_name name,
	int64_t copy_ms)
{
	const struct remembered *known = find(dedupe, partition, name);
	return known && known->at_ms != PENDING && known->at_ms + dedupe->window_ms > copy_ms;
}

static void forget(struct dedupe *dedupe, struct remembered *known)
{
	HASH_DEL(dedupe->table, known);
	free(known);
}

void dedupe_unpend(struct dedupe *dedupe, int32_t partition, struct execution_name name)
{
	struct remembered *known = find(dedupe, partition, name);
	if (known && known->at_ms == PENDING)
		forget(dedupe, known);
}

void dedupe_expire(struct dedupe *dedupe, int64_t oldest_ms)
{
	for (int i = 0; i < 100 && dedupe->table; i++) {
		struct remembered *oldest = dedupe->table;
		if (oldest->at_ms == PENDING) {	/* not final: out of the way of those that are */
			HASH_DEL(dedupe->table, oldest);
			HASH_ADD(hh, dedupe->table, key, sizeof oldest->key, oldest);
			continue;
		}
		if (oldest->at_ms + dedupe->window_ms > oldest_ms)
			break;
		forget(dedupe, oldest);
	}
}

void dedupe_clear(struct dedupe *dedupe)
{
	struct remembered *known, *following;
	HASH_ITER(hh, dedupe->table, known, following)
		forget(dedupe, known);
}

void dedupe_free(struct dedupe *dedupe)
{
	if (dedupe)
		dedupe_clear(dedupe);
	free(dedupe);
}

size_t dedupe_count(const struct dedupe *dedupe)
{
	return HASH_COUNT(dedupe->table);
}
