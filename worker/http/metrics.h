/* metrics.h: what the worker counts, as Prometheus reads it.
 *
 * Every metric is one row of METRICS. Any thread may set and any thread may read: each number is
 * one atomic, so a reader may see one event's counter before its histogram, and never a torn number.
 * Labels are a closed set (encodings, statuses, error codes, topics of requests, partitions), so memory is
 * bounded whatever producers send.
 */
#ifndef CODEWORKER_METRICS_H
#define CODEWORKER_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "../codec/contract.h"

/* identifier, type, label, name, help. The label's values: what metrics_* take as index. */
#define METRICS(X)                                                                               \
	X(REQUESTS, COUNTER, ENCODING, "codeworker_requests_total", "Requests decoded.")         \
	X(MALFORMED, COUNTER, NONE, "codeworker_malformed_total", "Values that were no request.") \
	X(RESULTS, COUNTER, STATUS, "codeworker_results_total", "Final results committed.")      \
	X(ERRORS, COUNTER, CODE, "codeworker_errors_total", "Error events committed.")           \
	X(RETRIES, COUNTER, NONE, "codeworker_retries_total", "Further attempts committed.")     \
	X(DEAD, COUNTER, NONE, "codeworker_dead_total", "Dead letters committed.")               \
	X(DEDUPED, COUNTER, NONE, "codeworker_deduped_total",                                    \
		"Resubmitted executions that were not run again.")                               \
	X(CONTROLS, COUNTER, NONE, "codeworker_controls_total", "Control records received.")     \
	X(CONTROLS_MALFORMED, COUNTER, NONE, "codeworker_controls_malformed_total",              \
		"Control records that were skipped.")                                            \
	X(COMMITS, COUNTER, NONE, "codeworker_commits_total", "Batches committed.")              \
	X(ABORTS, COUNTER, NONE, "codeworker_aborts_total",                                      \
		"Batches dropped: their partitions had gone, and their work is done again.")     \
	X(REBALANCES, COUNTER, NONE, "codeworker_rebalances_total",                              \
		"Times that partitions were assigned or revoked.")                               \
	X(SANDBOX_FAILURES, COUNTER, NONE, "codeworker_sandbox_failures_total",                  \
		"Attempts that the sandbox failed, not the program.")                            \
	X(WARM, COUNTER, NONE, "codeworker_warm_attempts_total",                                 \
		"Attempts that were forked from a warm interpreter.")                            \
	X(CODE_HITS, COUNTER, NONE, "codeworker_code_cache_hits_total",                          \
		"Attempts that were handed their code compiled.")                                \
	X(CODE_MISSES, COUNTER, NONE, "codeworker_code_cache_misses_total",                      \
		"Attempts that could have been, had it been there.")                             \
	X(CODE_EVICTIONS, COUNTER, NONE, "codeworker_code_cache_evictions_total",                \
		"Compiled code that went to make room.")                                         \
	X(CODE_BYTES, GAUGE, NONE, "codeworker_code_cache_bytes",                                \
		"Memory that compiled code and its source take.")                                \
	X(SLOTS, GAUGE, NONE, "codeworker_slots", "Jobs that may run at once.")                  \
	X(JOBS_RUNNING, GAUGE, NONE, "codeworker_jobs_running", "Jobs running now.")             \
	X(JOBS_QUEUED, GAUGE, NONE, "codeworker_jobs_queued", "Requests waiting in memory.")     \
	X(RETRIES_GONE, COUNTER, NONE, "codeworker_retries_gone_total",                          \
		"Retries that were deleted from their topic before they were due.")              \
	X(RETRIES_WAITING, GAUGE, NONE, "codeworker_retries_waiting",                            \
		"Requests whose next attempt is not due yet.")                                   \
	X(PAUSED, GAUGE, NONE, "codeworker_partitions_paused", "Partitions paused now.")         \
	X(PARTITIONS, GAUGE, NONE, "codeworker_partitions", "Request partitions assigned.")      \
	X(TAKEOVER_PARTITIONS, GAUGE, NONE, "codeworker_takeover_partitions",                    \
		"Partitions that the group has given and whose state is being read: nothing of them runs.") \
	X(TAKEOVER_SECONDS, GAUGE, NONE, "codeworker_takeover_seconds",                          \
		"For how long the oldest of them has waited.")                                   \
	X(READY, GAUGE, NONE, "codeworker_ready", "1 while /readyz says yes.")                   \
	X(BACKLOG, GAUGE, NONE, "codeworker_backlog",                                            \
		"Requests not started yet and retries that are due: the figure to scale on.")    \
	X(TOPIC_BACKLOG, GAUGE, TOPIC, "codeworker_topic_backlog",                               \
		"The backlog by topic, where there is more than one of requests.")               \
	X(LEFT_OUT, GAUGE, NONE, "codeworker_partitions_left_out",                               \
		"Partitions that the group gave to this worker and that it may not read.")       \
	X(LAG, GAUGE, PARTITION, "codeworker_lag",                                               \
		"Records between what is done for good and the partition's end.")                \
	X(WINDOW_FILL, GAUGE, PARTITION, "codeworker_window_fill",                               \
		"Share of the partition's offset window in use, 0 to 1.")                        \
	X(WATERMARK_AGE, GAUGE, PARTITION, "codeworker_watermark_age_seconds",                   \
		"How long the partition's oldest unfinished request has been under way.")        \
	X(TENANTS_HELD, GAUGE, NONE, "codeworker_tenants_held",                                  \
		"Tenants whose requests wait because their CPU budget is used up.")              \
	X(TRANSACTION_SECONDS, HISTOGRAM, NONE, "codeworker_transaction_seconds",                \
		"From a batch's hand-over to its producer to its commit.")                        \
	X(BATCH_RECORDS, HISTOGRAM, NONE, "codeworker_batch_records",                            \
		"Records in a committed batch, marks and events among them.")                    \
	X(JOB_SECONDS, HISTOGRAM, STATUS, "codeworker_job_seconds",                              \
		"Wall time of an attempt.")                                                      \
	X(QUEUE_SECONDS, HISTOGRAM, NONE, "codeworker_queue_seconds",                            \
		"From a request's arrival at the broker to its first attempt.")

enum metric {
#define X(id, type, label, name, help) METRIC_##id,
	METRICS(X)
#undef X
	METRIC_COUNT
};

#define METRIC_PARTITION_LABELS 1024	/* above that a partition has no gauges of its own */
#define METRIC_UNLABELLED 0

struct metrics;

struct metrics *metrics_new(void);	/* NULL: no memory */
/* With several topics of requests, whose partitions' gauges have the topic as a label, too. topics: borrowed. */
struct metrics *metrics_new_topics(const char *const *topics, size_t count);
void metrics_free(struct metrics *metrics);

/* Label of a topic's partition. */
static inline int metric_place(size_t topic, int32_t partition)
{
	return partition < METRIC_PARTITION_LABELS ?
		(int)topic * METRIC_PARTITION_LABELS + partition : -1;
}

/* label: an enum encoding, status or error_code, a topic's index, a metric_place(), or METRIC_UNLABELLED, as the
 * row says.
 * One that is out of range is ignored. metrics may be NULL: nothing is counted. */
void metrics_add(struct metrics *metrics, enum metric metric, int label, uint64_t count);
void metrics_set(struct metrics *metrics, enum metric metric, int label, double value);
void metrics_observe(struct metrics *metrics, enum metric metric, int label, double value);

/* The partition is not this worker's any more: its gauges go. */
void metrics_forget_partition(struct metrics *metrics, int place);

/* For /status and tests: of a counter or gauge; 0 where there is none yet. */
double metrics_value(const struct metrics *metrics, enum metric metric, int label);

/* Prometheus's text format with the process's own figures. malloc'ed; NULL: no memory. */
char *metrics_render(const struct metrics *metrics, size_t *size);

#endif
