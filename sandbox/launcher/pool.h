/* pool.h: which sandboxes to make ahead.
 *
 * A kind of sandbox is a level and the runtime whose zygote forks into it, or -1 for a cold one, which serves
 * any runtime. The pool remembers as many jobs as it is to hold sandboxes, and holds what those would have
 * needed: so it follows the load, and a mixed load finds a mixed pool. Pure.
 */
#ifndef LAUNCHER_POOL_H
#define LAUNCHER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "../shared/setup.h"

struct kind {
	enum sandbox_level level;
	int runtime;			/* -1: cold */
};

/* Numbers of sandboxes by kind. */
struct kinds {
	unsigned of[SANDBOX_LEVELS][SETUP_MAX_RUNTIMES + 1];
};

static inline unsigned *kinds_at(struct kinds *kinds, struct kind kind)
{
	return &kinds->of[kind.level][kind.runtime + 1];
}

struct pool_asked {
	enum sandbox_level level;
	uint32_t runtime;
};

struct pool {
	unsigned size;
	unsigned next;			/* the oldest of asked */
	struct pool_asked *asked;	/* the last jobs, size of them */
};

/* At first it holds a mix of all runtimes at one level. -1: no memory. */
int pool_open(struct pool *pool, unsigned size, enum sandbox_level level, uint32_t runtime_count);
void pool_close(struct pool *pool);

/* A job was asked for. */
void pool_remember(struct pool *pool, enum sandbox_level level, uint32_t runtime);

/* What the pool is to hold. warm tells for a runtime whether it can be forked now. */
struct kinds pool_wanted(const struct pool *pool, const bool warm[SETUP_MAX_RUNTIMES]);

/* A kind of which there are fewer than wanted, among the available levels. False: none. */
bool pool_lacks(const struct kinds *wanted, const struct kinds *made,
	const bool available[SANDBOX_LEVELS], struct kind *kind);

#endif
