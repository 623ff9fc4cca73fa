/* fair_queue.c: see fair_queue.h. A flow stands in one heap at most: of those that have something ready, of
 * those that have, but no budget, or of those that nobody has and that are ahead of virtual time. */
#include "fair_queue.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "budget.h"

#define VIRTUAL_PER_US 1000		/* so that weights up to that many lose nothing */
#define COST_LEAST_US 100		/* of an attempt that was refused, too */
#define COST_FIRST_US 10000		/* taken for an attempt's, before any has ended */
#define IDLE_MOST 10000			/* flows that are remembered only for being ahead */

struct fair_flow {
	UT_hash_handle hh;
	struct heap_node ready, held, idle;
	struct fair_item *items;	/* utlist's head */
	struct budget_account *account;	/* NULL: no budget */
	int64_t tag;			/* start tag of its next item */
	struct fair_cost usual;		/* of its attempts, a moving average; 0: none has ended */
	int weight;
	size_t takers;
	char name[];			/* the source, then the tenant and a NUL */
};

struct fair_queue {
	struct fair_flow *flows;	/* uthash's head, by name */
	struct heap ready;		/* by tag */
	struct heap held;		/* by when the budget is open again */
	struct heap idle;		/* by tag */
	struct budget budget;
	struct fair_cost usual;		/* of all */
	int64_t virtual_time, newest_tag;
	int64_t now_ms;			/* as last heard */
	size_t running;			/* not settled yet */
};

static const char *tenant_of(const struct fair_flow *flow)
{
	return flow->name + sizeof(int);
}

struct fair_queue *fair_queue_new(void)
{
	return calloc(1, sizeof(struct fair_queue));
}

static void flow_drop(struct fair_queue *queue, struct fair_flow *flow)
{
	heap_remove(&queue->idle, &flow->idle);
	HASH_DEL(queue->flows, flow);
	free(flow);
}

void fair_queue_free(struct fair_queue *queue)
{
	struct fair_flow *flow, *following;
	if (!queue)
		return;
	HASH_ITER(hh, queue->flows, flow, following)
		flow_drop(queue, flow);
	budget_clear(&queue->budget);
	free(queue);
}

/* ---- flows */

static struct fair_flow *flow_new(struct fair_queue *queue, const struct fair_terms *terms)
{
	size_t tenant_size = strlen(terms->tenant), size = sizeof terms->source + tenant_size;
	struct fair_flow *flow = calloc(1, sizeof *flow + size + 1), *found;
	if (!flow)
		return NULL;
	memcpy(flow->name, &terms->source, sizeof terms->source);
	memcpy(flow->name + sizeof terms->source, terms->tenant, tenant_size);
	HASH_FIND(hh, queue->flows, flow->name, size, found);
	if (found) {
		free(flow);
		return found;
	}
	flow->weight = terms->weight;
	HASH_ADD_KEYPTR(hh, queue->flows, flow->name, size, flow);
	return flow;
}

struct fair_flow *fair_flow_take(struct fair_queue *queue, const struct fair_terms *terms)
{
	struct fair_flow *flow = flow_new(queue, terms);
	if (!flow)
		return NULL;
	if (flow->takers == 0 && terms->cpu_ms_per_minute > 0) {
		flow->account = budget_take(&queue->budget, terms->tenant,
			terms->cpu_ms_per_minute, queue->now_ms);
		if (!flow->account) {
			if (!heap_has(&flow->idle))
				flow_drop(queue, flow);
			return NULL;
		}
	}
	heap_remove(&queue->idle, &flow->idle);
	flow->takers++;
	return flow;
}

/* One that is not ahead any more is as good as new. Beyond the most, those least ahead are let off. */
static void idle_tidy(struct fair_queue *queue)
{
	struct fair_flow *flow;
	while ((flow = heap_first(&queue->idle, struct fair_flow, idle)) &&
			(flow->tag <= queue->virtual_time || queue->idle.count > IDLE_MOST))
		flow_drop(queue, flow);
}

void fair_flow_give_back(struct fair_queue *queue, struct fair_flow *flow)
{
	if (--flow->takers > 0)
		return;
	if (flow->account)
		budget_give_back(&queue->budget, flow->account, queue->now_ms);
	flow->account = NULL;
	heap_add(&queue->idle, &flow->idle, flow->tag);
	idle_tidy(queue);
}

static void virtual_time_reach(struct fair_queue *queue, int64_t tag)
{
	if (tag <= queue->virtual_time)
		return;
	queue->virtual_time = tag;
	idle_tidy(queue);
}

/* When all is done and nothing waits, all start even. */
static void busy_period_check(struct fair_queue *queue)
{
	if (queue->running == 0 && !queue->ready.root && !queue->held.root)
		virtual_time_reach(queue, queue->newest_tag);
}

/* ---- items */

void fair_add(struct fair_queue *queue, struct fair_item *item, struct fair_flow *flow)
{
	item->flow = flow;
	DL_APPEND2(flow->items, item, previous, next);
	if (heap_has(&flow->ready) || heap_has(&flow->held))
		return;
	if (flow->tag < queue->virtual_time)
		flow->tag = queue->virtual_time;
	heap_add(&queue->ready, &flow->ready, flow->tag);
}

static void item_out(struct fair_queue *queue, struct fair_item *item)
{
	struct fair_flow *flow = item->flow;
	DL_DELETE2(flow->items, item, previous, next);
	*item = (struct fair_item){0};
	if (flow->items)
		return;
	heap_remove(&queue->ready, &flow->ready);
	heap_remove(&queue->held, &flow->held);
}

void fair_remove(struct fair_queue *queue, struct fair_item *item)
{
	if (!item->flow)
		return;
	item_out(queue, item);
	busy_period_check(queue);
}

/* ---- costs */

static struct fair_cost cost_expected(const struct fair_queue *queue, const struct fair_flow *flow)
{
	if (flow->usual.wall_us > 0)
		return flow->usual;
	if (queue->usual.wall_us > 0)
		return queue->usual;
	return (struct fair_cost){COST_FIRST_US, COST_FIRST_US};
}

static void cost_learn(struct fair_cost *usual, const struct fair_cost *actual)
{
	if (usual->wall_us == 0) {
		*usual = (struct fair_cost){actual->wall_us + 1, actual->cpu_us};
		return;
	}
	usual->wall_us += (actual->wall_us - usual->wall_us) / 8;
	usual->cpu_us += (actual->cpu_us - usual->cpu_us) / 8;
	if (usual->wall_us < 1)
		usual->wall_us = 1;
}

/* A slot is what one job takes from others, or more than that where it keeps several processors busy. */
static int64_t cost_virtual(const struct fair_flow *flow, const struct fair_cost *cost)
{
	int64_t us = cost->wall_us > cost->cpu_us ? cost->wall_us : cost->cpu_us;
	if (us < COST_LEAST_US)
		us = COST_LEAST_US;
	return us * VIRTUAL_PER_US / flow->weight;
}

static void tag_move(struct fair_queue *queue, struct fair_flow *flow, int64_t by)
{
	flow->tag += by;
	if (flow->tag > queue->newest_tag)
		queue->newest_tag = flow->tag;
	if (!heap_has(&flow->ready))
		return;
	heap_remove(&queue->ready, &flow->ready);
	heap_add(&queue->ready, &flow->ready, flow->tag);
}

/* The first flow that may go on; those that may not are put aside. */
static struct fair_flow *flow_next(struct fair_queue *queue)
{
	struct fair_flow *flow;
	while ((flow = heap_first(&queue->ready, struct fair_flow, ready))) {
		int64_t open_at_ms = flow->account ?
			budget_open_at_ms(flow->account, queue->now_ms) : queue->now_ms;
		if (open_at_ms <= queue->now_ms)
			return flow;
		heap_remove(&queue->ready, &flow->ready);
		heap_add(&queue->held, &flow->held, open_at_ms);
	}
	return NULL;
}

struct fair_item *fair_next(struct fair_queue *queue, int64_t now_ms, struct fair_cost *charged)
{
	queue->now_ms = now_ms;
	struct fair_flow *flow = flow_next(queue);
	if (!flow)
		return NULL;
	struct fair_item *item = flow->items;
	*charged = cost_expected(queue, flow);
	queue->running++;
	virtual_time_reach(queue, flow->tag);
	item_out(queue, item);
	tag_move(queue, flow, cost_virtual(flow, charged));
	if (flow->account)
		budget_charge(flow->account, charged->cpu_us, now_ms);
	return item;
}

void fair_accrue(struct fair_queue *queue, struct fair_flow *flow, struct fair_cost *charged,
	int64_t wall_us)
{
	struct fair_cost more = {wall_us, charged->cpu_us};
	if (wall_us <= charged->wall_us)
		return;
	tag_move(queue, flow, cost_virtual(flow, &more) - cost_virtual(flow, charged));
	*charged = more;
}

/* Paid back, a budget is open sooner. */
static void held_check(struct fair_queue *queue, struct fair_flow *flow)
{
	if (!heap_has(&flow->held))
		return;
	heap_remove(&queue->held, &flow->held);
	heap_add(&queue->held, &flow->held, budget_open_at_ms(flow->account, queue->now_ms));
}

void fair_settle(struct fair_queue *queue, struct fair_flow *flow, const struct fair_cost *charged,
	const struct fair_cost *actual)
{
	static const struct fair_cost nothing;
	if (actual) {
		cost_learn(&flow->usual, actual);
		cost_learn(&queue->usual, actual);
	} else {
		actual = &nothing;
	}
	tag_move(queue, flow, cost_virtual(flow, actual) - cost_virtual(flow, charged));
	if (flow->account)
		budget_charge(flow->account, actual->cpu_us - charged->cpu_us, queue->now_ms);
	held_check(queue, flow);
	queue->running--;
	busy_period_check(queue);
}

void fair_tick(struct fair_queue *queue, int64_t now_ms)
{
	struct fair_flow *flow;
	queue->now_ms = now_ms;
	while ((flow = heap_first(&queue->held, struct fair_flow, held)) &&
			flow->held.order <= now_ms) {
		heap_remove(&queue->held, &flow->held);
		if (flow->tag < queue->virtual_time)
			flow->tag = queue->virtual_time;
		heap_add(&queue->ready, &flow->ready, flow->tag);
	}
	budget_tick(&queue->budget, now_ms);
}

int64_t fair_due_ms(const struct fair_queue *queue)
{
	return queue->held.root ? queue->held.root->order : INT64_MAX;
}

size_t fair_held(const struct fair_queue *queue, const char **tenant, int64_t *until_ms)
{
	const struct fair_flow *flow = heap_first(&queue->held, struct fair_flow, held);
	if (flow) {
		*tenant = tenant_of(flow);
		*until_ms = flow->held.order;
	}
	return queue->held.count;
}

size_t fair_flow_count(const struct fair_queue *queue)
{
	return HASH_COUNT(queue->flows);
}
