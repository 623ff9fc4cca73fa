/* code_cache.c: see code_cache.h.
 *
 * Most code comes once, so its first sight leaves a digest alone; the second, a copy of the code, to be compiled
 * and compared with. Where a digest is all there is, two codes of one digest could at worst be compiled too early
 * or not at all.
 */
#include "code_cache.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>
#include <xxhash.h>

#define SHARE 4				/* no code has more than this part of the cache */

enum state { SEEN, WANTED, COMPILED, REFUSED };

struct entry {
	XXH128_hash_t digest;
	enum state state;
	size_t bytes;
	struct code_key key;		/* WANTED, COMPILED: copies; else empty */
	char *compiled;
	size_t compiled_size;
	struct entry *prev, *next;
	UT_hash_handle hh;
};

struct code_cache {
	size_t limit_bytes;
	uint64_t seed;
	struct entry *by_digest;
	struct entry *by_use;		/* the latest first */
	bool out;			/* one was taken, and its fate is not told yet */
	struct entry *taken;		/* NULL: it has been evicted since */
	size_t wanted;
	struct code_cache_counts counts;
};

struct code_cache *code_cache_new(size_t limit_bytes, uint64_t seed)
{
	struct code_cache *cache = calloc(1, sizeof *cache);
	if (cache)
		*cache = (struct code_cache){.limit_bytes = limit_bytes, .seed = seed};
	return cache;
}

/* ---- entries */

static void grow(struct code_cache *cache, struct entry *entry, size_t bytes)
{
	entry->bytes += bytes;
	cache->counts.bytes += bytes;
}

static void state_set(struct code_cache *cache, struct entry *entry, enum state state)
{
	cache->wanted -= entry->state == WANTED;
	cache->wanted += state == WANTED;
	entry->state = state;
}

/* Leaves the digest. */
static void strip(struct code_cache *cache, struct entry *entry, enum state state)
{
	free((char *)entry->key.tenant);
	free((char *)entry->key.file);
	free((char *)entry->key.code);
	free(entry->compiled);
	entry->key = (struct code_key){0};
	entry->compiled = NULL;
	entry->compiled_size = 0;
	cache->counts.bytes -= entry->bytes - sizeof *entry;
	entry->bytes = sizeof *entry;
	state_set(cache, entry, state);
	if (cache->taken == entry)
		cache->taken = NULL;
}

static void evict(struct code_cache *cache, struct entry *entry)
{
	cache->counts.evictions += entry->state == COMPILED;
	strip(cache, entry, SEEN);
	cache->counts.bytes -= entry->bytes;
	HASH_DEL(cache->by_digest, entry);
	DL_DELETE(cache->by_use, entry);
	free(entry);
}

static void fit(struct code_cache *cache)
{
	while (cache->by_use && cache->counts.bytes > cache->limit_bytes)
		evict(cache, cache->by_use->prev);
}

static void use(struct code_cache *cache, struct entry *entry)
{
	DL_DELETE(cache->by_use, entry);
	DL_PREPEND(cache->by_use, entry);
}

static void note(struct code_cache *cache, XXH128_hash_t digest)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if (!entry)
		return;
	entry->digest = digest;
	HASH_ADD(hh, cache->by_digest, digest, sizeof entry->digest, entry);
	DL_PREPEND(cache->by_use, entry);
	grow(cache, entry, sizeof *entry);
	fit(cache);
}

void code_cache_free(struct code_cache *cache)
{
	while (cache && cache->by_use)
		evict(cache, cache->by_use);
	free(cache);
}

/* ---- keys */

static XXH128_hash_t digest_of(const struct code_cache *cache, const struct code_key *key)
{
	const char *parts[] = {key->tenant, key->file};
	uint64_t seed = cache->seed + key->runtime;
	for (size_t i = 0; i < 2; i++)
		seed = XXH3_64bits_withSeed(parts[i], parts[i] ? strlen(parts[i]) : 0, seed + !parts[i]);
	return XXH3_128bits_withSeed(key->code, key->code_size, seed);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same(const struct code_key *a, const struct code_key *b)
{
	return a->code && a->runtime == b->runtime && same_text(a->tenant, b->tenant) &&
		same_text(a->file, b->file) && a->code_size == b->code_size &&
		memcmp(a->code, b->code, a->code_size) == 0;
}

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static void want(struct code_cache *cache, struct entry *entry, const struct code_key *key)
{
	size_t bytes = text_bytes(key->tenant) + text_bytes(key->file) + key->code_size;
	char *code = bytes < code_cache_room(cache) ? malloc(key->code_size) : NULL;
	if (!code)
		return;
	memcpy(code, key->code, key->code_size);
	entry->key = (struct code_key){key->tenant ? strdup(key->tenant) : NULL, key->runtime,
		key->file ? strdup(key->file) : NULL, code, key->code_size};
	grow(cache, entry, bytes);
	state_set(cache, entry, WANTED);
	if (!same(&entry->key, key))	/* no memory for a part of it */
		strip(cache, entry, SEEN);
	fit(cache);
}

/* ---- what others call */

size_t code_cache_room(const struct code_cache *cache)
{
	return cache->limit_bytes / SHARE;
}

const char *code_cache_find(struct code_cache *cache, const struct code_key *key, size_t *size)
{
	struct entry *entry;
	if (cache->limit_bytes == 0 || key->code_size == 0)
		return NULL;
	XXH128_hash_t digest = digest_of(cache, key);
	HASH_FIND(hh, cache->by_digest, &digest, sizeof digest, entry);
	if (entry)
		use(cache, entry);
	if (entry && entry->state == COMPILED && same(&entry->key, key)) {
		cache->counts.hits++;
		*size = entry->compiled_size;
		return entry->compiled;
	}
	cache->counts.misses++;
	if (!entry)
		note(cache, digest);
	else if (entry->state == SEEN)
		want(cache, entry, key);
	return NULL;
}

bool code_cache_take(struct code_cache *cache, struct code_key *key)
{
	struct entry *entry;
	if (cache->wanted == 0 || cache->out)
		return false;
	DL_FOREACH (cache->by_use, entry)
		if (entry->state == WANTED) {
			cache->out = true;
			cache->taken = entry;
			*key = entry->key;
			return true;
		}
	return false;
}

void code_cache_tell(struct code_cache *cache, enum code_fate fate, const char *compiled, size_t size)
{
	struct entry *entry = cache->taken;
	cache->out = false;
	cache->taken = NULL;
	if (!entry)
		return;
	if (fate == CODE_COMPILED && size > 0 && entry->bytes + size <= code_cache_room(cache))
		entry->compiled = malloc(size);
	if (!entry->compiled) {
		strip(cache, entry, fate == CODE_LOST ? SEEN : REFUSED);
		return;
	}
	memcpy(entry->compiled, compiled, size);
	entry->compiled_size = size;
	grow(cache, entry, size);
	state_set(cache, entry, COMPILED);
	use(cache, entry);
	fit(cache);
}

const struct code_cache_counts *code_cache_counts(const struct code_cache *cache)
{
	return &cache->counts;
}
