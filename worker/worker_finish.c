/* worker_finish.c: what an execution leaves behind.
 *
 * One final result, an event for each failed attempt, a dead letter if it failed, and the mark in
 * code.state that it is final: all in the batch that its offset is in.
 */
#include "worker_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos.h"
#include "log.h"

#define RESULT_ARENA_BYTES (64u << 20)

void job_free(struct worker *worker, struct job *job, bool keep_message)
{
	suspect_leave(worker, job);
	watermark_job_remove(worker, job);
	struct held *held = &worker->held[job->origin];
	held->count--;
	held->retries -= job->place.source == BROKER_RETRIES;
	held->bytes -= job->bytes;
	if (!keep_message)
		worker->broker->message_free(worker->parts.broker, &job->message);
	arena_free(job->request->arena);
	free(job);
}

enum encoding answer_encoding(const struct worker *worker, const struct request *request)
{
	const char *configured = worker->parts.config->worker.result_encoding;
	if (configured && strcmp(configured, "json") == 0)
		return ENCODING_JSON;
	if (configured && strcmp(configured, "avro") == 0)
		return ENCODING_AVRO;
	return request->encoding;
}

int result_publish(struct worker *worker, const struct job *job, enum status status,
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

void mark_topic(const struct worker *worker, const struct broker_place *place, struct state_mark *mark)
{
	snprintf(mark->topic, sizeof mark->topic, "%s",
		source_topic(worker->parts.config, place->source));
}

int mark_publish(struct worker *worker, struct publication *publication, const struct broker_place *place,
	const struct state_mark *mark, struct err *err)
{
	struct state_mark whole = *mark;
	whole.offset = place->offset;
	mark_topic(worker, place, &whole);
	return publish_mark(worker->parts.publisher, publication, place->partition, &whole, err);
}

void job_settle(struct worker *worker, struct job *job, enum status status,
	const struct error_record *error)
{
	const struct worker_parts *parts = &worker->parts;
	const struct request *request = job->request;
	struct publication *publication = publication_open(worker);
	struct err err = {0};
	int64_t now = wall_ms();
	const struct state_mark mark = {.type = STATE_FINAL, .thread_id = request->thread_id,
		.node_id = request->node_id, .execution_id = request->execution_id, .at_ms = now};
	int done = publication ? 0 : -1;
	if (done == 0 && status == STATUS_FAILED)
		done = publish_dead(parts->publisher, publication, &job->message, job->attempt,
			error->message, &err);
	if (done == 0)
		done = mark_publish(worker, publication, &job->place, &mark, &err);
	if (done == 0)
		done = publication_keep(publication, &job->message, &err);
	if (publication)
		batch_published(worker, done, &err);
	struct execution_name name = execution_name(request->thread_id, request->node_id,
		request->execution_id);
	if (done < 0) {
		job_free(worker, job, false);
		return;
	}
	if (dedupe_add(worker->dedupe, job->message.partition, name, now) < 0)
		log_event(LOG_WARN, "no memory to remember an execution for the dedupe window", NULL);
	publication->counts.results[status]++;
	publication->counts.dead += status == STATUS_FAILED;
	offset_done(worker, &job->place);
	suspects_settled(worker, &job->place);
	batch_hurry(worker, job);
	job_free(worker, job, true);
	chaos_point("after-result");
}

void job_conclude(struct worker *worker, struct job *job, enum status status,
	const struct error_record *error, const struct attempt *attempt)
{
	struct err err = {0};
	int done = result_publish(worker, job, status, error, attempt, &err);
	batch_published(worker, done, &err);
	if (done < 0)
		job_free(worker, job, false);
	else
		job_settle(worker, job, status, error);
}

int event_publish(struct worker *worker, const struct broker_message *message,
	const struct happening *what, enum encoding encoding, struct err *err)
{
	struct publication *publication = publication_open(worker);
	struct arena *scratch = arena_new(RESULT_ARENA_BYTES);
	struct error_event event;
	int done = publication && scratch ? 0 : err_set(err, ERR_MEMORY, "no memory for an event");
	if (done == 0)
		done = executor_error_event(worker->parts.executor, scratch, what->request,
			what->attempt_number, what->is_final, what->next_attempt_at_ms, what->error,
			what->attempt, &event, err);
	if (done == 0)
		done = publish_error(worker->parts.publisher, publication, message, encoding, &event,
			err);
	arena_free(scratch);
	return done;
}

void job_error_event(struct worker *worker, struct job *job, bool is_final,
	int64_t next_attempt_at_ms, const struct error_record *error, const struct attempt *attempt)
{
	struct err err = {0};
	const struct happening what = {job->request, job->attempt, is_final, next_attempt_at_ms,
		error, attempt};
	int done = event_publish(worker, &job->message, &what, answer_encoding(worker, job->request),
		&err);
	batch_published(worker, done, &err);
	if (done == 0)
		worker->open->counts.errors[error->code]++;
}

void job_fail(struct worker *worker, struct job *job, const struct error_record *error,
	const struct attempt *attempt)
{
	job_error_event(worker, job, true, REQUEST_TIME_NONE, error, attempt);
	scheduler_finish(worker->scheduler, &job->entry);
	job_conclude(worker, job, STATUS_FAILED, error, attempt);
}
