/* code_cache.h: the compiled forms of code that may come again, and which code to compile next.
 *
 * Pure: it compiles nothing and looks into nothing that was compiled. Code is known by all of it, its tenant,
 * its runtime and its file's name, so nobody is handed what another tenant's code became. What was used
 * longest ago goes when there is too much.
 */
#ifndef CODEWORKER_CODE_CACHE_H
#define CODEWORKER_CODE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct code_key {
	const char *tenant;		/* NULL is one of its own */
	size_t runtime;
	const char *file;		/* the script's name, which is part of what it becomes; NULL: inline */
	const char *code;
	size_t code_size;
};

struct code_cache_counts {
	uint64_t hits, misses, evictions;	/* of compiled forms */
	size_t bytes;			/* in use */
};

struct code_cache;

/* limit_bytes: for everything, 0: nothing is kept. seed: a random number, so that nobody can tell how keys are
 * hashed. NULL: no memory. */
struct code_cache *code_cache_new(size_t limit_bytes, uint64_t seed);
void code_cache_free(struct code_cache *cache);	/* NULL allowed */

/* For an attempt that starts: the compiled form of its code, valid until the next call; NULL: there is none.
 * Code that comes a second time is wanted from then on. */
const char *code_cache_find(struct code_cache *cache, const struct code_key *key, size_t *size);

/* The code to compile next, the latest that came of those wanted; *key is valid until the next call. false:
 * there is none, or one was taken and its fate is not told yet. */
bool code_cache_take(struct code_cache *cache, struct code_key *key);

/* The most that a compiled form may have to be kept. */
size_t code_cache_room(const struct code_cache *cache);

enum code_fate {
	CODE_COMPILED,
	CODE_REFUSED,			/* it can't be compiled: never again */
	CODE_LOST,			/* for no fault of its own: when it has come again */
};

/* What became of the code that was taken. compiled: copied; of CODE_COMPILED. */
void code_cache_tell(struct code_cache *cache, enum code_fate fate, const char *compiled, size_t size);

const struct code_cache_counts *code_cache_counts(const struct code_cache *cache);

#endif
