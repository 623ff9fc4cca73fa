/* worker_batch.c: what is finished becomes a transaction.
 *
 * Finished work gathers in a publication. It is given to the broker as soon as a producer is free; while requests
 * wait for a slot, so that a result sooner would start nothing sooner, it waits a little for the results to come, since
 * a transaction costs the broker as much as some jobs cost us: no result for longer than a part of
 * what its request has waited here already, so that who waited little goes on waiting little. It never waits for a
 * job to end.
 */
#include "worker_internal.h"

#include "log.h"

#define BYTES_MOST (32 << 20)		/* what one transaction carries, before no more is begun */
#define QUEUE_SHARE 4			/* of worker.queue_bytes, as others are under way beside it */
#define WAITED_SHARE 4			/* of a request's time here, that its result may wait */

struct publication *publication_open(struct worker *worker)
{
	struct err err;
	if (!worker->open) {
		worker->open = publication_new(worker->epoch);
		if (worker->open)
			worker->open->due_ms = monotonic_ms() + worker->parts.config->worker.batch_ms;
	}
	if (!worker->open) {
		err_set(&err, ERR_MEMORY, "no memory for results");
		worker_fatal(worker, &err);
	}
	return worker->open;
}

void publication_end(struct worker *worker, struct publication *publication)
{
	for (size_t i = 0; i < publication->message_count; i++)
		worker->broker->message_free(worker->parts.broker, &publication->messages[i]);
	publication_free(publication);
}

void batch_published(struct worker *worker, int result, const struct err *err)
{
	if (result < 0)
		worker_fatal(worker, err);
}

void batch_hurry(struct worker *worker, const struct job *job)
{
	int64_t now_ms = monotonic_ms(), due_ms = now_ms + (now_ms - job->received_ms) / WAITED_SHARE;
	if (worker->open && due_ms < worker->open->due_ms)
		worker->open->due_ms = due_ms;
}

bool watermarks_moved(const struct worker *worker)
{
	for (size_t i = 0; i < worker->partition_count; i++) {
		const struct partition *partition = &worker->partitions[i];
		if (partition->window &&
				offset_window_watermark(partition->window) != partition->published)
			return true;
	}
	return false;
}

static void offset_publish(struct worker *worker, struct publication *publication,
	struct partition *partition)
{
	struct err err;
	int64_t since_ms = offset_window_since(partition->window,
		partition_since_ms(worker, partition));
	partition->published = offset_window_watermark(partition->window);
	const struct broker_offset offset = {partition->number, partition->published, since_ms,
		partition->source};
	batch_published(worker, publish_offset(publication, &offset, &err), &err);
}

/* At least one, moved or not: the group's generation is checked with the offsets, and a transaction without
 * any would let a worker that the group has given up publish. */
static void offsets_publish(struct worker *worker, struct publication *publication)
{
	struct partition *any = NULL;
	for (size_t i = 0; i < worker->partition_count; i++) {
		struct partition *partition = &worker->partitions[i];
		if (!partition->window)
			continue;
		any = partition;
		if (offset_window_watermark(partition->window) != partition->published)
			offset_publish(worker, publication, partition);
	}
	if (any && publication->batch.offset_count == 0)
		offset_publish(worker, publication, any);
}

bool batch_backlogged(const struct worker *worker)
{
	const struct config *config = worker->parts.config;
	int64_t most = config->worker.queue_bytes / QUEUE_SHARE;
	return worker->open && (worker->open->count >= (size_t)config->worker.batch_records * 4 ||
		(int64_t)publication_bytes(worker->open) >= (most < BYTES_MOST ? most : BYTES_MOST));
}

/* How long the open batch waits yet. */
static int64_t patience_ms(const struct worker *worker)
{
	const struct config *config = worker->parts.config;
	if (worker->draining || worker->running_count < worker->slots ||
			scheduler_queued(worker->scheduler) == 0 ||
			worker->open->count >= (size_t)config->worker.batch_records)
		return 0;
	int64_t left_ms = worker->open->due_ms - monotonic_ms();
	return left_ms < 0 ? 0 : left_ms;
}

int64_t batch_commit(struct worker *worker)
{
	if (worker->ended || worker->stalled ||
			!worker->broker->free_for_batch(worker->parts.broker))
		return INT64_MAX;	/* ended: what led to it may be missing in the batch */
	if ((!worker->open || worker->open->count == 0) && !watermarks_moved(worker))
		return INT64_MAX;
	struct publication *publication = publication_open(worker);
	if (!publication)
		return INT64_MAX;
	int64_t wait_ms = patience_ms(worker);
	if (wait_ms > 0)
		return wait_ms;
	offsets_publish(worker, publication);
	publication_seal(publication);
	publication->number = ++worker->batches_given;
	worker->open = NULL;
	worker->batches_under_way++;
	worker->broker->commit(worker->parts.broker, &publication->batch);
	return INT64_MAX;
}

/* Not before: one that is dropped is done again, here or elsewhere, and counted there. */
static void counts_add(struct metrics *metrics, const struct publication_counts *counts)
{
	for (int i = 0; i <= STATUS_SKIPPED; i++)
		metrics_add(metrics, METRIC_RESULTS, i, counts->results[i]);
	for (int i = 0; i < ERROR_CODE_COUNT; i++)
		metrics_add(metrics, METRIC_ERRORS, i, counts->errors[i]);
	metrics_add(metrics, METRIC_RETRIES, METRIC_UNLABELLED, counts->retries);
	metrics_add(metrics, METRIC_DEAD, METRIC_UNLABELLED, counts->dead);
}

void batch_ended(struct worker *worker, struct broker_batch *batch)
{
	struct publication *publication = (struct publication *)batch;
	worker->batches_under_way--;
	if (batch->outcome == BROKER_COMMITTED) {
		worker->batch_committed = publication->number;
		counts_add(worker->parts.metrics, &publication->counts);
		count(worker, METRIC_COMMITS, METRIC_UNLABELLED);
		metrics_observe(worker->parts.metrics, METRIC_TRANSACTION_SECONDS, METRIC_UNLABELLED,
			(double)batch->commit_us / 1e6);
		metrics_observe(worker->parts.metrics, METRIC_BATCH_RECORDS, METRIC_UNLABELLED,
			(double)batch->record_count);
	} else {
		count(worker, METRIC_ABORTS, METRIC_UNLABELLED);
		/* Its offsets count as done here: a later batch would commit past what was lost. */
		if (batch->epoch == worker->epoch && !worker->stalled) {
			worker->stalled = true;
			worker->stalled_ms = monotonic_ms();
		}
		log_event(LOG_WARN, "a batch was dropped: its partitions are no longer ours",
			"records", log_number((int64_t)batch->record_count), NULL);
	}
	publication_end(worker, publication);
}
