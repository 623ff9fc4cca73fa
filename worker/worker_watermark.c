/* worker_watermark.c: how much there is to do, how long the oldest unfinished request of each partition has been
 * under way, and which one it is where everything else waits for it.
 *
 * Waiting retries hold nothing up. Requests are read in the order of their offsets, so those of a partition in
 * a list have the oldest first.
 */
#include "worker_internal.h"

#include <stdlib.h>
#include <utlist.h>

#include "log.h"
#include "watermark_report.h"

#define REPORT_MS 1000
#define STANDSTILL_MS 5000		/* a window that is full and moves is only busy */
#define TELL_MS 60000			/* between two lines about the same window */

void watermark_job_add(struct worker *worker, struct job *job)
{
	struct partition *partition = partition_find(worker, job->place.source, job->place.partition);
	if (partition && source_is_requests(job->place.source))
		DL_APPEND2(partition->jobs, job, older, newer);
}

void watermark_job_remove(struct worker *worker, struct job *job)
{
	struct partition *partition = job->epoch == worker->epoch &&
		source_is_requests(job->place.source) ?
		partition_find(worker, job->place.source, job->place.partition) : NULL;
	if (partition && partition->jobs)
		DL_DELETE2(partition->jobs, job, older, newer);
}

void watermarks_forget(struct worker *worker)
{
	for (size_t i = 0; i < worker->partition_count; i++)
		if (source_is_requests(worker->partitions[i].source))
			metrics_forget_partition(worker->parts.metrics,
				place_label(&worker->partitions[i]));
	watermark_report_set(worker->parts.watermarks, NULL, 0);
}

static bool is_full(const struct partition *partition)
{
	return partition->held.owner || partition->full;
}

static struct watermark_holder holder_of(const struct job *job, int64_t now_ms)
{
	static const char *const states[] = {[SCHEDULER_QUEUED] = "queued",
		[SCHEDULER_RUNNING] = "running", [SCHEDULER_WAITING] = "waiting"};
	return (struct watermark_holder){job->message.topic, job->message.partition,
		job->message.offset, job->request->execution_id, job->request->thread_id,
		job->request->node_id, states[job->entry.state], now_ms - job->received_ms};
}

static void holder_tell(struct partition *partition, const struct watermark_holder *holder,
	int64_t now_ms)
{
	if (partition->watermark_seen != holder->offset) {
		partition->watermark_seen = holder->offset;
		partition->watermark_tell_ms = now_ms + STANDSTILL_MS;
	}
	if (now_ms < partition->watermark_tell_ms)
		return;
	partition->watermark_tell_ms = now_ms + TELL_MS;
	log_event(LOG_WARN, "the partition waits for one request: its window is full", "topic",
		holder->topic, "partition", log_number(holder->partition), "offset",
		log_number(holder->offset), "executionId", holder->execution_id, "threadId",
		holder->thread_id, "nodeId", holder->node_id, "state", holder->state, "held_ms",
		log_number(holder->held_ms), NULL);
}

/* Returns how many of its requests have not been read yet. */
static int64_t lag_report(struct worker *worker, const struct partition *partition)
{
	int64_t end = worker->broker->end(worker->parts.broker, partition->source, partition->number);
	if (end < 0 || !partition->window)
		return 0;
	int64_t watermark = offset_window_watermark(partition->window);
	int64_t read = watermark + offset_window_fill(partition->window);
	metrics_set(worker->parts.metrics, METRIC_LAG, place_label(partition),
		end > watermark ? (double)(end - watermark) : 0);
	return end > read ? end - read : 0;
}

/* The figure to scale on: lag counts what runs and what is done behind it, too. */
static void backlog_report(struct worker *worker)
{
	struct metrics *metrics = worker->parts.metrics;
	int64_t backlog[BROKER_SOURCES_MOST], all = 0;
	int sources = sources_count(worker->parts.config);
	for (int source = 0; source < sources; source++)
		backlog[source] = (int64_t)scheduler_queued_of(worker->scheduler, source);
	for (size_t i = 0; i < worker->partition_count; i++)
		if (source_is_requests(worker->partitions[i].source))
			backlog[worker->partitions[i].source] +=
				lag_report(worker, &worker->partitions[i]);
	for (int source = 0; source < sources; source++) {
		all += backlog[source];
		if (sources > BROKER_FURTHER && source_is_requests((enum broker_source)source))
			metrics_set(metrics, METRIC_TOPIC_BACKLOG,
				(int)source_index((enum broker_source)source), (double)backlog[source]);
	}
	metrics_set(metrics, METRIC_BACKLOG, METRIC_UNLABELLED, (double)all);
}

/* The log of it does not go away with the moment of the assignment, since the requests there stay. */
static void left_out_tell(struct worker *worker, int64_t now_ms)
{
	if (worker->left_out == 0 || (worker->left_out_told_ms &&
			now_ms - worker->left_out_told_ms < TELL_MS))
		return;
	worker->left_out_told_ms = now_ms;
	log_event(LOG_WARN, "partitions of further topics are not read, since the same numbers of "
		"topics.requests are another worker's: all workers need the same topics.priorities, and "
		"these topics the same number of partitions", "partitions",
		log_number((int64_t)worker->left_out), NULL);
}

/* Returns how many holders there are. */
static size_t holders_find(struct worker *worker, struct watermark_holder *holders, int64_t now_ms)
{
	size_t count = 0;
	for (size_t i = 0; i < worker->partition_count; i++) {
		struct partition *partition = &worker->partitions[i];
		const struct job *oldest = partition->jobs;
		if (!source_is_requests(partition->source))
			continue;
		metrics_set(worker->parts.metrics, METRIC_WATERMARK_AGE, place_label(partition),
			oldest ? (double)(now_ms - oldest->received_ms) / 1e3 : 0);
		if (!oldest || !partition->window || !is_full(partition))
			continue;
		holders[count] = holder_of(oldest, now_ms);
		holder_tell(partition, &holders[count++], now_ms);
	}
	return count;
}

void watermarks_report(struct worker *worker)
{
	int64_t now_ms = monotonic_ms();
	if (now_ms - worker->watermarks_ms < REPORT_MS)
		return;
	worker->watermarks_ms = now_ms;
	backlog_report(worker);
	left_out_tell(worker, now_ms);
	struct watermark_holder *holders = calloc(worker->partition_count + 1, sizeof *holders);
	if (!holders)
		return;
	size_t count = holders_find(worker, holders, now_ms);
	watermark_report_set(worker->parts.watermarks, holders, count);
	free(holders);
}
