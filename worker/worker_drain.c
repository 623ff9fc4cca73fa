/* worker_drain.c: giving back: partitions, or all of it.
 *
 * What runs may end within the grace, and what is finished is committed under the generation that is still
 * ours. The rest is killed and handed back by not being committed; no attempt counts.
 */
#include "worker_internal.h"

#include <poll.h>
#include <unistd.h>

#include "chaos.h"
#include "log.h"

#define MARKS_FLUSH_MS 2000		/* for the hand-backs to be stored */

/* Taken away while draining for the end: close() gives them back, but the group waits for it. */
static void drain_shorten(struct worker *worker, bool lost)
{
	int64_t end = lost ? 0 : monotonic_ms() + worker->parts.config->worker.revoke_grace_ms;
	if (end < worker->drain_end_ms)
		worker->drain_end_ms = end;
	worker->stalled |= lost;
}

/* Only what must be heard while giving partitions back. */
static void events_while_draining(struct worker *worker)
{
	struct broker_event event;
	for (;;) {
		worker->broker->next(worker->parts.broker, &event);
		if (event.type == BROKER_NONE)
			return;
		if (event.type == BROKER_MESSAGE)
			worker->broker->message_free(worker->parts.broker, &event.message);
		else if (event.type == BROKER_FETCHED)
			retry_fetched(worker, &event);
		else if (event.type == BROKER_BATCH)
			batch_ended(worker, event.batch);
		else if (event.type == BROKER_REVOKED)
			drain_shorten(worker, event.lost);
		else if (event.type == BROKER_CONTROL)
			control_take(worker, &event.control);
		else if (event.type == BROKER_CONTROLS_READ)
			controls_are_read(worker);
		else if (event.type == BROKER_FATAL)
			worker_fatal(worker, &event.err);
	}
}

void drain_finish(struct worker *worker)
{
	while (!worker->ended && !worker->stalled && monotonic_ms() < worker->drain_end_ms &&
			(worker->running_count > 0 || worker->batches_under_way > 0 ||
			(worker->open && worker->open->count > 0) || watermarks_moved(worker))) {
		touch_check(worker);
		attempts_collect(worker, 5);
		batch_commit(worker);
		events_while_draining(worker);
	}
}

void partitions_revoked(struct worker *worker, bool lost)
{
	bool was_draining = worker->draining;
	chaos_point("at-revoke");
	log_event(LOG_INFO, lost ? "partitions lost" : "partitions revoked", "running",
		log_number(worker->running_count), NULL);
	worker->draining = true;
	worker->drain_end_ms = monotonic_ms() + worker->parts.config->worker.revoke_grace_ms;
	if (!lost && !chaos_off("drain"))
		drain_finish(worker);
	chaos_point("revoke-drained");
	worker->epoch++;		/* from here on nothing of the old assignment is published */
	jobs_kill(worker);
	int64_t end = monotonic_ms() + DEATH_MS;
	while (worker->running_count > 0 && !worker->ended && monotonic_ms() < end)
		attempts_collect(worker, 20);	/* dead before another worker may start them */
	jobs_drop(worker);
	if (worker->open && !chaos_off("epoch")) {
		publication_end(worker, worker->open);
		worker->open = NULL;
	}
	partitions_forget(worker);
	dedupe_clear(worker->dedupe);
	worker->broker->marks_flush(worker->parts.broker, MARKS_FLUSH_MS);
	worker->draining = was_draining;
	worker->stalled = false;
	count(worker, METRIC_REBALANCES, METRIC_UNLABELLED);
	worker->broker->unassign(worker->parts.broker);
}

void drain_begin(struct worker *worker)
{
	if (worker->draining)
		return;
	worker->draining = true;
	worker->parts.health->draining = true;
	worker->drain_end_ms = monotonic_ms() + worker->parts.config->worker.shutdown_grace_ms;
	log_event(LOG_INFO, "draining", "running", log_number(worker->running_count), NULL);
}

void drain_hand_back(struct worker *worker)
{
	int64_t end = monotonic_ms() + DEATH_MS;
	worker->epoch++;
	jobs_kill(worker);
	while (worker->running_count > 0 && monotonic_ms() < end) {
		struct attempt *attempt;
		struct err err;
		int got = executor_poll(worker->parts.executor, 100, &attempt, &err);
		if (got < 0)
			break;
		if (got == 1)
			attempt_ended(worker, attempt);
	}
	jobs_drop(worker);
	while (worker->batches_under_way > 0 && monotonic_ms() < end) {
		struct broker_event event;
		worker->broker->next(worker->parts.broker, &event);
		if (event.type == BROKER_MESSAGE)
			worker->broker->message_free(worker->parts.broker, &event.message);
		else if (event.type == BROKER_FETCHED && !event.missing)
			worker->broker->message_free(worker->parts.broker, &event.message);
		else if (event.type == BROKER_BATCH)
			batch_ended(worker, event.batch);
		else if (event.type == BROKER_NONE)
			poll(NULL, 0, 5);
	}
	worker->broker->marks_flush(worker->parts.broker, MARKS_FLUSH_MS);
	if (worker->open)
		publication_end(worker, worker->open);
	for (int i = 0; i < worker->slots; i++)
		if (worker->running[i])
			job_free(worker, worker->running[i], false);
}
