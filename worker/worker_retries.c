/* worker_retries.c: attempts that follow.
 *
 * An attempt that failed and has another to come leaves the worker: the request goes to code.retries, in the
 * transaction that tells of the failure, and its offset is done. It comes back as a record of that topic,
 * here or at the partition's next owner, and its key is free meanwhile. Of those that are not due for long only
 * time and place are kept; shortly before, they are fetched again.
 */
#include "worker_internal.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

#define HOLD_MS 10000			/* due sooner, and with room for it: it is kept */
#define AHEAD_MS 2000			/* how long before it is due it is fetched */
#define CARRY_STEPS 30			/* how often that is looked for, in its time */
#define RESULT_ARENA_BYTES (64u << 20)

/* ---- leaving */

/* Grows from attempt to attempt, and never below what was asked for. */
static int64_t delay_ms(const struct config *config, const struct job *job)
{
	int64_t most = config->policy.max_retry_delay_ms, delay = job->request->retry_delay_ms;
	for (int i = 1; i < job->attempt && delay > 0 && delay < most; i++)
		delay = delay * config->policy.retry_growth / 100;
	delay += (int64_t)(drand48() * (double)delay * config->policy.retry_jitter / 100);
	return delay < most ? delay : most;
}

/* A request's next attempt. */
struct following {
	const struct request *request;
	const struct broker_message *message;
	int attempt;
	int64_t due_ms;
	const struct error_record *error;	/* of the attempt before, which is: */
	const struct attempt *failed;		/* NULL: not here */
	int64_t queued_ms;
};

/* What goes instead when the topic refuses the record: the execution must have an answer. */
static int failed_result(struct worker *worker, const struct following *next, struct arena *arena,
	struct result *result, struct err *err)
{
	if (!arena)
		return err_set(err, ERR_MEMORY, "no memory for a result");
	return executor_result(worker->parts.executor, arena, next->request, next->attempt - 1,
		STATUS_FAILED, next->error, next->failed, next->queued_ms, result, err);
}

static int retry_publish(struct worker *worker, const struct following *next, struct err *err)
{
	struct publication *publication = publication_open(worker);
	bool surely = next->message->bytes <= PUBLISH_SURELY_BYTES;
	struct arena *scratch = surely ? NULL : arena_new(RESULT_ARENA_BYTES);
	struct result failed;
	int done = publication ? 0 : err_set(err, ERR_MEMORY, "no memory for a retry");
	if (done == 0 && !surely)
		done = failed_result(worker, next, scratch, &failed, err);
	if (done == 0)
		done = publish_retry(worker->parts.publisher, publication, next->message, next->attempt,
			next->due_ms, next->error, answer_encoding(worker, next->request),
			surely ? NULL : &failed, err);
	arena_free(scratch);
	return done;
}

/* The offset is through, and the message goes with the batch. */
static int retry_settle(struct worker *worker, const struct following *next,
	const struct broker_place *place, struct err *err)
{
	const struct request *request = next->request;
	const struct state_mark mark = {.type = STATE_RETRY, .thread_id = request->thread_id,
		.node_id = request->node_id, .execution_id = request->execution_id,
		.at_ms = wall_ms(), .due_ms = next->due_ms};
	int done = mark_publish(worker, worker->open, place, &mark, err);
	if (done == 0)
		done = publication_keep(worker->open, next->message, err);
	if (done == 0)
		offset_done(worker, place);
	return done;
}

bool job_retry(struct worker *worker, struct job *job, const struct attempt *attempt)
{
	const struct request *request = job->request;
	int64_t due_ms = wall_ms() + delay_ms(worker->parts.config, job);
	const struct following next = {request, &job->message, job->attempt + 1, due_ms,
		&attempt->error, attempt, job->queued_ms};
	struct err err = {0};
	if (request->deadline_ms != REQUEST_TIME_NONE && request->deadline_ms <= due_ms)
		return false;
	int done = retry_publish(worker, &next, &err);
	if (done == 1) {
		log_event(LOG_ERROR, "a retry is larger than its topic takes, so no attempt follows; see: "
			"codeworker topics check", "topic", worker->parts.config->topics.retries,
			"executionId", request->execution_id, NULL);
		return false;
	}
	if (done == 0) {
		job_error_event(worker, job, false, due_ms, &attempt->error, attempt);
		done = retry_settle(worker, &next, &job->place, &err);
	}
	if (done == 0) {
		worker->open->counts.retries++;
		suspects_settled(worker, &job->place);
		batch_hurry(worker, job);
	}
	batch_published(worker, done, &err);
	scheduler_finish(worker->scheduler, &job->entry);
	job_free(worker, job, done == 0);
	return true;
}

bool retry_carry(struct worker *worker, const struct broker_message *message,
	const struct request *request, const struct broker_place *place, const struct retry *retry)
{
	const struct error_record error = retry_error(request->arena, retry);
	const struct following next = {request, message, retry->attempt, retry->due_ms, &error, NULL, 0};
	struct err err = {0};
	int done = retry_publish(worker, &next, &err);
	if (done == 1)
		return false;		/* it stays where it is */
	if (done == 0)
		done = retry_settle(worker, &next, place, &err);
	batch_published(worker, done, &err);
	return done == 0;
}

/* ---- coming back */

static bool is_named(const struct retry *retry, const char *name)
{
	return strlen(name) == retry->topic_size && memcmp(name, retry->topic, retry->topic_size) == 0;
}

enum broker_source retry_origin(const struct worker *worker, const struct retry *retry)
{
	const struct config *config = worker->parts.config;
	for (int source = BROKER_FURTHER; source < sources_count(config); source++)
		if (is_named(retry, source_topic(config, (enum broker_source)source)))
			return (enum broker_source)source;
	return BROKER_REQUESTS;
}

const char *retry_topic(struct worker *worker, const struct retry *retry)
{
	const char *now = source_topic(worker->parts.config, retry_origin(worker, retry));
	if (is_named(retry, now))
		return now;
	for (int i = 0; i < ORIGINS; i++) {
		if (!worker->origins[i])
			worker->origins[i] = strndup(retry->topic, retry->topic_size);
		if (worker->origins[i] && is_named(retry, worker->origins[i]))
			return worker->origins[i];
	}
	return now;
}

/* A few also while requests use up the room, or a backlog would keep retries from ever being due. */
static bool room_for_retries(const struct worker *worker, const struct held *held)
{
	const struct config *config = worker->parts.config;
	int64_t most = share_of(worker, FETCHES_MOST);
	return held->count < share_of(worker, config->worker.queue) + most &&
		(held->bytes < share_of(worker, config->worker.queue_bytes) || held->retries < most);
}

bool retry_waits(const struct worker *worker, const struct retry *retry)
{
	return retry->due_ms > wall_ms() + HOLD_MS || (!retry->fetched &&
		!room_for_retries(worker, &worker->held[retry_origin(worker, retry)]));
}

size_t retries_waiting(const struct worker *worker)
{
	size_t count = worker->fetching;
	for (int source = 0; source < sources_count(worker->parts.config); source++)
		count += retry_index_count(worker->held[source].waiting);
	return count;
}

void retry_note(struct worker *worker, const struct broker_place *place, const struct request *request,
	const struct retry *retry)
{
	struct err err;
	const struct waiting_retry waiting = {.place = *place, .due_ms = retry->due_ms,
		.stored_ms = retry->stored_ms,
		.thread = execution_name(request->thread_id, "", "").low,
		.node = execution_name(request->thread_id, request->node_id, "").low,
		.execution = execution_name("", "", request->execution_id).low,
		.name = execution_name(request->thread_id, request->node_id,
			request->execution_id)};
	if (retry_index_add(worker->held[retry_origin(worker, retry)].waiting, &waiting) == 0)
		return;
	err_set(&err, ERR_MEMORY, "no memory for what waits in %s",
		worker->parts.config->topics.retries);
	worker_fatal(worker, &err);
}

static size_t retries_hurry(struct worker *worker,
	bool (*wanted)(const struct waiting_retry *waiting, void *context), void *context)
{
	size_t count = 0;
	for (int source = 0; source < sources_count(worker->parts.config); source++)
		count += retry_index_hurry(worker->held[source].waiting, wanted, context);
	return count;
}

/* Of whom a cancel speaks: of one execution, or else of a node, or else of a thread. */
struct meant {
	enum { MEANT_EXECUTION, MEANT_NODE, MEANT_THREAD } whole;
	uint64_t hash;
};

static bool is_meant(const struct waiting_retry *waiting, void *context)
{
	const struct meant *meant = context;
	return meant->hash == (meant->whole == MEANT_EXECUTION ? waiting->execution :
		meant->whole == MEANT_NODE ? waiting->node : waiting->thread);
}

size_t retries_cancel(struct worker *worker, const struct cancel *cancel)
{
	struct meant meant = {MEANT_THREAD, 0};
	if (cancel->execution_id)
		meant = (struct meant){MEANT_EXECUTION, execution_name("", "", cancel->execution_id).low};
	else if (cancel->node_id)
		meant = (struct meant){MEANT_NODE,
			execution_name(cancel->thread_id, cancel->node_id, "").low};
	else
		meant.hash = execution_name(cancel->thread_id, "", "").low;
	return retries_hurry(worker, is_meant, &meant);
}

static void retry_read_and_take(struct worker *worker, struct broker_message *message, bool fetched)
{
	const struct broker_place place = {BROKER_RETRIES, message->partition, message->offset};
	struct retry retry;
	if (!retry_read(message, &retry)) {
		log_event(LOG_ERROR, "no record of a worker's: it is left alone", "topic", message->topic,
			"partition", log_number(place.partition), "offset", log_number(place.offset), NULL);
		message_forget(worker, message, &place);
		return;
	}
	retry.fetched = fetched;
	message->topic = retry_topic(worker, &retry);
	message_decode(worker, message, &place, &retry);
}

void retry_take(struct worker *worker, struct broker_message *message)
{
	retry_read_and_take(worker, message, false);
}

/* false: it is of an assignment that is over. */
static bool fetch_ended(struct worker *worker, const struct broker_place *place,
	struct waiting_retry *retry)
{
	for (size_t i = 0; i < worker->fetching; i++) {
		*retry = worker->fetches[i].retry;
		if (retry->place.source != place->source || retry->place.partition != place->partition ||
				retry->place.offset != place->offset)
			continue;
		worker->held[worker->fetches[i].origin].fetching--;
		worker->fetches[i] = worker->fetches[--worker->fetching];
		return true;
	}
	return false;
}

void retry_fetched(struct worker *worker, struct broker_event *event)
{
	struct waiting_retry retry;
	const struct partition *partition = partition_find(worker, event->place.source,
		event->place.partition);
	bool ours = fetch_ended(worker, &event->place, &retry) && partition && partition->window &&
		offset_window_open(partition->window, event->place.offset);
	if (event->missing && ours) {
		log_event(LOG_ERROR, "a retry is gone from its topic before it was due, and its execution with "
			"it: is retention.ms longer than policy.max_retry_delay?", "partition",
			log_number(event->place.partition), "offset", log_number(event->place.offset), NULL);
		count(worker, METRIC_RETRIES_GONE, METRIC_UNLABELLED);
		dedupe_unpend(worker->dedupe, event->place.partition, retry.name);
		offset_done(worker, &event->place);
	} else if (!event->missing && ours) {
		retry_read_and_take(worker, &event->message, true);
	} else if (!event->missing) {
		worker->broker->message_free(worker->parts.broker, &event->message);
	}
}

struct age {
	int64_t now_ms, carry_ms;
};

static bool is_old(const struct waiting_retry *waiting, void *context)
{
	const struct age *age = context;
	return waiting->stored_ms < age->now_ms - age->carry_ms &&
		waiting->due_ms > age->now_ms + age->carry_ms;
}

/* What waits for a day would hold the topic's offset for a day, and a successor would have to read as much of
 * code.state before its first job. So it is fetched and written anew from time to time. */
static void retries_carry(struct worker *worker)
{
	struct age age = {wall_ms(), worker->parts.config->worker.retry_carry_ms};
	if (age.now_ms - worker->carried_ms < age.carry_ms / CARRY_STEPS)
		return;
	worker->carried_ms = age.now_ms;
	(void)retries_hurry(worker, is_old, &age);
}

/* What is fetched may be published at once, carried forward or cancelled, so it waits for that, too. */
static bool may_fetch(const struct worker *worker, const struct held *held)
{
	return (int64_t)held->fetching < share_of(worker, FETCHES_MOST) && !worker->draining &&
		room_for_retries(worker, held) && !batch_backlogged(worker);
}

/* Those of one topic. */
static int64_t held_fetch(struct worker *worker, enum broker_source origin)
{
	struct held *held = &worker->held[origin];
	struct waiting_retry waiting;
	while (may_fetch(worker, held) &&
			retry_index_take(held->waiting, wall_ms() + AHEAD_MS, &waiting)) {
		worker->fetches[worker->fetching++] = (struct fetching){waiting, origin};
		held->fetching++;
		worker->broker->fetch(worker->parts.broker, &waiting.place);
	}
	int64_t due_ms = retry_index_due_ms(held->waiting);
	/* What may not be fetched is due to no purpose: an event makes room. */
	return due_ms == INT64_MAX || !may_fetch(worker, held) ? INT64_MAX : due_ms - AHEAD_MS;
}

int64_t retries_fetch(struct worker *worker)
{
	int64_t first_ms = INT64_MAX;
	retries_carry(worker);
	for (int source = 0; source < sources_count(worker->parts.config); source++) {
		int64_t due_ms = held_fetch(worker, (enum broker_source)source);
		if (due_ms < first_ms)
			first_ms = due_ms;
	}
	return first_ms;
}

void retries_forget(struct worker *worker)
{
	for (int source = 0; source < sources_count(worker->parts.config); source++) {
		retry_index_clear(worker->held[source].waiting);
		worker->held[source].fetching = 0;
	}
	worker->fetching = 0;
}
