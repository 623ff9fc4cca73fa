/* worker_intake.c: from a message to a job.
 *
 * A message is decoded, told apart from what was done before, and waits for its key. What can't be run
 * waits as well: its result is not to overtake those of its key.
 */
#include "worker_internal.h"

#include <stdlib.h>
#include <string.h>

#include "chaos.h"
#include "log.h"

#define JOB_BYTES (sizeof(struct job) + 512)	/* with its key, its flow and its name for dedupe */
/* A message on its way to be a job. */
struct incoming {
	struct broker_message *message;
	struct broker_place place;
	enum broker_source origin;
	const struct retry *retry;	/* NULL: the first attempt */
	struct request *request;
};

/* Not done: a successor finds it again. */
static void incoming_drop(struct worker *worker, const struct incoming *incoming)
{
	worker->broker->message_free(worker->parts.broker, incoming->message);
	arena_free(incoming->request->arena);
}

/* A value that can't be answered with a result: nobody knows whose it is, or the execution has its answer
 * already. It is told and kept. */
static void incoming_discard(struct worker *worker, struct incoming *incoming,
	const struct error_record *error)
{
	const struct worker_parts *parts = &worker->parts;
	struct broker_message *message = incoming->message;
	struct publication *publication = publication_open(worker);
	const struct happening what = {incoming->request, 1, true, REQUEST_TIME_NONE, error, NULL};
	const struct state_mark mark = {.type = STATE_FINAL, .at_ms = wall_ms()};
	struct err err = {0};
	if (!publication) {
		incoming_drop(worker, incoming);
		return;
	}
	int done = event_publish(worker, message, &what, ENCODING_JSON, &err);
	if (done == 0)
		done = publish_dead(parts->publisher, publication, message, 1, error->message, &err);
	if (done == 0)
		done = mark_publish(worker, publication, &incoming->place, &mark, &err);
	if (done == 0)
		done = publication_keep(publication, message, &err);
	batch_published(worker, done, &err);
	if (done < 0) {
		incoming_drop(worker, incoming);
		return;
	}
	publication->counts.errors[error->code]++;
	publication->counts.dead++;
	offset_done(worker, &incoming->place);
	arena_free(incoming->request->arena);
}

void message_forget(struct worker *worker, struct broker_message *message,
	const struct broker_place *place)
{
	offset_done(worker, place);
	worker->broker->message_free(worker->parts.broker, message);
}

static int job_schedule(struct worker *worker, struct job *job, int64_t due_ms)
{
	const struct scheduler_terms terms = request_terms(worker, job->request, job->origin,
		job->refused);
	const struct request *request = job->request;
	const char *key = arena_format(request->arena, "%s:%s", request->thread_id, request->node_id);
	if (!key)
		return -1;
	if (due_ms == 0)
		return scheduler_add(worker->scheduler, &job->entry, job->place.partition, key,
			strlen(key), &terms);
	return scheduler_add_waiting(worker->scheduler, &job->entry, job->place.partition, key,
		strlen(key), &terms, due_ms);
}

static void requests_too_many(struct worker *worker)
{
	struct err err;
	err_set(&err, ERR_MEMORY, "no memory for requests: lower worker.queue");
	worker_fatal(worker, &err);
}

/* NULL: no memory, and the worker ends. */
static struct job *job_new(struct worker *worker, const struct incoming *incoming)
{
	const struct retry *retry = incoming->retry;
	struct job *job = calloc(1, sizeof *job);
	if (!job) {
		incoming_drop(worker, incoming);
		requests_too_many(worker);
		return NULL;
	}
	job->request = incoming->request;
	job->message = *incoming->message;
	job->place = incoming->place;
	job->origin = incoming->origin;
	job->epoch = worker->epoch;
	job->attempt = retry ? retry->attempt : 1;
	job->received_ms = monotonic_ms();
	if (retry)
		job->last_error = retry_error(incoming->request->arena, retry);
	watermark_job_add(worker, job);
	job->bytes = (int64_t)(job->message.bytes + arena_size(job->request->arena) + JOB_BYTES);
	struct held *held = &worker->held[job->origin];
	held->count++;
	held->retries += job->place.source == BROKER_RETRIES;
	held->bytes += job->bytes;
	return job;
}

/* refusal: why it is not to be run, in the request's arena; NULL: it is. Either way it waits for its key. */
static void request_queue(struct worker *worker, const struct incoming *incoming,
	const struct error_record *refusal)
{
	struct job *job = job_new(worker, incoming);
	if (!job)
		return;
	job->refused = refusal != NULL;
	if (refusal)
		job->last_error = *refusal;
	job_deaths_count(worker, job);
	if (job_schedule(worker, job, incoming->retry ? incoming->retry->due_ms : 0) == 0)
		return;
	job_free(worker, job, false);
	requests_too_many(worker);
}

/* Whether it has its answer, or is on its way to it: then a copy is nothing new. Of a retry, only the answer
 * counts. */
static bool incoming_known(const struct worker *worker, const struct incoming *incoming,
	struct execution_name name)
{
	/* Not when it is read: it may have waited for long in its topic. */
	int64_t copy_ms = submitted_ms(incoming->message);
	return incoming->retry ?
		dedupe_is_final(worker->dedupe, incoming->place.partition, name, copy_ms) :
		dedupe_has(worker->dedupe, incoming->place.partition, name, copy_ms);
}

/* Not due for long. */
static void retry_put_off(struct worker *worker, struct incoming *incoming)
{
	if (incoming->retry->fetched && retry_carry(worker, incoming->message, incoming->request,
			&incoming->place, incoming->retry)) {
		arena_free(incoming->request->arena);
		return;
	}
	retry_note(worker, &incoming->place, incoming->request, incoming->retry);
	incoming_drop(worker, incoming);
}

static void request_take(struct worker *worker, struct incoming *incoming,
	const struct error_record *refusal)
{
	const struct request *request = incoming->request;
	struct execution_name name = execution_name(request->thread_id, request->node_id,
		request->execution_id);
	bool known = incoming_known(worker, incoming, name) && !chaos_off("dedupe");
	if (known && refusal) {
		incoming_discard(worker, incoming, refusal);
	} else if (known) {
		count(worker, METRIC_DEDUPED, METRIC_UNLABELLED);
		offset_done(worker, &incoming->place);
		incoming_drop(worker, incoming);
	} else if (dedupe_pend(worker->dedupe, incoming->place.partition, name) < 0) {
		incoming_drop(worker, incoming);
		requests_too_many(worker);
	} else if (!refusal && cancel_known(worker, incoming->message, request)) {
		struct job *job = job_new(worker, incoming);
		if (job)
			job_cancel(worker, job, NULL);
	} else if (incoming->retry && !refusal && retry_waits(worker, incoming->retry)) {
		retry_put_off(worker, incoming);
	} else {
		request_queue(worker, incoming, refusal);
	}
}

/* What is known of a request that could not be read. */
static void malformed_fill(const struct broker_message *message, struct request *request,
	const struct malformed *why)
{
	request->encoding = ENCODING_JSON;
	request->thread_id = why->thread_id;
	request->node_id = why->node_id;
	request->execution_id = why->execution_id ? why->execution_id :
		arena_format(request->arena, "%s-%d-%lld", message->topic, (int)message->partition,
			(long long)message->offset);
}

static void incoming_malformed(struct worker *worker, struct incoming *incoming,
	const struct malformed *why)
{
	const struct error_record error = {.code = ERROR_REQUEST_MALFORMED, .message = why->message,
		.field = why->field};
	const struct request *request = incoming->request;
	malformed_fill(incoming->message, incoming->request, why);
	count(worker, METRIC_MALFORMED, METRIC_UNLABELLED);
	if (request->thread_id && request->node_id && request->execution_id)
		request_take(worker, incoming, &error);
	else
		incoming_discard(worker, incoming, &error);
}

static int request_decode(struct worker *worker, const struct broker_message *message,
	struct request **request, struct malformed *why, struct err *err)
{
	struct source source = {message->topic, message->partition, message->offset};
	return codec_decode_request(worker->parts.codec, message->value, message->value_size, &source,
		request, why, err);
}

void message_decode(struct worker *worker, struct broker_message *message,
	const struct broker_place *place, const struct retry *retry)
{
	struct incoming incoming = {.message = message, .place = *place, .retry = retry,
		.origin = retry ? retry_origin(worker, retry) : place->source};
	struct malformed why = {0};
	struct err err = {0};
	int decoded = request_decode(worker, message, &incoming.request, &why, &err);
	if (decoded < 0) {
		worker->broker->message_free(worker->parts.broker, message);
		worker_fatal(worker, &err);
	} else if (decoded == 1) {
		incoming_malformed(worker, &incoming, &why);
	} else {
		if (!retry)
			count(worker, METRIC_REQUESTS, (int)incoming.request->encoding);
		request_take(worker, &incoming, NULL);
	}
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
		worker_fatal(worker, &err);
		return;
	}
	partition->held = *message;
}

/* Whether it is the execution that was finished at its offset. */
static bool message_is(struct worker *worker, const struct broker_message *asked,
	struct execution_name finished)
{
	struct request *request = NULL;
	struct malformed why = {0};
	struct err err = {0};
	struct broker_message original = *asked, *message = &original;
	struct retry retry;
	if (asked->source == BROKER_RETRIES && retry_read(message, &retry))
		message->topic = retry_topic(worker, &retry);
	int decoded = request_decode(worker, message, &request, &why, &err);
	if (decoded < 0) {
		worker_fatal(worker, &err);
		return true;
	}
	if (decoded == 1)
		malformed_fill(message, request, &why);
	bool same = decoded == 1 && execution_same(finished, offset_name(asked->offset));
	if (!same && request->thread_id && request->node_id && request->execution_id)
		same = execution_same(finished, execution_name(request->thread_id, request->node_id,
			request->execution_id));
	arena_free(request->arena);
	return same;
}

/* A topic that was deleted and made again begins anew at offset 0, and code.state still tells of the old one. */
static void finished_check(struct worker *worker, struct partition *partition,
	const struct broker_message *message)
{
	struct execution_name name;
	if (!finished_find(partition->finished, message->offset, &name) ||
			message_is(worker, message, name))
		return;
	log_event(LOG_WARN, "another request was finished at this offset: was the topic made anew? It "
		"is taken as new", "topic", message->topic, "partition",
		log_number(message->partition), "offset", log_number(message->offset), NULL);
	offset_window_unrestore(partition->window, message->offset);
	finished_remove(&partition->finished, message->offset);
}

static void window_renew(struct worker *worker, struct partition *partition, int64_t start)
{
	struct offset_window *window = window_make(worker, partition->source, start);
	if (!window)
		return;
	offset_window_since_set(window, partition_since_ms(worker, partition));
	offset_window_free(partition->window);
	partition->window = window;
}

/* Whatever comes a second time is not newer than all that came. So what is, and stands below that, is of a
 * topic that begins again: it was made anew, or lost its end. Where nothing of the partition is under way it
 * is taken from there; else offsets mean two things, which only a start tells apart. */
static void beginning_check(struct worker *worker, struct partition *partition,
	const struct broker_message *message)
{
	struct err err;
	int64_t next = offset_window_watermark(partition->window) +
		offset_window_fill(partition->window);
	bool newer = message->timestamp_ms > partition->seen_ms;
	if (newer)
		partition->seen_ms = message->timestamp_ms;
	if (!newer || message->offset >= next)
		return;
	log_event(LOG_WARN, "a partition begins again below what was read or committed: was its topic made "
		"anew?", "topic", message->topic, "partition", log_number(message->partition), "offset",
		log_number(message->offset), "next", log_number(next), NULL);
	if (offset_window_pending(partition->window) == 0) {
		window_renew(worker, partition, message->offset);
		return;
	}
	err_set(&err, ERR_BROKER, "partition %d of %s begins again while messages of it are under way",
		(int)message->partition, message->topic);
	worker_fatal(worker, &err);
}

void message_take(struct worker *worker, struct broker_message *message)
{
	struct partition *partition = partition_find(worker, message->source, message->partition);
	const struct broker_place place = {message->source, message->partition, message->offset};
	if (partition && !partition->window) {
		/* Its start is committed with the first batch: a successor must know that something may
		 * be finished beyond it. */
		partition->window = window_make(worker, message->source, message->offset);
		partition->newest_ms = submitted_ms(message);
		if (partition->window)
			offset_window_since_set(partition->window,
				partition_since_ms(worker, partition));
	}
	if (partition && partition->window)
		beginning_check(worker, partition, message);
	if (!partition || !partition->window || worker->ended) {
		worker->broker->message_free(worker->parts.broker, message);
		return;			/* of an assignment that is over */
	}
	partition->newest_ms = submitted_ms(message);
	partition->at_end = false;
	finished_check(worker, partition, message);
	switch (offset_window_add(partition->window, message->offset)) {
	case OFFSET_NEW:
		if (message->source == BROKER_RETRIES)
			retry_take(worker, message);
		else
			message_decode(worker, message, &place, NULL);
		return;
	case OFFSET_FULL:
		message_hold(worker, partition, message);
		return;
	case OFFSET_FINISHED:		/* by a predecessor */
		finished_remove(&partition->finished, message->offset);
		worker->broker->message_free(worker->parts.broker, message);
		return;
	case OFFSET_KNOWN:
		worker->broker->message_free(worker->parts.broker, message);
	}
}
