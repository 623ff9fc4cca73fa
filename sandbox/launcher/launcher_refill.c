/* launcher_refill.c: making sandboxes, for jobs that wait and ahead of those to come (pool.h). */
#include "launcher_internal.h"

#include "../shared/populate.h"

#define POOL_RETRY_US 1000000
#define STACK_BYTES (16u << 10)		/* that a hand-over and an answer take */

/* Free whatever ended it before. */
static struct cell *cell_find_free(struct launcher *launcher)
{
	for (unsigned i = 0; i < launcher->cell_count; i++)
		if (launcher->cells[i].state == CELL_FREE)
			return &launcher->cells[i];
	return NULL;
}

static struct kinds kinds_made(const struct launcher *launcher, bool ready)
{
	struct kinds made = {0};
	for (unsigned i = 0; i < launcher->cell_count; i++) {
		const struct cell *cell = &launcher->cells[i];
		if (cell->cause == CAUSE_NONE && (cell->state == CELL_PREPARING ||
				(ready && cell->state == CELL_READY)))
			(*kinds_at(&made, (struct kind){cell->level, cell->runtime}))++;
	}
	return made;
}

static struct kinds kinds_wanted(const struct launcher *launcher)
{
	bool warm[SETUP_MAX_RUNTIMES] = {false};
	for (uint32_t i = 0; i < launcher->host->setup.runtime_count; i++)
		warm[i] = zygotes_have(&launcher->zygotes, i);
	return pool_wanted(&launcher->pool, warm);
}

void refill_put_off(struct launcher *launcher)
{
	launcher->pool_retry_us = clock_us() + POOL_RETRY_US;
}

/* A page that the new sandbox's init shares with us is copied when we write to it: now, not when a job waits. */
static void page_own(const void *at, size_t size)
{
	populate((uintptr_t)at, size, true);
}

static void pages_own(const struct launcher *launcher, const struct cell *cell)
{
	const char *stack = __builtin_frame_address(0);
	page_own(launcher, sizeof *launcher);
	page_own(launcher->answers, sizeof *launcher->answers);
	page_own(cell, sizeof *cell);
	page_own(stack - STACK_BYTES, STACK_BYTES);
}

static void prepare(struct launcher *launcher, struct kind kind, bool for_pool)
{
	struct err err = {0};
	struct cell *cell = cell_find_free(launcher);
	if (!cell)
		return;
	if (cell_prepare(cell, launcher->host, kind.level, kind.runtime, launcher->serial++,
			&launcher->expected, &err) == 0) {
		if (launcher_watch(launcher, cell->control_fd, EVENT_CONTROL, cell->index) < 0 ||
				launcher_watch(launcher, cell->init_fd, EVENT_INIT, cell->index) < 0)
			launcher->ended = true;
		pages_own(launcher, cell);
		return;
	}
	if (for_pool)
		refill_put_off(launcher);
	else
		waiting_fail(launcher, kind.level, err.text);
}

/* The kind of a waiting job of which fewer are on the way than jobs wait. */
static bool queue_lacks(const struct launcher *launcher, struct kind *kind)
{
	struct kinds made = kinds_made(launcher, false);
	for (unsigned i = 0; i < launcher->queued; i++) {
		*kind = job_kind(launcher, &launcher->queue[i].start);
		unsigned *count = kinds_at(&made, *kind);
		if (*count == 0)
			return true;
		(*count)--;
	}
	return false;
}

/* A ready one that the pool is not to hold, or, needed, any, gives up its place. */
static void spare_drop(struct launcher *launcher, bool needed)
{
	struct kinds wanted = kinds_wanted(launcher);
	struct cell *spare = NULL;
	for (unsigned i = 0; i < launcher->cell_count; i++) {
		struct cell *cell = &launcher->cells[i];
		if (cell->state != CELL_READY || cell->cause != CAUSE_NONE)
			continue;
		unsigned *count = kinds_at(&wanted, (struct kind){cell->level, cell->runtime});
		if (*count == 0) {
			cell_kill(cell, CAUSE_KILLED);
			return;
		}
		(*count)--;
		spare = cell;
	}
	if (spare && needed)
		cell_kill(spare, CAUSE_KILLED);
}

static bool pool_is_short(const struct launcher *launcher, struct kind *kind)
{
	if (clock_us() < launcher->pool_retry_us)
		return false;
	struct kinds wanted = kinds_wanted(launcher), made = kinds_made(launcher, true);
	return pool_lacks(&wanted, &made, launcher->available, kind);
}

static unsigned cells_idle(const struct launcher *launcher)
{
	return cells_count(launcher, CELL_READY) + cells_count(launcher, CELL_PREPARING);
}

/* A short job ends within that time, and whoever was answered may have the next: neither is to wait for a
 * sandbox while there are others, and jobs do not come as fast as they can. Where few are left, they are made while a
 * job runs. */
bool refill_rests(const struct launcher *launcher)
{
	if (launcher_is_full(launcher) || clock_us() >= launcher->rest_us)
		return false;
	if (cells_idle(launcher) * 2 > launcher->pool.size)
		return true;
	return cells_count(launcher, CELL_RUNNING) == 0 && cells_count(launcher, CELL_READY) > 0;
}

void cells_dismiss(struct launcher *launcher)
{
	if (launcher->resting && launcher->queued == 0)
		return;
	for (unsigned i = 0; i < launcher->cell_count; i++)
		if (launcher->cells[i].state == CELL_ENDING && !launcher->cells[i].end_us)
			cell_dismiss(&launcher->cells[i]);
}

bool refill(struct launcher *launcher)
{
	struct kind kind;
	if (queue_lacks(launcher, &kind)) {
		if (!cell_find_free(launcher)) {
			if (cells_count(launcher, CELL_ENDING) == 0)
				spare_drop(launcher, true);
			return false;
		}
		prepare(launcher, kind, false);
		return queue_lacks(launcher, &kind);
	}
	if (launcher->resting || !pool_is_short(launcher, &kind))
		return false;
	if (!cell_find_free(launcher) || cells_idle(launcher) >= launcher->pool.size) {
		spare_drop(launcher, false);
		return false;
	}
	prepare(launcher, kind, true);
	return pool_is_short(launcher, &kind);
}
