/* scheduler.h: which request runs next. Pure: time is given to it.
 *
 * Requests of one key (a partition and the record's thread and node) go one after another: the next
 * starts after the first attempt of the one before has ended, and attempts of one key never overlap.
 * A retry that waits for its time does not hold its key. Different keys run side by side, in the order
 * in which they became ready.
 */
#ifndef CODEWORKER_SCHEDULER_H
#define CODEWORKER_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scheduler;

/* One request, embedded in the caller's own structure; the caller keeps it alive until it is finished
 * or the scheduler is emptied. */
struct scheduler_entry {
	struct scheduler_key *key;	/* the scheduler's */
	struct scheduler_entry *next;	/* in its key's queue, or among the waiting */
	int64_t due_ms;			/* of a waiting retry */
	bool holds;			/* its key while it waits */
};

struct scheduler *scheduler_new(void);		/* NULL: no memory */
void scheduler_free(struct scheduler *scheduler);	/* entries are the caller's */

/* Queues a new request behind the others of its key. -1: no memory. */
int scheduler_add(struct scheduler *scheduler, struct scheduler_entry *entry, int32_t partition,
	const char *key, size_t key_size);

/* The next to run, now busy; NULL when no key is free or nothing waits. */
struct scheduler_entry *scheduler_next(struct scheduler *scheduler);

/* The running entry goes back to the front of its key: it could not be started. */
void scheduler_put_back(struct scheduler *scheduler, struct scheduler_entry *entry);

/* The running entry's attempt ended and another follows, not before due_ms. */
void scheduler_retry(struct scheduler *scheduler, struct scheduler_entry *entry, int64_t due_ms);

/* The running entry's attempt has not ended, but goes on no sooner than due_ms: its key waits for it. */
void scheduler_suspend(struct scheduler *scheduler, struct scheduler_entry *entry, int64_t due_ms);

/* The running entry has ended for good; the caller may free it. */
void scheduler_finish(struct scheduler *scheduler, struct scheduler_entry *entry);

/* Makes retries that are due ready. Returns when the next one is due, INT64_MAX for never. */
int64_t scheduler_tick(struct scheduler *scheduler, int64_t now_ms);

/* Takes out any entry that is not running, one a call, until NULL: for revocation and the end. */
struct scheduler_entry *scheduler_drop(struct scheduler *scheduler);

/* Takes out all that are not running and that wanted() says yes to, as a list by next; what waited behind
 * one that held its key may run. context: handed to wanted. */
struct scheduler_entry *scheduler_extract(struct scheduler *scheduler,
	bool (*wanted)(const struct scheduler_entry *entry, void *context), void *context);

size_t scheduler_queued(const struct scheduler *scheduler);	/* ready or behind their key */
size_t scheduler_waiting(const struct scheduler *scheduler);	/* retries that are not due */

#endif
