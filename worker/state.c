/* state.c: see state.h. */
#include "state.h"

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

const char *state_final(struct arena *arena, const char *thread_id, const char *node_id,
	const char *execution_id, int64_t offset, int64_t now_ms)
{
	json_t *json = json_pack("{s:s, s:s?, s:s?, s:s?, s:I, s:I}", "type", "final", "threadId",
		thread_id, "nodeId", node_id, "executionId", execution_id, "offset",
		(json_int_t)offset, "at", (json_int_t)now_ms);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	const char *copy = text ? arena_string(arena, text) : NULL;
	free(text);
	json_decref(json);
	return copy;
}

static const char *member(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

bool state_read_final(const void *value, size_t size, struct execution_name *name, int64_t *offset,
	int64_t *at_ms)
{
	json_t *json = value ? json_loadb(value, size, 0, NULL) : NULL;
	const char *type = member(json, "type"), *thread_id = member(json, "threadId"),
		*node_id = member(json, "nodeId"), *execution_id = member(json, "executionId");
	bool read = type && strcmp(type, "final") == 0 &&
		json_is_integer(json_object_get(json, "offset")) &&
		json_is_integer(json_object_get(json, "at"));
	if (read) {
		*offset = json_integer_value(json_object_get(json, "offset"));
		*at_ms = json_integer_value(json_object_get(json, "at"));
		*name = thread_id && node_id && execution_id ?
			execution_name(thread_id, node_id, execution_id) : offset_name(*offset);
	}
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

struct remembered {
	UT_hash_handle hh;
	struct {
		struct execution_name name;
		int64_t partition;
	} key;
	int64_t at_ms;
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

int dedupe_add(struct dedupe *dedupe, int32_t partition, struct execution_name name, int64_t at_ms)
{
	struct remembered *known = find(dedupe, partition, name);
	if (known && known->at_ms >= at_ms)
		return 0;
	if (known) {
		HASH_DEL(dedupe->table, known);
		known->at_ms = at_ms;
		HASH_ADD(hh, dedupe->table, key, sizeof known->key, known);
		return 0;
	}
	known = calloc(1, sizeof *known);
	if (!known)
		return -1;
	known->key.name = name;
	known->key.partition = partition;
	known->at_ms = at_ms;
	HASH_ADD(hh, dedupe->table, key, sizeof known->key, known);
	return 0;
}

bool dedupe_has(struct dedupe *dedupe, int32_t partition, struct execution_name name, int64_t copy_ms)
{
	const struct remembered *known = find(dedupe, partition, name);
	return known && known->at_ms + dedupe->window_ms > copy_ms;
}

static void forget(struct dedupe *dedupe, struct remembered *known)
{
	HASH_DEL(dedupe->table, known);
	free(known);
}

void dedupe_remove(struct dedupe *dedupe, int32_t partition, struct execution_name name)
{
	struct remembered *known = find(dedupe, partition, name);
	if (known)
		forget(dedupe, known);
}

void dedupe_expire(struct dedupe *dedupe, int64_t oldest_ms)
{
	for (int i = 0; i < 100 && dedupe->table; i++) {
		struct remembered *oldest = dedupe->table;
		if (oldest->at_ms == DEDUPE_PENDING) {	/* not final: out of the way of those that are */
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
