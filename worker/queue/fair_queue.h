/* fair_queue.h: whose turn it is. Pure: time is given to it.
 *
 * Start-time fair queueing (Goyal, Vin, Cheng: Start-time Fair Queueing, 1996) over flows. A flow is a
 * tenant's requests from one source (a topic); what it has ready stands in order of arrival. Each flow has a start tag,
 * in virtual time: its items move it on by their cost, divided by the flow's weight. The flow with the least
 * tag is next, and virtual time is that tag; a flow that had nothing ready takes up at virtual time, so idling
 * earns no credit. Costs are known when an attempt has ended: until then the flow is charged what its attempts
 * used to cost, or have taken so far. With several slots the tag of what was begun last is virtual time.
 *
 * Sources take turns among each other in the same way, by weights of their own, and a source's turn is its next
 * flow's (the paper's hierarchy): a source's share does not grow with its tenants, and a tenant's share of it is
 * as without other sources.
 *
 * Tenants with a CPU budget (budget.h) that is used up are passed over until it has filled again.
 */
#ifndef CODEWORKER_FAIR_QUEUE_H
#define CODEWORKER_FAIR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fair_queue;
struct fair_flow;

#define FAIR_SOURCES 32

struct fair_terms {
	int source;			/* below FAIR_SOURCES */
	const char *tenant;		/* "": none. Borrowed for the call */
	int weight;			/* above 0; shares are as weights among flows that have work */
	int64_t cpu_ms_per_minute;	/* of the tenant, over all sources; 0: as much as it likes */
	int source_weight;		/* as weight, among sources that have work; 0: 1 */
};

struct fair_item {			/* embedded in what is ready; zeroed: in no flow */
	struct fair_flow *flow;
	struct fair_item *previous, *next;
};

struct fair_cost {
	int64_t wall_us, cpu_us;
};

struct fair_queue *fair_queue_new(void);	/* NULL: no memory */
void fair_queue_free(struct fair_queue *queue);

/* The flow, which lives while it is taken or has an advantage over newcomers to make up for. The first taker's
 * terms hold. NULL: no memory. */
struct fair_flow *fair_flow_take(struct fair_queue *queue, const struct fair_terms *terms);
void fair_flow_give_back(struct fair_queue *queue, struct fair_flow *flow);

/* The flow is taken by the item's owner until the item is out and settled. */
void fair_add(struct fair_queue *queue, struct fair_item *item, struct fair_flow *flow);
void fair_remove(struct fair_queue *queue, struct fair_item *item);	/* in no flow: nothing happens */

/* The next item, taken out, and what its flow was charged for it; NULL: none is ready and within its budget. */
struct fair_item *fair_next(struct fair_queue *queue, int64_t now_ms, struct fair_cost *charged);

/* What came from fair_next runs for so long already: its flow is charged no less than that. */
void fair_accrue(struct fair_queue *queue, struct fair_flow *flow, struct fair_cost *charged,
	int64_t wall_us);

/* What came from fair_next has ended. actual: NULL: nothing ran. */
void fair_settle(struct fair_queue *queue, struct fair_flow *flow, const struct fair_cost *charged,
	const struct fair_cost *actual);

/* Lets go on who may again. */
void fair_tick(struct fair_queue *queue, int64_t now_ms);
int64_t fair_due_ms(const struct fair_queue *queue);	/* when the next one may; INT64_MAX: never */

/* How many flows wait for their budget. The one that may go on first, and when: where there is one. */
size_t fair_held(const struct fair_queue *queue, const char **tenant, int64_t *until_ms);

size_t fair_flow_count(const struct fair_queue *queue);	/* flows that are remembered */

#endif
