/* fair_queue.c: see fair_queue.h. A flow stands in one heap of its source at most: of those that have something
 * ready, of those that have, but no budget, or of those that nobody has and that are ahead of virtual time. */
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

struct fair_source;

struct fair_flow {
	UT_hash_handle hh;
	struct heap_node ready, held, idle;
	struct fair_source *source;
	struct fair_item *items;	/* utlist's head */
	struct budget_account *account;	/* NULL: no budget */
	int64_t tag;			/* start tag of its next item */
	struct fair_cost usual;		/* of its attempts, a moving average; 0: none has ended */
	int weight;
	size_t takers;
	char name[];			/* the source, then the tenant and a NUL */
};

/* Virtual time among flows of a source, or among sources. */
struct turns {
	struct heap ready;		/* by tag */
	int64_t virtual_time, newest_tag;
	size_t running;			/* not settled yet */
};

struct fair_source {
	struct heap_node ready;		/* while a flow of it is */
	struct turns turns;		/* of its flows */
	struct heap held;		/* by when the budget is open again */
	struct heap idle;		/* by tag */
	int64_t tag;			/* as a flow's */
	int weight;
};

struct fair_queue {
	struct fair_flow *flows;	/* uthash's head, by name */
	struct turns turns;		/* of sources */
	struct fair_source sources[FAIR_SOURCES];
	struct budget budget;
	struct fair_cost usual;		/* of all */
	int64_t now_ms;			/* as last heard */
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
	heap_remove(&flow->source->idle, &flow->idle);
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
	flow->source = &queue->sources[terms->source];
	flow->source->weight = terms->source_weight ? terms->source_weight : 1;
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
	heap_remove(&flow->source->idle, &flow->idle);
	flow->takers++;
	return flow;
}

/* One that is not ahead any more is as good as new. Beyond the most, those least ahead are let off. */
static void idle_tidy(struct fair_queue *queue, struct fair_source *source)
{
	struct fair_flow *flow;
	while ((flow = heap_first(&source->idle, struct fair_flow, idle)) &&
			(flow->tag <= source->turns.virtual_time || source->idle.count > IDLE_MOST))
		flow_drop(queue, flow);
}

void fair_flow_give_back(struct fair_queue *queue, struct fair_flow *flow)
{
	if (--flow->takers > 0)
		return;
	if (flow->account)
		budget_give_back(&queue->budget, flow->account, queue->now_ms);
	flow->account = NULL;
	heap_add(&flow->source->idle, &flow->idle, flow->tag);
	idle_tidy(queue, flow->source);
}

static void virtual_time_reach(struct turns *turns, int64_t tag)
{
	if (tag > turns->virtual_time)
		turns->virtual_time = tag;
}

static bool any_held(const struct fair_queue *queue)
{
	for (int i = 0; i < FAIR_SOURCES; i++)
		if (queue->sources[i].held.root)
			return true;
	return false;
}

/* When all is done and nothing waits, all start even. */
static void busy_period_check(struct fair_queue *queue, struct fair_source *source)
{
	struct turns *turns = &source->turns;
	if (turns->running == 0 && !turns->ready.root && !source->held.root) {
		virtual_time_reach(turns, turns->newest_tag);
		idle_tidy(queue, source);
	}
	turns = &queue->turns;
	if (turns->running == 0 && !turns->ready.root && !any_held(queue))
		virtual_time_reach(turns, turns->newest_tag);
}

/* ---- who is ready: flows in their source, and with the first of them the source */

static int64_t tag_ready(struct turns *turns, struct heap_node *node, int64_t tag, int64_t now)
{
	if (tag < now)
		tag = now;
	heap_add(&turns->ready, node, tag);
	return tag;
}

static void flow_ready(struct fair_queue *queue, struct fair_flow *flow)
{
	struct fair_source *source = flow->source;
	flow->tag = tag_ready(&source->turns, &flow->ready, flow->tag, source->turns.virtual_time);
	if (heap_has(&source->ready))
		return;
	/* Virtual time may be ahead of all that are ready, where attempts took less than was charged at first. */
	const struct heap_node *least = queue->turns.ready.root;
	int64_t now = queue->turns.virtual_time;
	source->tag = tag_ready(&queue->turns, &source->ready, source->tag,
		least && least->order < now ? least->order : now);
}

static void flow_unready(struct fair_queue *queue, struct fair_flow *flow)
{
	struct fair_source *source = flow->source;
	heap_remove(&source->turns.ready, &flow->ready);
	if (!source->turns.ready.root)
		heap_remove(&queue->turns.ready, &source->ready);
}

/* ---- items */

void fair_add(struct fair_queue *queue, struct fair_item *item, struct fair_flow *flow)
{
	item->flow = flow;
	DL_APPEND2(flow->items, item, previous, next);
	if (!heap_has(&flow->ready) && !heap_has(&flow->held))
		flow_ready(queue, flow);
}

static void item_out(struct fair_queue *queue, struct fair_item *item)
{
	struct fair_flow *flow = item->flow;
	DL_DELETE2(flow->items, item, previous, next);
	*item = (struct fair_item){0};
	if (flow->items)
		return;
	flow_unready(queue, flow);
	heap_remove(&flow->source->held, &flow->held);
}

void fair_remove(struct fair_queue *queue, struct fair_item *item)
{
	if (!item->flow)
		return;
	struct fair_source *source = item->flow->source;
	item_out(queue, item);
	busy_period_check(queue, source);
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
static int64_t cost_virtual(int weight, const struct fair_cost *cost)
{
	int64_t us = cost->wall_us > cost->cpu_us ? cost->wall_us : cost->cpu_us;
	if (us < COST_LEAST_US)
		us = COST_LEAST_US;
	return us * VIRTUAL_PER_US / weight;
}

static void tag_move(struct turns *turns, struct heap_node *node, int64_t *tag, int64_t by)
{
	*tag += by;
	if (*tag > turns->newest_tag)
		turns->newest_tag = *tag;
	if (!heap_has(node))
		return;
	heap_remove(&turns->ready, node);
	heap_add(&turns->ready, node, *tag);
}

/* charged: NULL: nothing before. */
static void charge(struct fair_queue *queue, struct fair_flow *flow, const struct fair_cost *charged,
	const struct fair_cost *cost)
{
	struct fair_source *source = flow->source;
	tag_move(&source->turns, &flow->ready, &flow->tag, cost_virtual(flow->weight, cost) -
		(charged ? cost_virtual(flow->weight, charged) : 0));
	tag_move(&queue->turns, &source->ready, &source->tag, cost_virtual(source->weight, cost) -
		(charged ? cost_virtual(source->weight, charged) : 0));
}

/* The first flow of the first source that may go on; those that may not are put aside. */
static struct fair_flow *flow_next(struct fair_queue *queue)
{
	struct fair_source *source;
	while ((source = heap_first(&queue->turns.ready, struct fair_source, ready))) {
		struct fair_flow *flow = heap_first(&source->turns.ready, struct fair_flow, ready);
		int64_t open_at_ms = flow->account ?
			budget_open_at_ms(flow->account, queue->now_ms) : queue->now_ms;
		if (open_at_ms <= queue->now_ms)
			return flow;
		flow_unready(queue, flow);
		heap_add(&source->held, &flow->held, open_at_ms);
	}
	return NULL;
}

struct fair_item *fair_next(struct fair_queue *queue, int64_t now_ms, struct fair_cost *charged)
{
	queue->now_ms = now_ms;
	struct fair_flow *flow = flow_next(queue);
	if (!flow)
		return NULL;
	struct fair_source *source = flow->source;
	struct fair_item *item = flow->items;
	*charged = cost_expected(queue, flow);
	queue->turns.running++;
	source->turns.running++;
	virtual_time_reach(&queue->turns, source->tag);
	virtual_time_reach(&source->turns, flow->tag);
	idle_tidy(queue, source);
	item_out(queue, item);
	charge(queue, flow, NULL, charged);
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
	charge(queue, flow, charged, &more);
	*charged = more;
}

/* Paid back, a budget is open sooner. */
static void held_check(const struct fair_queue *queue, struct fair_flow *flow)
{
	if (!heap_has(&flow->held))
		return;
	heap_remove(&flow->source->held, &flow->held);
	heap_add(&flow->source->held, &flow->held, budget_open_at_ms(flow->account, queue->now_ms));
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
	charge(queue, flow, charged, actual);
	if (flow->account)
		budget_charge(flow->account, actual->cpu_us - charged->cpu_us, queue->now_ms);
	held_check(queue, flow);
	queue->turns.running--;
	flow->source->turns.running--;
	busy_period_check(queue, flow->source);
}

/* The source whose held flow may go on first; NULL: none is held. */
static struct fair_source *source_held(const struct fair_queue *queue)
{
	const struct fair_source *first = NULL;
	for (int i = 0; i < FAIR_SOURCES; i++) {
		const struct fair_source *source = &queue->sources[i];
		if (source->held.root && (!first || source->held.root->order < first->held.root->order))
			first = source;
	}
	return (struct fair_source *)first;
}

void fair_tick(struct fair_queue *queue, int64_t now_ms)
{
	struct fair_source *source;
	queue->now_ms = now_ms;
	while ((source = source_held(queue)) && source->held.root->order <= now_ms) {
		struct fair_flow *flow = heap_first(&source->held, struct fair_flow, held);
		heap_remove(&source->held, &flow->held);
		flow_ready(queue, flow);
	}
	budget_tick(&queue->budget, now_ms);
}

int64_t fair_due_ms(const struct fair_queue *queue)
{
	const struct fair_source *source = source_held(queue);
	return source ? source->held.root->order : INT64_MAX;
}

size_t fair_held(const struct fair_queue *queue, const char **tenant, int64_t *until_ms)
{
	const struct fair_source *source = source_held(queue);
	size_t count = 0;
	if (source) {
		const struct fair_flow *flow = heap_first(&source->held, struct fair_flow, held);
		*tenant = tenant_of(flow);
		*until_ms = flow->held.order;
	}
	for (int i = 0; source && i < FAIR_SOURCES; i++)
		count += queue->sources[i].held.count;
	return count;
}

size_t fair_flow_count(const struct fair_queue *queue)
{
	return HASH_COUNT(queue->flows);
}
