/* zygotes.c: see zygotes.h. */
#include "zygotes.h"

#include <errno.h>
#include <poll.h>

#define FAILURES_MAX 3
#define WANTED_MAX 8			/* of one language */

void zygotes_plan(struct zygotes *zygotes, const struct host *host)
{
	long wanted = host->processors / 2;
	zygotes->host = host;
	zygotes->wanted = wanted < 1 ? 1 : wanted > WANTED_MAX ? WANTED_MAX : (unsigned)wanted;
	for (uint32_t runtime = 0; runtime < host->setup.runtime_count; runtime++) {
		if (!zygote_possible(host, runtime) ||
				zygotes->count + zygotes->wanted + 1 > ZYGOTES_MAX)
			continue;
		for (unsigned i = 0; i <= zygotes->wanted; i++) {
			unsigned index = zygotes->count++;
			zygotes->list[index] = (struct zygote){.runtime = runtime, .index = index,
				.pid_fd = -1, .socket = -1, .output_fd = -1};
		}
	}
}

bool zygotes_have(const struct zygotes *zygotes, uint32_t runtime)
{
	for (unsigned i = 0; i < zygotes->count; i++)
		if (zygotes->list[i].runtime == runtime && zygotes->list[i].state == ZYGOTE_UP)
			return true;
	return false;
}

static bool worn(const struct zygotes *zygotes, const struct zygote *zygote)
{
	return zygote->state == ZYGOTE_UP && zygote->forks >= zygotes->host->setup.zygote_jobs;
}

/* Those that will serve for a while. */
static unsigned fresh_count(const struct zygotes *zygotes, uint32_t runtime)
{
	unsigned count = 0;
	for (unsigned i = 0; i < zygotes->count; i++) {
		const struct zygote *zygote = &zygotes->list[i];
		count += zygote->runtime == runtime && (zygote->state == ZYGOTE_STARTING ||
			(zygote->state == ZYGOTE_UP && !worn(zygotes, zygote)));
	}
	return count;
}

struct zygote *zygotes_start_due(struct zygotes *zygotes, int64_t now_us)
{
	for (unsigned i = 0; i < zygotes->count; i++) {
		struct zygote *zygote = &zygotes->list[i];
		if (zygote->state == ZYGOTE_STARTING && now_us >= zygote->deadline_us)
			zygote_kill(zygote);
		if (zygote->state != ZYGOTE_DOWN || now_us < zygote->retry_us ||
				fresh_count(zygotes, zygote->runtime) >= zygotes->wanted)
			continue;
		if (zygote_start(zygote, zygotes->host, zygote->runtime) == 0)
			return zygote;
		zygote->retry_us = now_us + 1000000;
	}
	return NULL;
}

int64_t zygotes_next_us(const struct zygotes *zygotes)
{
	int64_t next = INT64_MAX;
	for (unsigned i = 0; i < zygotes->count; i++) {
		const struct zygote *zygote = &zygotes->list[i];
		int64_t due = zygote->state == ZYGOTE_STARTING ? zygote->deadline_us :
			zygote->state == ZYGOTE_DOWN &&
			fresh_count(zygotes, zygote->runtime) < zygotes->wanted ?
			zygote->retry_us : INT64_MAX;
		if (due < next)
			next = due;
	}
	return next;
}

int zygotes_fork(struct zygotes *zygotes, struct cell *cell, bool idle)
{
	struct zygote *chosen = NULL;
	for (unsigned i = 0; i < zygotes->count; i++) {
		struct zygote *zygote = &zygotes->list[i];
		if (zygote->runtime == (uint32_t)cell->runtime && zygote->state == ZYGOTE_UP &&
				(!chosen || zygote->forks < chosen->forks))
			chosen = zygote;
	}
	if (!chosen) {
		errno = ESRCH;
		return -1;
	}
	cell->zygote = (int)chosen->index;
	return cell_fork(cell, zygotes->host, chosen, idle);
}

void zygotes_judge(struct zygotes *zygotes, const struct cell *cell, bool worked)
{
	if (cell->zygote < 0)
		return;
	struct zygote *zygote = &zygotes->list[cell->zygote];
	zygote->failures = worked ? 0 : zygote->failures + 1;
	if (zygote->failures >= FAILURES_MAX)
		zygote_kill(zygote);
}

void zygotes_give_up(struct zygotes *zygotes, struct cell *cell)
{
	cell->end_us = INT64_MAX;	/* once */
	if (cell->zygote >= 0)
		zygote_kill(&zygotes->list[cell->zygote]);
}

void zygotes_bar(struct zygotes *zygotes, uint32_t runtime)
{
	for (unsigned i = 0; i < zygotes->count; i++)
		if (zygotes->list[i].runtime == runtime)
			zygotes->list[i].retry_us = INT64_MAX;
}

void zygotes_relieve(struct zygotes *zygotes, uint32_t runtime)
{
	for (unsigned i = 0; i < zygotes->count; i++)
		if (zygotes->list[i].runtime == runtime && worn(zygotes, &zygotes->list[i])) {
			zygote_leave(&zygotes->list[i]);
			return;
		}
}

void zygotes_close(struct zygotes *zygotes)
{
	for (unsigned i = 0; i < zygotes->count; i++) {
		if (zygotes->list[i].state == ZYGOTE_DOWN)
			continue;
		zygote_kill(&zygotes->list[i]);
		zygote_end(&zygotes->list[i], 0);
	}
}
