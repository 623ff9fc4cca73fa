/* zygotes.h: the warm interpreters of one launcher: how many, which one forks next, when a new one is due.
 *
 * Forking is serial in a zygote, so a language has several on bigger machines, and one place more for the
 * successor of one that has forked often enough: the old one goes on until the new one is up.
 */
#ifndef LAUNCHER_ZYGOTES_H
#define LAUNCHER_ZYGOTES_H

#include "cell.h"

#define ZYGOTES_MAX 64

struct zygotes {
	const struct host *host;
	unsigned count;
	unsigned wanted;		/* of each language */
	struct zygote list[ZYGOTES_MAX];
};

/* Places for every runtime that could be warm; none is started. */
void zygotes_plan(struct zygotes *zygotes, const struct host *host);

/* Whether jobs of a runtime can be forked now. */
bool zygotes_have(const struct zygotes *zygotes, uint32_t runtime);

/* Starts one that is due, and says which: the caller watches its socket and pid_fd, and calls again. NULL: none
 * is due. Ends those that take too long to start. */
struct zygote *zygotes_start_due(struct zygotes *zygotes, int64_t now_us);

/* When zygotes_start_due is next needed (INT64_MAX: never). */
int64_t zygotes_next_us(const struct zygotes *zygotes);

/* Has the least burdened zygote fork into a cell. -1: there is none. */
int zygotes_fork(struct zygotes *zygotes, struct cell *cell, bool idle);

/* What came of it; a zygote that fails again and again is ended. */
void zygotes_judge(struct zygotes *zygotes, const struct cell *cell, bool worked);

/* A cell is stuck: its zygote is ended, for others to reap what it did not. */
void zygotes_give_up(struct zygotes *zygotes, struct cell *cell);

/* None of a runtime is started any more: it failed its self-test. */
void zygotes_bar(struct zygotes *zygotes, uint32_t runtime);

/* A zygote has just come up: an older one that has forked often enough leaves. */
void zygotes_relieve(struct zygotes *zygotes, uint32_t runtime);

/* Kills and reaps them all. */
void zygotes_close(struct zygotes *zygotes);

#endif
