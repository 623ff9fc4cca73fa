/* worker.c: see worker.h.
 *
 * One thread. A request is held as a job from its consumption until the transaction with its final
 * result is through. Finished work gathers in a publication, which is given to the broker as soon as a
 * producer is free, so batches grow with the load and never wait for a running job.
 *
 * Every job carries the epoch of the assignment it came with. When partitions are taken away the epoch
 * ends: what still runs is killed, and a result of an old epoch is dropped before it is produced.
 */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "executor_error.h"
#include "log.h"
#include "offset_window.h"
#include "scheduler.h"
#include "state.h"

#define SANDBOX_TRIES 3
#define SANDBOX_BACKOFF_MS 500
#define RESULT_ARENA_BYTES (64u << 20)
#define REMEMBER_MS (INT64_MAX / 2)	/* of what is not final yet: does not expire */
#define DEATH_MS 5000			/* how long killed jobs may take to be dead */

struct partition {
	int32_t number;
	struct offset_window *window;	/* made with the first message */
	int64_t published;		/* watermark in the newest batch; -1: none */
	struct broker_message held;	/* came when the window was full; owner NULL: none */
	bool paused;
};

struct job {
	struct scheduler_entry entry;	/* first: the scheduler hands it back */
	struct request *request;
	struct broker_message message;
	uint64_t epoch, tag;
	int attempt;			/* that runs or runs next, from 1 */
	int sandbox_failures;
	int64_t received_ms, queued_ms;
	struct error_record last_error;	/* of the attempt before, in the request's arena */
	bool running;
	bool refused;			/* last_error says why; it is not to be run */
};

struct worker {
	struct worker_parts parts;
	const struct broker_functions *broker;
	struct scheduler *scheduler;
	struct dedupe *dedupe;
	struct partition *partitions;
	size_t partition_count;
	struct job **running;		/* slots of them, NULL where free */
	int slots, running_count;
	uint64_t epoch, next_tag;
	struct publication *open;	/* being filled; NULL: none */
	int batches_under_way;
	int64_t held, held_bytes;	/* requests and bytes in memory */
	bool paused_all, draining, ended;
	bool stalled;			/* a batch was dropped: nothing more until we are given partitions */
	int64_t stalled_ms;		/* since when */
	bool out_of_touch;		/* with the group: nothing runs */
	int64_t drain_end_ms;
	struct err fatal;
};

static int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static int64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static void fatal(struct worker *worker, const struct err *err)
{
	if (!worker->ended)
		worker->fatal = *err;
	worker->ended = true;
}

static void count(struct worker *worker, enum metric metric, int label)
{
	metrics_add(worker->parts.metrics, metric, label, 1);
}

/* ---- partitions */

static struct partition *partition_find(struct worker *worker, int32_t number)
{
	for (size_t i = 0; i < worker->partition_count; i++)
		if (worker->partitions[i].number == number)
			return &worker->partitions[i];
	return NULL;
}

static void message_take(struct worker *worker, struct broker_message *message);

static void partition_pause(struct worker *worker, struct partition *partition, bool paused)
{
	if (partition->paused == paused)
		return;
	if (!paused && partition->held.owner) {
		struct broker_message message = partition->held;
		partition->held = (struct broker_message){0};
		message_take(worker, &message);
		if (partition->held.owner)
			return;		/* there is still no room */
	}
	partition->paused = paused;
	worker->broker->pause(worker->parts.broker, partition->number, paused);
}

/* Finished work that no producer has taken yet: no more is begun meanwhile. */
static bool backlogged(const struct worker *worker)
{
	return worker->open && worker->open->count >=
		(size_t)worker->parts.config->worker.batch_records * 4;
}

/* Full windows pause their partition, full memory or draining all of them; half empty, they go on. */
static void pauses_update(struct worker *worker)
{
	const struct config *config = worker->parts.config;
	if (worker->held >= config->worker.queue || worker->held_bytes >= config->worker.queue_bytes)
		worker->paused_all = true;
	else if (worker->held <= config->worker.queue / 2 &&
			worker->held_bytes <= config->worker.queue_bytes / 2)
		worker->paused_all = false;
	for (size_t i = 0; i < worker->partition_count; i++) {
		struct partition *partition = &worker->partitions[i];
		int64_t fill = partition->window ? offset_window_fill(partition->window) : 0;
		bool full = fill >= config->worker.window ||
			(partition->held.owner && !partition->paused) ||
			(partition->paused && fill > config->worker.window / 2);
		partition_pause(worker, partition, full || worker->paused_all || worker->draining ||
			backlogged(worker));
	}
}

static void partitions_forget(struct worker *worker)
{
	for (size_t i = 0; i < worker->partition_count; i++) {
		struct partition *partition = &worker->partitions[i];
		if (partition->held.owner)
			worker->broker->message_free(worker->parts.broker, &partition->held);
		offset_window_free(partition->window);
	}
	free(worker->partitions);
	worker->partitions = NULL;
	worker->partition_count = 0;
}

static void offset_done(struct worker *worker, int32_t number, int64_t offset)
{
	struct partition *partition = partition_find(worker, number);
	if (partition && partition->window)
		offset_window_done(partition->window, offset);
}

/* ---- publications */

static struct publication *publication_open(struct worker *worker)
{
	struct err err;
	if (!worker->open) {
		worker->open = publication_new(worker->epoch);
		if (worker->open)
			worker->open->begun_ms = monotonic_ms();
	}
	if (!worker->open) {
		err_set(&err, ERR_MEMORY, "no memory for results");
		fatal(worker, &err);
	}
	return worker->open;
}

static void publication_end(struct worker *worker, struct publication *publication)
{
	for (size_t i = 0; i < publication->message_count; i++)
		worker->broker->message_free(worker->parts.broker, &publication->messages[i]);
	publication_free(publication);
}

/* A result that can't be published must not be lost by going on: the worker ends, and its successor
 * finds the request not done. */
static void published(struct worker *worker, int result, const struct err *err)
{
	if (result < 0)
		fatal(worker, err);
}

static bool watermarks_moved(const struct worker *worker)
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
	int64_t since_ms = offset_window_since(partition->window, wall_ms());
	partition->published = offset_window_watermark(partition->window);
	published(worker, publish_offset(publication, partition->number, partition->published,
		since_ms, &err), &err);
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

static void batch_commit(struct worker *worker)
{
	if (worker->stalled || !worker->broker->free_for_batch(worker->parts.broker))
		return;
	if ((!worker->open || worker->open->count == 0) && !watermarks_moved(worker))
		return;
	struct publication *publication = publication_open(worker);
	if (!publication)
		return;
	offsets_publish(worker, publication);
	publication_seal(publication);
	worker->open = NULL;
	worker->batches_under_way++;
	worker->broker->commit(worker->parts.broker, &publication->batch);
}

static void batch_ended(struct worker *worker, struct broker_batch *batch)
{
	worker->batches_under_way--;
	if (batch->outcome == BROKER_COMMITTED) {
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
	publication_end(worker, (struct publication *)batch);
}

/* ---- jobs */

static void job_free(struct worker *worker, struct job *job, bool keep_message)
{
	worker->held--;
	worker->held_bytes -= (int64_t)job->message.value_size;
	if (!keep_message)
		worker->broker->message_free(worker->parts.broker, &job->message);
	arena_free(job->request->arena);
	free(job);
}

static enum encoding answer_encoding(const struct worker *worker, const struct request *request)
{
	const char *configured = worker->parts.config->worker.result_encoding;
	if (configured && strcmp(configured, "json") == 0)
		return ENCODING_JSON;
	if (configured && strcmp(configured, "avro") == 0)
		return ENCODING_AVRO;
	return request->encoding;
}

/* The final result. Returns 1, with nothing published, when its value does not fit the topic. */
static int result_publish(struct worker *worker, const struct job *job, enum status status,
	const struct error_record *error, const struct attempt *attempt, struct err *err)
{
	struct publication *publication = publication_open(worker);
	struct arena *scratch = arena_new(RESULT_ARENA_BYTES);
	struct result result;
	int done = publication && scratch ? 0 : err_set(err, ERR_MEMORY, "no memory for a result");
	if (done == 0)
		done = executor_result(worker->parts.executor, scratch, job->request, job->attempt,
			status, error, attempt, job->queued_ms, &result, err);
	if (done == 0)
		done = publish_result(worker->parts.publisher, publication, &job->message,
			answer_encoding(worker, job->request), &result, err);
	arena_free(scratch);
	return done;
}

/* What goes with a final result: a dead letter if it failed, and the mark that it is final. Frees the
 * job. */
static void job_settle(struct worker *worker, struct job *job, enum status status,
	const struct error_record *error)
{
	const struct worker_parts *parts = &worker->parts;
	const struct request *request = job->request;
	struct publication *publication = publication_open(worker);
	struct err err = {0};
	int64_t now = wall_ms();
	int done = publication ? 0 : -1;
	if (done == 0 && status == STATUS_FAILED)
		done = publish_dead(parts->publisher, publication, &job->message, job->attempt,
			error->message, &err);
	if (done == 0)
		done = publish_final(parts->publisher, publication, &job->message, request->thread_id,
			request->node_id, request->execution_id, now, &err);
	if (done == 0)
		done = publication_keep(publication, &job->message, &err);
	if (publication)
		published(worker, done, &err);
	struct execution_name name = execution_name(request->thread_id, request->node_id,
		request->execution_id);
	dedupe_remove(worker->dedupe, job->message.partition, name);
	if (dedupe_add(worker->dedupe, job->message.partition, name, now) < 0)
		log_event(LOG_WARN, "no memory to remember an execution for the dedupe window", NULL);
	count(worker, METRIC_RESULTS, (int)status);
	if (status == STATUS_FAILED)
		count(worker, METRIC_DEAD, METRIC_UNLABELLED);
	offset_done(worker, job->message.partition, job->message.offset);
	job_free(worker, job, done == 0);
}

/* The end of a request that is known to fit: failed, or skipped. attempt: NULL where nothing ran. */
static void job_conclude(struct worker *worker, struct job *job, enum status status,
	const struct error_record *error, const struct attempt *attempt)
{
	struct err err = {0};
	int done = result_publish(worker, job, status, error, attempt, &err);
	if (done == 1)
		done = err_set(&err, ERR_INVALID, "a result does not fit into %s even without output: "
			"raise its max.message.bytes", worker->parts.config->topics.results);
	published(worker, done, &err);
	job_settle(worker, job, status, error);
}

static void job_error_event(struct worker *worker, struct job *job, bool is_final,
	int64_t next_attempt_at_ms, const struct error_record *error, const struct attempt *attempt)
{
	const struct worker_parts *parts = &worker->parts;
	struct publication *publication = publication_open(worker);
	struct err err = {0};
	struct error_event event;
	if (!publication)
		return;
	int done = executor_error_event(parts->executor, publication->arena, job->request,
		job->attempt, is_final, next_attempt_at_ms, error, attempt, &event, &err);
	if (done == 0)
		done = publish_error(parts->publisher, publication, &job->message,
			answer_encoding(worker, job->request), &event, &err);
	published(worker, done, &err);
	count(worker, METRIC_ERRORS, (int)error->code);
}

static void job_fail(struct worker *worker, struct job *job, const struct error_record *error,
	const struct attempt *attempt)
{
	job_error_event(worker, job, true, REQUEST_TIME_NONE, error, attempt);
	scheduler_finish(worker->scheduler, &job->entry);
	job_conclude(worker, job, STATUS_FAILED, error, attempt);
}

static bool deadline_passed(const struct job *job, int64_t now_ms)
{
	return job->request->deadline_ms != REQUEST_TIME_NONE && job->request->deadline_ms <= now_ms;
}

/* ---- requests in */

/* A value that can't be answered with a result: nobody knows whose it is, or the execution has its answer
 * already. It is told and kept. */
static void message_discard(struct worker *worker, struct broker_message *message,
	struct request *request, const struct error_record *error)
{
	const struct worker_parts *parts = &worker->parts;
	struct publication *publication = publication_open(worker);
	struct err err = {0};
	struct error_event event;
	if (!publication)
		return;
	int done = executor_error_event(parts->executor, publication->arena, request, 1, true,
		REQUEST_TIME_NONE, error, NULL, &event, &err);
	if (done == 0)
		done = publish_error(parts->publisher, publication, message, ENCODING_JSON, &event,
			&err);
	if (done == 0)
		done = publish_dead(parts->publisher, publication, message, 1, error->message, &err);
	if (done == 0)
		done = publish_final(parts->publisher, publication, message, NULL, NULL, NULL,
			wall_ms(), &err);
	if (done == 0)
		done = publication_keep(publication, message, &err);
	published(worker, done, &err);
	if (done < 0)
		worker->broker->message_free(worker->parts.broker, message);
	count(worker, METRIC_ERRORS, (int)error->code);
	count(worker, METRIC_DEAD, METRIC_UNLABELLED);
	offset_done(worker, message->partition, message->offset);
	arena_free(request->arena);
}

static void message_skip(struct worker *worker, struct broker_message *message,
	struct request *request)
{
	offset_done(worker, message->partition, message->offset);
	worker->broker->message_free(worker->parts.broker, message);
	if (request)
		arena_free(request->arena);
}

/* refusal: why it is not to be run, in the request's arena; NULL: it is. Either way it waits for its key. */
static void request_queue(struct worker *worker, struct broker_message *message,
	struct request *request, const struct error_record *refusal)
{
	struct err err;
	struct job *job = calloc(1, sizeof *job);
	const char *key = arena_format(request->arena, "%s:%s", request->thread_id,
		request->node_id);
	if (!job || !key || scheduler_add(worker->scheduler, &job->entry, message->partition, key,
			strlen(key)) < 0) {
		free(job);
		message_skip(worker, message, request);
		err_set(&err, ERR_MEMORY, "no memory for requests: lower worker.queue");
		fatal(worker, &err);
		return;
	}
	job->request = request;
	job->message = *message;
	job->epoch = worker->epoch;
	job->attempt = 1;
	job->received_ms = monotonic_ms();
	job->refused = refusal != NULL;
	if (refusal)
		job->last_error = *refusal;
	worker->held++;
	worker->held_bytes += (int64_t)message->value_size;
}

static void request_take(struct worker *worker, struct broker_message *message,
	struct request *request, const struct error_record *refusal)
{
	struct err err;
	struct execution_name name = execution_name(request->thread_id, request->node_id,
		request->execution_id);
	bool known = dedupe_has(worker->dedupe, message->partition, name, wall_ms());
	if (known && refusal) {
		message_discard(worker, message, request, refusal);
	} else if (known) {
		count(worker, METRIC_DEDUPED, METRIC_UNLABELLED);
		message_skip(worker, message, request);
	} else if (dedupe_add(worker->dedupe, message->partition, name, REMEMBER_MS) < 0) {
		message_skip(worker, message, request);
		err_set(&err, ERR_MEMORY, "no memory for the dedupe window: shorten "
			"worker.dedupe_window");
		fatal(worker, &err);
	} else {
		request_queue(worker, message, request, refusal);
	}
}

static void message_malformed(struct worker *worker, struct broker_message *message,
	struct request *request, const struct malformed *why)
{
	const struct error_record error = {.code = ERROR_REQUEST_MALFORMED, .message = why->message,
		.field = why->field};
	request->encoding = ENCODING_JSON;
	request->thread_id = why->thread_id;
	request->node_id = why->node_id;
	request->execution_id = why->execution_id ? why->execution_id :
		arena_format(request->arena, "%s-%d-%lld", message->topic, (int)message->partition,
			(long long)message->offset);
	count(worker, METRIC_MALFORMED, METRIC_UNLABELLED);
	if (request->thread_id && request->node_id && request->execution_id)
		request_take(worker, message, request, &error);
	else
		message_discard(worker, message, request, &error);
}

static void message_decode(struct worker *worker, struct broker_message *message)
{
	struct source source = {message->topic, message->partition, message->offset};
	struct request *request = NULL;
	struct malformed why = {0};
	struct err err = {0};
	int decoded = codec_decode_request(worker->parts.codec, message->value, message->value_size,
		&source, &request, &why, &err);
	if (decoded < 0) {
		worker->broker->message_free(worker->parts.broker, message);
		fatal(worker, &err);
	} else if (decoded == 1) {
		message_malformed(worker, message, request, &why);
	} else {
		count(worker, METRIC_REQUESTS, (int)request->encoding);
		request_take(worker, message, request, NULL);
	}
}

static struct offset_window *window_make(struct worker *worker, int64_t start)
{
	struct err err;
	struct offset_window *window = offset_window_new(start, worker->parts.config->worker.window);
	if (!window) {
		err_set(&err, ERR_MEMORY, "no memory for the offset window");
		fatal(worker, &err);
	}
	return window;
}

/* A long gap in the offsets can fill the window at a stroke. The message waits until there is room; its
 * partition is paused and brings no other. */
static void message_hold(struct worker *worker, struct partition *partition,
	struct broker_message *message)
{
	struct err err;
	if (partition->held.owner) {
		worker->broker->message_free(worker->parts.broker, message);
		err_set(&err, ERR_SYSTEM, "a paused partition brought another message");
		fatal(worker, &err);
		return;
	}
	partition->held = *message;
}

static void message_take(struct worker *worker, struct broker_message *message)
{
	struct partition *partition = partition_find(worker, message->partition);
	if (partition && !partition->window) {
		partition->window = window_make(worker, message->offset);
		partition->published = message->offset;
	}
	if (!partition || !partition->window || worker->ended) {
		worker->broker->message_free(worker->parts.broker, message);
		return;			/* of an assignment that is over */
	}
	switch (offset_window_add(partition->window, message->offset)) {
	case OFFSET_NEW:
		message_decode(worker, message);
		return;
	case OFFSET_FULL:
		message_hold(worker, partition, message);
		return;
	case OFFSET_KNOWN:
	case OFFSET_FINISHED:		/* by a predecessor */
		worker->broker->message_free(worker->parts.broker, message);
	}
}

/* ---- attempts */

static int slot_of(const struct worker *worker, uint64_t tag)
{
	for (int i = 0; i < worker->slots; i++)
		if (worker->running[i] && worker->running[i]->tag == tag)
			return i;
	return -1;
}

static void job_started(struct worker *worker, struct job *job)
{
	for (int i = 0; i < worker->slots; i++)
		if (!worker->running[i]) {
			worker->running[i] = job;
			worker->running_count++;
			job->running = true;
			return;
		}
}

static void job_skip(struct worker *worker, struct job *job)
{
	static const struct error_record expired = {.code = ERROR_EXPIRED,
		.message = "The deadline passed before the first attempt"};
	scheduler_finish(worker->scheduler, &job->entry);
	if (job->attempt == 1) {
		job_conclude(worker, job, STATUS_SKIPPED, &expired, NULL);
		return;
	}
	job->attempt--;			/* the one that failed */
	job_conclude(worker, job, STATUS_FAILED, &job->last_error, NULL);
}

/* Returns false when no more can be started now. */
static bool job_start(struct worker *worker, struct job *job)
{
	struct error_record error = {0};
	struct err err = {0};
	if (job->refused) {
		error = job->last_error;
		job_fail(worker, job, &error, NULL);
		return true;
	}
	if (deadline_passed(job, wall_ms())) {
		job_skip(worker, job);
		return true;
	}
	job->tag = worker->next_tag++;
	job->queued_ms = monotonic_ms() - job->received_ms;
	metrics_observe(worker->parts.metrics, METRIC_QUEUE_SECONDS, METRIC_UNLABELLED,
		(double)job->queued_ms / 1e3);
	switch (executor_start(worker->parts.executor, job->request, job->attempt, job->tag, &error,
			&err)) {
	case EXECUTOR_STARTED:
		job_started(worker, job);
		return true;
	case EXECUTOR_REFUSED:
		job_fail(worker, job, &error, NULL);
		return true;
	case EXECUTOR_BUSY:
		scheduler_put_back(worker->scheduler, &job->entry);
		return false;
	case EXECUTOR_BROKEN:
		scheduler_put_back(worker->scheduler, &job->entry);
		fatal(worker, &err);
		return false;
	}
	return false;
}

static void jobs_start(struct worker *worker)
{
	while (!worker->draining && !worker->ended && !worker->stalled && !worker->out_of_touch &&
			!backlogged(worker) && worker->running_count < worker->slots) {
		struct scheduler_entry *entry = scheduler_next(worker->scheduler);
		if (!entry || !job_start(worker, (struct job *)entry))
			break;
	}
}

/* Details of an error live as long as the attempt; the next attempt may have to repeat them. */
static struct error_record error_copy(struct arena *arena, const struct error_record *error)
{
	struct error_record copy = {.code = error->code};
	struct pair *pairs = arena_alloc(arena, (error->details.count + 1) * sizeof *pairs);
	copy.message = arena_string(arena, error->message);
	copy.field = arena_string(arena, error->field);
	for (size_t i = 0; pairs && i < error->details.count; i++)
		pairs[i] = (struct pair){arena_string(arena, error->details.pairs[i].name),
			arena_string(arena, error->details.pairs[i].value)};
	copy.details = (struct map){pairs, pairs ? error->details.count : 0};
	return copy;
}

static void attempt_sandbox_failed(struct worker *worker, struct job *job,
	const struct attempt *attempt)
{
	count(worker, METRIC_SANDBOX_FAILURES, METRIC_UNLABELLED);
	if (job->sandbox_failures++ < SANDBOX_TRIES) {
		log_event(LOG_WARN, "the sandbox failed; trying again", "executionId",
			job->request->execution_id, "reason", attempt->error.message, NULL);
		scheduler_retry(worker->scheduler, &job->entry,
			wall_ms() + (SANDBOX_BACKOFF_MS << (job->sandbox_failures - 1)));
		return;
	}
	job_fail(worker, job, &attempt->error, attempt);
}

static void attempt_failed(struct worker *worker, struct job *job, const struct attempt *attempt)
{
	const struct config *config = worker->parts.config;
	int64_t retries = job->request->retries, delay = job->request->retry_delay_ms;
	int64_t now = wall_ms();
	if (attempt->sandbox_failed) {
		attempt_sandbox_failed(worker, job, attempt);
		return;
	}
	if (retries > config->policy.max_retries)
		retries = config->policy.max_retries;
	if (delay > config->policy.max_retry_delay_ms)
		delay = config->policy.max_retry_delay_ms;
	if (!error_retryable(attempt->error.code) || job->attempt > retries) {
		job_fail(worker, job, &attempt->error, attempt);
		return;
	}
	job_error_event(worker, job, false, now + delay, &attempt->error, attempt);
	job->last_error = error_copy(job->request->arena, &attempt->error);
	job->attempt++;
	count(worker, METRIC_RETRIES, METRIC_UNLABELLED);
	scheduler_retry(worker->scheduler, &job->entry, now + delay);
}

static void attempt_succeeded(struct worker *worker, struct job *job, struct attempt *attempt)
{
	struct err err = {0};
	int done = result_publish(worker, job, STATUS_COMPLETED, NULL, attempt, &err);
	if (done == 1) {
		executor_error_make(attempt->arena, job->request, job->attempt, ERROR_LIMIT_OUTPUT,
			&attempt->error, "The value is larger than the topic %s takes",
			worker->parts.config->topics.results);
		executor_error_detail(attempt->arena, &attempt->error, "limit", "output");
		attempt_failed(worker, job, attempt);
		return;
	}
	published(worker, done, &err);
	scheduler_finish(worker->scheduler, &job->entry);
	job_settle(worker, job, STATUS_COMPLETED, NULL);
}

static void attempt_ended(struct worker *worker, struct attempt *attempt)
{
	int slot = slot_of(worker, attempt->tag);
	if (slot < 0) {
		attempt_free(attempt);
		return;
	}
	struct job *job = worker->running[slot];
	worker->running[slot] = NULL;
	worker->running_count--;
	metrics_observe(worker->parts.metrics, METRIC_JOB_SECONDS, attempt->failed ? STATUS_FAILED :
		STATUS_COMPLETED, (double)attempt->sandbox.wall_ms / 1e3);
	job->running = false;
	if (job->epoch != worker->epoch) {
		scheduler_finish(worker->scheduler, &job->entry);
		job_free(worker, job, false);	/* its partition is somebody else's now */
	} else if (attempt->killed) {
		/* Handed back: not done, so whoever has the partition next runs it; no attempt counts. */
		scheduler_put_back(worker->scheduler, &job->entry);
	} else if (attempt->failed) {
		attempt_failed(worker, job, attempt);
	} else {
		attempt_succeeded(worker, job, attempt);
	}
	attempt_free(attempt);
}

static void attempts_collect(struct worker *worker, int timeout_ms)
{
	struct attempt *attempt;
	struct err err = {0};
	int got;
	while ((got = executor_poll(worker->parts.executor, timeout_ms, &attempt, &err)) == 1) {
		attempt_ended(worker, attempt);
		timeout_ms = 0;
	}
	if (got < 0)
		fatal(worker, &err);
}

/* ---- taking partitions over and giving them back */

/* What was committed, before what code.state tells of it. */
static void positions_take(struct worker *worker, const struct broker_event *event)
{
	struct err err;
	partitions_forget(worker);
	worker->partitions = calloc(event->position_count + 1, sizeof *worker->partitions);
	if (!worker->partitions) {
		err_set(&err, ERR_MEMORY, "no memory");
		fatal(worker, &err);
		return;
	}
	worker->partition_count = event->position_count;
	for (size_t i = 0; i < event->position_count; i++) {
		const struct broker_offset *position = &event->positions[i];
		struct partition *partition = &worker->partitions[i];
		*partition = (struct partition){.number = position->partition, .published = -1};
		if (position->offset < 0)
			continue;	/* its window begins with the first message */
		partition->published = position->offset;
		partition->window = window_make(worker, position->offset);
		if (partition->window)
			offset_window_since_set(partition->window, position->since_ms);
	}
}

/* Nothing but transaction markers is left there: the offset committed is the end, or an idle partition
 * would show a lag for ever. */
static void end_take(struct worker *worker, const struct broker_offset *end)
{
	struct partition *partition = partition_find(worker, end->partition);
	if (partition && partition->window && !partition->held.owner)
		offset_window_end(partition->window, end->offset);
}

static void assigned(struct worker *worker, const struct broker_event *event)
{
	struct broker_offset *unknown = NULL;
	if (worker->partition_count == 0 && event->partition_count > 0)
		unknown = calloc(event->partition_count, sizeof *unknown);
	for (size_t i = 0; unknown && i < event->partition_count; i++)
		unknown[i] = (struct broker_offset){event->partitions[i], -1, 0};
	if (unknown) {
		const struct broker_event positions = {.positions = unknown,
			.position_count = event->partition_count};
		positions_take(worker, &positions);
		free(unknown);
	}
	count(worker, METRIC_REBALANCES, METRIC_UNLABELLED);
	log_event(LOG_INFO, "partitions assigned", "count",
		log_number((int64_t)event->partition_count), "remembered",
		log_number((int64_t)dedupe_count(worker->dedupe)), NULL);
}

static void state_take(struct worker *worker, const struct broker_state *state)
{
	struct execution_name name;
	struct err err;
	int64_t offset, at_ms;
	if (!state_read_final(state->value, state->size, &name, &offset, &at_ms))
		return;
	struct partition *partition = partition_find(worker, state->partition);
	if (dedupe_add(worker->dedupe, state->partition, name, at_ms) < 0 || (partition &&
			partition->window && offset_window_restore(partition->window, offset) < 0)) {
		err_set(&err, ERR_MEMORY, "no memory for what %s tells of partition %d",
			worker->parts.config->topics.state, (int)state->partition);
		fatal(worker, &err);
	}
}

static void jobs_kill(struct worker *worker)
{
	for (int i = 0; i < worker->slots; i++)
		if (worker->running[i])
			executor_kill(worker->parts.executor, worker->running[i]->tag);
}

static void jobs_drop(struct worker *worker)
{
	struct scheduler_entry *entry;
	while ((entry = scheduler_drop(worker->scheduler)))
		job_free(worker, (struct job *)entry, false);
}

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
		else if (event.type == BROKER_BATCH)
			batch_ended(worker, event.batch);
		else if (event.type == BROKER_REVOKED)
			drain_shorten(worker, event.lost);
		else if (event.type == BROKER_FATAL)
			fatal(worker, &event.err);
	}
}

/* Lets what runs end until drain_end_ms, and commits it under the generation that is still ours. */
static void finish(struct worker *worker)
{
	while (!worker->ended && !worker->stalled && monotonic_ms() < worker->drain_end_ms &&
			(worker->running_count > 0 || worker->batches_under_way > 0 ||
			(worker->open && worker->open->count > 0) || watermarks_moved(worker))) {
		attempts_collect(worker, 5);
		batch_commit(worker);
		events_while_draining(worker);
	}
}

static void revoked(struct worker *worker, bool lost)
{
	bool was_draining = worker->draining;
	log_event(LOG_INFO, lost ? "partitions lost" : "partitions revoked", "running",
		log_number(worker->running_count), NULL);
	worker->draining = true;
	worker->drain_end_ms = monotonic_ms() + worker->parts.config->worker.revoke_grace_ms;
	if (!lost)
		finish(worker);
	worker->epoch++;		/* from here on nothing of the old assignment is published */
	jobs_kill(worker);
	int64_t end = monotonic_ms() + DEATH_MS;
	while (worker->running_count > 0 && !worker->ended && monotonic_ms() < end)
		attempts_collect(worker, 20);	/* dead before another worker may start them */
	jobs_drop(worker);
	if (worker->open) {
		publication_end(worker, worker->open);
		worker->open = NULL;
	}
	partitions_forget(worker);
	dedupe_clear(worker->dedupe);
	worker->draining = was_draining;
	worker->stalled = false;
	count(worker, METRIC_REBALANCES, METRIC_UNLABELLED);
	worker->broker->unassign(worker->parts.broker);
}

static void event_handle(struct worker *worker, struct broker_event *event)
{
	switch (event->type) {
	case BROKER_MESSAGE:
		message_take(worker, &event->message);
		pauses_update(worker);
		break;
	case BROKER_TAKEOVER:
		positions_take(worker, event);
		break;
	case BROKER_END:
		end_take(worker, &event->end);
		break;
	case BROKER_STATE:
		state_take(worker, &event->state);
		break;
	case BROKER_ASSIGNED:
		assigned(worker, event);
		break;
	case BROKER_REVOKED:
		revoked(worker, event->lost);
		break;
	case BROKER_BATCH:
		batch_ended(worker, event->batch);
		break;
	case BROKER_JOINED:
		worker->parts.health->joined = true;
		log_event(LOG_INFO, "joined the group", NULL);
		break;
	case BROKER_FATAL:
		fatal(worker, &event->err);
		break;
	case BROKER_NONE:
		break;
	}
}

static void events_take(struct worker *worker)
{
	struct broker_event event;
	do {
		worker->broker->next(worker->parts.broker, &event);
		event_handle(worker, &event);
	} while (event.type != BROKER_NONE && !worker->ended);
}

/* ---- the loop */

/* The group gives our partitions to another worker when it has not heard of us for a session timeout; by then
 * our jobs must be dead. They go back to the front of their keys, uncounted. */
static void touch_check(struct worker *worker)
{
	int64_t silence_ms = worker->broker->silence_ms(worker->parts.broker);
	bool out = silence_ms >= worker->broker->session_ms(worker->parts.broker) / 2;
	if (out == worker->out_of_touch)
		return;
	worker->out_of_touch = out;
	if (!out) {
		log_event(LOG_INFO, "in touch with the group again", NULL);
		return;
	}
	log_event(LOG_WARN, "the group's coordinator does not answer; jobs are ended before another "
		"worker may start them", "silence_ms", log_number(silence_ms), "running",
		log_number(worker->running_count), NULL);
	jobs_kill(worker);
}

/* A dropped batch means that the group went on without us; it always tells so soon. */
static void stall_check(struct worker *worker)
{
	struct err err;
	int64_t patience_ms = 3 * worker->broker->session_ms(worker->parts.broker);
	if (!worker->stalled || monotonic_ms() - worker->stalled_ms < patience_ms)
		return;
	err_set(&err, ERR_BROKER, "a transaction was refused, but the group does not take its "
		"partitions back");
	fatal(worker, &err);
}

static void drain_begin(struct worker *worker)
{
	if (worker->draining)
		return;
	worker->draining = true;
	worker->parts.health->draining = true;
	worker->drain_end_ms = monotonic_ms() + worker->parts.config->worker.shutdown_grace_ms;
	log_event(LOG_INFO, "draining", "running", log_number(worker->running_count), NULL);
}

static void gauge(struct worker *worker, enum metric metric, size_t value)
{
	metrics_set(worker->parts.metrics, metric, METRIC_UNLABELLED, (double)value);
}

static void gauges_update(struct worker *worker)
{
	size_t paused = 0;
	for (size_t i = 0; i < worker->partition_count; i++) {
		const struct partition *partition = &worker->partitions[i];
		paused += partition->paused;
		if (partition->window)
			metrics_set(worker->parts.metrics, METRIC_WINDOW_FILL, partition->number,
				(double)offset_window_fill(partition->window) /
				worker->parts.config->worker.window);
	}
	gauge(worker, METRIC_JOBS_QUEUED, scheduler_queued(worker->scheduler));
	gauge(worker, METRIC_RETRIES_WAITING, scheduler_waiting(worker->scheduler));
	gauge(worker, METRIC_JOBS_RUNNING, (size_t)worker->running_count);
	gauge(worker, METRIC_PARTITIONS, worker->partition_count);
	gauge(worker, METRIC_PAUSED, paused);
}

static int wait_ms(int64_t due_ms)
{
	int64_t wait = due_ms == INT64_MAX ? 1000 : due_ms - wall_ms();
	return wait < 0 ? 0 : wait > 1000 ? 1000 : (int)wait;
}

static int epoll_make(const struct worker *worker)
{
	int fds[] = {worker->broker->fd(worker->parts.broker),
		sandbox_fd(executor_sandbox(worker->parts.executor)), worker->parts.stop_fd};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; epoll >= 0 && i < sizeof fds / sizeof *fds; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) < 0) {
			close(epoll);
			return -1;
		}
	}
	return epoll;
}

static bool stop_asked(const struct worker *worker)
{
	struct pollfd stop = {.fd = worker->parts.stop_fd, .events = POLLIN};
	return poll(&stop, 1, 0) == 1;
}

static void loop(struct worker *worker, int epoll)
{
	struct epoll_event events[8];
	while (!worker->ended) {
		int64_t due = scheduler_tick(worker->scheduler, wall_ms());
		touch_check(worker);
		stall_check(worker);
		jobs_start(worker);
		batch_commit(worker);
		pauses_update(worker);
		dedupe_expire(worker->dedupe, wall_ms());
		gauges_update(worker);
		if (epoll_wait(epoll, events, 8, wait_ms(due)) < 0 && errno != EINTR)
			break;
		events_take(worker);
		attempts_collect(worker, 0);
		if (stop_asked(worker)) {
			drain_begin(worker);
			pauses_update(worker);
			finish(worker);
			break;
		}
	}
}

/* What did not finish is handed back by not being committed. */
static void hand_back(struct worker *worker)
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
		else if (event.type == BROKER_BATCH)
			batch_ended(worker, event.batch);
		else if (event.type == BROKER_NONE)
			poll(NULL, 0, 5);
	}
	if (worker->open)
		publication_end(worker, worker->open);
	for (int i = 0; i < worker->slots; i++)
		if (worker->running[i])
			job_free(worker, worker->running[i], false);
}

int worker_run(const struct worker_parts *parts, struct err *err)
{
	struct worker worker = {.parts = *parts, .broker = parts->broker->functions, .epoch = 1,
		.next_tag = 1, .slots = parts->config->worker.slots};
	worker.scheduler = scheduler_new();
	worker.dedupe = dedupe_new(parts->config->worker.dedupe_window_ms);
	worker.running = calloc((size_t)worker.slots, sizeof *worker.running);
	int epoll = epoll_make(&worker), result = 0;
	if (!worker.scheduler || !worker.dedupe || !worker.running || epoll < 0) {
		result = err_set(err, ERR_MEMORY, "no memory or descriptors for the loop");
	} else {
		loop(&worker, epoll);
		hand_back(&worker);
		if (worker.ended) {
			*err = worker.fatal;
			result = -1;
		}
	}
	partitions_forget(&worker);
	scheduler_free(worker.scheduler);
	dedupe_free(worker.dedupe);
	free(worker.running);
	if (epoll >= 0)
		close(epoll);
	return result;
}
