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

/* Not done: a successor finds it again. */
static void message_drop(struct worker *worker, struct broker_message *message,
	struct request *request)
{
	worker->broker->message_free(worker->parts.broker, message);
	arena_free(request->arena);
}

/* A value that can't be answered with a result: nobody knows whose it is, or the execution has its answer
 * already. It is told and kept. */
static void message_discard(struct worker *worker, struct broker_message *message,
	struct request *request, const struct error_record *error)
{
	const struct worker_parts *parts = &worker->parts;
	struct publication *publication = publication_open(worker);
	const struct happening what = {request, 1, true, REQUEST_TIME_NONE, error, NULL};
	struct err err = {0};
	if (!publication) {
		message_drop(worker, message, request);
		return;
	}
	int done = event_publish(worker, message, &what, ENCODING_JSON, &err);
	if (done == 0)
		done = publish_dead(parts->publisher, publication, message, 1, error->message, &err);
	if (done == 0)
		done = publish_final(parts->publisher, publication, message, NULL, NULL, NULL,
			wall_ms(), &err);
	if (done == 0)
		done = publication_keep(publication, message, &err);
	batch_published(worker, done, &err);
	if (done < 0) {
		message_drop(worker, message, request);
		return;
	}
	count(worker, METRIC_ERRORS, (int)error->code);
	count(worker, METRIC_DEAD, METRIC_UNLABELLED);
	offset_done(worker, message->partition, message->offset);
	arena_free(request->arena);
}

static void message_skip(struct worker *worker, struct broker_message *message,
	struct request *request)
{
	offset_done(worker, message->partition, message->offset);
	message_drop(worker, message, request);
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
		message_drop(worker, message, request);
		err_set(&err, ERR_MEMORY, "no memory for requests: lower worker.queue");
		worker_fatal(worker, &err);
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
	job->bytes = (int64_t)(message->bytes + arena_used(request->arena));
	worker->held_bytes += job->bytes;
}

static void request_take(struct worker *worker, struct broker_message *message,
	struct request *request, const struct error_record *refusal)
{
	struct err err;
	struct execution_name name = execution_name(request->thread_id, request->node_id,
		request->execution_id);
	/* Not when it is read: it may have waited for long in its topic. */
	bool known = dedupe_has(worker->dedupe, message->partition, name, submitted_ms(message)) &&
		!chaos_off("dedupe");
	if (known && refusal) {
		message_discard(worker, message, request, refusal);
	} else if (known) {
		count(worker, METRIC_DEDUPED, METRIC_UNLABELLED);
		message_skip(worker, message, request);
	} else if (dedupe_add(worker->dedupe, message->partition, name, DEDUPE_PENDING) < 0) {
		message_drop(worker, message, request);
		err_set(&err, ERR_MEMORY, "no memory for the dedupe window: shorten "
			"worker.dedupe_window");
		worker_fatal(worker, &err);
	} else {
		request_queue(worker, message, request, refusal);
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

static void message_malformed(struct worker *worker, struct broker_message *message,
	struct request *request, const struct malformed *why)
{
	const struct error_record error = {.code = ERROR_REQUEST_MALFORMED, .message = why->message,
		.field = why->field};
	malformed_fill(message, request, why);
	count(worker, METRIC_MALFORMED, METRIC_UNLABELLED);
	if (request->thread_id && request->node_id && request->execution_id)
		request_take(worker, message, request, &error);
	else
		message_discard(worker, message, request, &error);
}

static int request_decode(struct worker *worker, const struct broker_message *message,
	struct request **request, struct malformed *why, struct err *err)
{
	struct source source = {message->topic, message->partition, message->offset};
	return codec_decode_request(worker->parts.codec, message->value, message->value_size, &source,
		request, why, err);
}

static void message_decode(struct worker *worker, struct broker_message *message)
{
	struct request *request = NULL;
	struct malformed why = {0};
	struct err err = {0};
	int decoded = request_decode(worker, message, &request, &why, &err);
	if (decoded < 0) {
		worker->broker->message_free(worker->parts.broker, message);
		worker_fatal(worker, &err);
	} else if (decoded == 1) {
		message_malformed(worker, message, request, &why);
	} else {
		count(worker, METRIC_REQUESTS, (int)request->encoding);
		request_take(worker, message, request, NULL);
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
static bool message_is(struct worker *worker, const struct broker_message *message,
	struct execution_name finished)
{
	struct request *request = NULL;
	struct malformed why = {0};
	struct err err = {0};
	int decoded = request_decode(worker, message, &request, &why, &err);
	if (decoded < 0) {
		worker_fatal(worker, &err);
		return true;
	}
	if (decoded == 1)
		malformed_fill(message, request, &why);
	bool same = decoded == 1 && execution_same(finished, offset_name(message->offset));
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

void message_take(struct worker *worker, struct broker_message *message)
{
	struct partition *partition = partition_find(worker, message->partition);
	if (partition && !partition->window) {
		/* Its start is committed with the first batch: a successor must know that something may
		 * be finished beyond it. */
		partition->window = window_make(worker, message->offset);
		partition->newest_ms = submitted_ms(message);
		if (partition->window)
			offset_window_since_set(partition->window,
				partition_since_ms(worker, partition));
	}
	if (!partition || !partition->window || worker->ended) {
		worker->broker->message_free(worker->parts.broker, message);
		return;			/* of an assignment that is over */
	}
	partition->newest_ms = submitted_ms(message);
	partition->at_end = false;
	finished_check(worker, partition, message);
	switch (offset_window_add(partition->window, message->offset)) {
	case OFFSET_NEW:
		message_decode(worker, message);
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
