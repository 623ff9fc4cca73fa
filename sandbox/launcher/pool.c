/* pool.c: see pool.h. */
#include "pool.h"

#include <stdlib.h>

int pool_open(struct pool *pool, unsigned size, enum sandbox_level level, uint32_t runtime_count)
{
	*pool = (struct pool){.size = size, .asked = calloc(size, sizeof *pool->asked)};
	if (!pool->asked)
		return -1;
	for (unsigned i = 0; i < size; i++)
		pool->asked[i] = (struct pool_asked){level, i % runtime_count};
	return 0;
}

void pool_close(struct pool *pool)
{
	free(pool->asked);
}

void pool_remember(struct pool *pool, enum sandbox_level level, uint32_t runtime)
{
	pool->asked[pool->next] = (struct pool_asked){level, runtime};
	pool->next = (pool->next + 1) % pool->size;
}

struct kinds pool_wanted(const struct pool *pool, const bool warm[SETUP_MAX_RUNTIMES])
{
	struct kinds wanted = {0};
	for (unsigned i = 0; i < pool->size; i++) {
		const struct pool_asked *asked = &pool->asked[i];
		int runtime = warm[asked->runtime] ? (int)asked->runtime : -1;
		(*kinds_at(&wanted, (struct kind){asked->level, runtime}))++;
	}
	return wanted;
}

bool pool_lacks(const struct kinds *wanted, const struct kinds *made,
	const bool available[SANDBOX_LEVELS], struct kind *kind)
{
	for (int level = 0; level < SANDBOX_LEVELS; level++)
		for (int at = 0; available[level] && at <= SETUP_MAX_RUNTIMES; at++)
			if (wanted->of[level][at] > made->of[level][at]) {
				*kind = (struct kind){(enum sandbox_level)level, at - 1};
				return true;
			}
	return false;
}
