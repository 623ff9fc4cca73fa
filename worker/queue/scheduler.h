/* scheduler.h: which request runs next. Pure: time is given to it.
 *
 * Requests of one key (a partition's number and the record's thread and node) go one after another: the next
 * starts after the first attempt of the one before has ended, and attempts of one key never overlap. The
 * order is among requests of one source (fair_queue.h); those of another may come between, but not beside.
 * A retry that waits for its time does not hold its key. Different keys run side by side, in turns that are
 * fair to sources and tenants (fair_queue.h); among the keys of one tenant, in the order in which they became
 * ready. A key takes the turns of its first requests' tenants, one for each source.
 */
#ifndef CODEWORKER_SCHEDULER_H
#define CODEWORKER_SCHEDULER_H

#include "fair_queue.h"
#include "heap.h"

struct scheduler;

enum scheduler_state { SCHEDULER_QUEUED, SCHEDULER_RUNNING, SCHEDULER_WAITING };

/* One request, embedded in the caller's own structure; the caller keeps it alive until it is finished,
 * expired or dropped. Zeroed before it is added. */
struct scheduler_entry {
	struct scheduler_lane *lane;	/* the scheduler's, as is all of this */
	struct scheduler_entry *previous, *next;	/* in its lane's queue, or of what runs */
	struct scheduler_entry *older, *newer;		/* of all */
	struct heap_node due, deadline;
	struct fair_flow *flow;
	struct fair_cost charged, cost;
	int64_t deadline_ms, started_ms;
	enum scheduler_state state;
	bool holds;			/* its key while it waits */
	bool measured;			/* cost is what its attempt took */
};

struct scheduler_terms {
	struct fair_terms flow;
	int64_t deadline_ms;		/* not to be started from then on; INT64_MAX: none */
};

struct scheduler *scheduler_new(void);		/* NULL: no memory */
void scheduler_free(struct scheduler *scheduler);	/* entries are the caller's */

/* Queues a new request behind the others of its key. terms: borrowed for the call. -1: no memory. */
int scheduler_add(struct scheduler *scheduler, struct scheduler_entry *entry, int32_t partition,
	const char *key, size_t key_size, const struct scheduler_terms *terms);

/* Queues a retry, which holds nothing up and comes before the others of its key, but not before due_ms. -1: no
 * memory. */
int scheduler_add_waiting(struct scheduler *scheduler, struct scheduler_entry *entry,
	int32_t partition, const char *key, size_t key_size, const struct scheduler_terms *terms,
	int64_t due_ms);

/* The next to run, now running; NULL when no key is free, nothing waits, or all that do have no budget left. */
struct scheduler_entry *scheduler_next(struct scheduler *scheduler, int64_t now_ms);

/* What the running entry's attempt took. Without it nothing ran. Before the calls below. */
void scheduler_measured(struct scheduler_entry *entry, int64_t wall_us, int64_t cpu_us);

/* The running entry goes back to the front of its key: it could not be started. */
void scheduler_put_back(struct scheduler *scheduler, struct scheduler_entry *entry);

/* The running entry's attempt has not ended, but goes on no sooner than due_ms: its key waits for it. */
void scheduler_suspend(struct scheduler *scheduler, struct scheduler_entry *entry, int64_t due_ms);

/* The running entry has ended for good; the caller may free it. */
void scheduler_finish(struct scheduler *scheduler, struct scheduler_entry *entry);

/* Makes retries that are due ready, and tenants whose budget has filled; charges what runs for its time. */
void scheduler_tick(struct scheduler *scheduler, int64_t now_ms);

/* When there is something for scheduler_tick or scheduler_expire to do; INT64_MAX: never. */
int64_t scheduler_due_ms(const struct scheduler *scheduler);

/* Takes out an entry that does not run and whose deadline has passed: one a call, until NULL. */
struct scheduler_entry *scheduler_expire(struct scheduler *scheduler, int64_t now_ms);

/* Takes out any entry that is not running, one a call, until NULL: for revocation and the end. */
struct scheduler_entry *scheduler_drop(struct scheduler *scheduler);

/* Takes out all that are not running and that wanted() says yes to, as a list by next; what waited behind
 * one that held its key may run. context: handed to wanted. */
struct scheduler_entry *scheduler_extract(struct scheduler *scheduler,
	bool (*wanted)(const struct scheduler_entry *entry, void *context), void *context);

size_t scheduler_queued(const struct scheduler *scheduler);	/* ready or behind their key */
size_t scheduler_queued_of(const struct scheduler *scheduler, int source);
size_t scheduler_waiting(const struct scheduler *scheduler);	/* retries that are not due */

/* Tenants that wait for their CPU budget: fair_held. */
size_t scheduler_held(const struct scheduler *scheduler, const char **tenant, int64_t *until_ms);

#endif
