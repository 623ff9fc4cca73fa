/* worker_cancel.c: the records of code.control, and what they do to the requests that are here.
 *
 * Every worker remembers every cancel; the one that holds the request answers it. What runs is killed and
 * answered when it has ended, whatever it came to meanwhile: nobody has heard of its result by then. What
 * waits is answered at once, what comes later when it comes. What is malformed is answered as malformed.
 */
#include "worker_internal.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "log.h"

/* ---- reading */

struct reading {
	const json_t *record;
	const char *fault;		/* the first; NULL: none */
};

/* NULL where it is null or missing. */
static const char *text_of(struct reading *reading, const char *name, const char *fault)
{
	const json_t *value = json_object_get(reading->record, name);
	const char *text = json_string_value(value);
	if (value && !json_is_null(value) && (!text || !*text) && !reading->fault)
		reading->fault = fault;
	return text;
}

/* The names in *cancel live as long as record. Returns NULL, or what is wrong with it. */
static const char *cancel_read(const json_t *record, struct cancel *cancel)
{
	struct reading reading = {.record = record};
	const char *action = text_of(&reading, "action", "action: is no text");
	cancel->execution_id = text_of(&reading, "executionId", "executionId: is no text, or empty");
	cancel->thread_id = text_of(&reading, "threadId", "threadId: is no text, or empty");
	cancel->node_id = text_of(&reading, "nodeId", "nodeId: is no text, or empty");
	if (!reading.fault && (!action || strcmp(action, "cancel") != 0))
		reading.fault = "action: is not \"cancel\"";
	if (!reading.fault && !cancel->execution_id && !cancel->thread_id)
		reading.fault = "has neither executionId nor threadId";
	return reading.fault;
}

static json_t *record_read(struct worker *worker, const struct broker_control *control,
	struct err *err)
{
	json_error_t fault;
	char *text;
	if (codec_to_json(worker->parts.codec, control->value, control->size, &text, err) < 0)
		return NULL;
	json_t *record = json_loads(text, JSON_REJECT_DUPLICATES, &fault);
	free(text);
	if (!record)
		err_set(err, ERR_INVALID, "%s", fault.text);
	return record;
}

static void control_skip(struct worker *worker, const struct broker_control *control,
	const char *why)
{
	count(worker, METRIC_CONTROLS_MALFORMED, METRIC_UNLABELLED);
	log_event(LOG_WARN, "a control record is malformed and skipped", "topic",
		worker->parts.config->topics.control, "partition", log_number(control->partition),
		"offset", log_number(control->offset), "reason", why, NULL);
}

/* ---- applying */

void job_cancel(struct worker *worker, struct job *job, const struct attempt *attempt)
{
	static const struct error_record cancelled = {.code = ERROR_CANCELLED,
		.message = "The execution was cancelled"};
	if (!attempt && job->attempt > 1)
		job->attempt--;		/* the one that failed */
	else if (!attempt)
		job->queued_ms = monotonic_ms() - job->received_ms;
	job_conclude(worker, job, STATUS_CANCELLED, &cancelled, attempt);
}

bool cancel_known(const struct worker *worker, const struct broker_message *message,
	const struct request *request)
{
	return cancels_has(worker->cancels, request->thread_id, request->node_id,
		request->execution_id, submitted_ms(message));
}

struct meaning {
	const struct worker *worker;
	const struct cancel *cancel;
};

static bool is_meant(const struct scheduler_entry *entry, void *context)
{
	const struct meaning *meaning = context;
	const struct job *job = (const struct job *)entry;
	const struct request *request = job->request;
	return !job->refused && cancels_apply(meaning->worker->cancels, meaning->cancel,
		request->thread_id, request->node_id, request->execution_id,
		submitted_ms(&job->message));
}

static int64_t running_cancel(struct worker *worker, struct meaning *meaning)
{
	int64_t hits = 0;
	for (int i = 0; i < worker->slots; i++) {
		struct job *job = worker->running[i];
		if (!job || job->cancelled || !is_meant(&job->entry, meaning))
			continue;
		job->cancelled = true;
		executor_kill(worker->parts.executor, job->tag);
		hits++;
	}
	return hits;
}

/* One that has the turn counts as running for the scheduler, and runs nowhere yet. */
static int64_t suspect_cancel(struct worker *worker, struct meaning *meaning)
{
	struct job *job = worker->suspects.job;
	if (!suspect_waits(worker) || !is_meant(&job->entry, meaning))
		return 0;
	scheduler_finish(worker->scheduler, &job->entry);
	job_cancel(worker, job, NULL);
	return 1;
}

static int64_t waiting_cancel(struct worker *worker, struct meaning *meaning)
{
	int64_t hits = 0;
	struct scheduler_entry *following,
		*entry = scheduler_extract(worker->scheduler, is_meant, meaning);
	for (; entry; entry = following) {
		following = entry->next;
		job_cancel(worker, (struct job *)entry, NULL);
		hits++;
	}
	return hits;
}

static const char *or_any(const char *name)
{
	return name ? name : "any";
}

static void cancel_apply(struct worker *worker, const struct cancel *cancel)
{
	struct meaning meaning = {worker, cancel};
	struct err err;
	if (cancels_add(worker->cancels, cancel) < 0) {
		err_set(&err, ERR_MEMORY, "no memory for cancels: shorten worker.cancel_window");
		worker_fatal(worker, &err);
		return;
	}
	int64_t running = running_cancel(worker, &meaning);
	int64_t waiting = suspect_cancel(worker, &meaning) + waiting_cancel(worker, &meaning) +
		(int64_t)retries_cancel(worker, cancel);
	log_event(worker->controls_read || running + waiting > 0 ? LOG_INFO : LOG_DEBUG, "cancel",
		"executionId", or_any(cancel->execution_id), "threadId", or_any(cancel->thread_id),
		"nodeId", or_any(cancel->node_id), "running", log_number(running), "waiting",
		log_number(waiting), NULL);
}

void control_take(struct worker *worker, const struct broker_control *control)
{
	int64_t latest_ms = wall_ms() + CLOCKS_MS;
	struct cancel cancel = {.at_ms = control->timestamp_ms};
	struct err err;
	count(worker, METRIC_CONTROLS, METRIC_UNLABELLED);
	if (cancel.at_ms < 0)
		cancel.at_ms = wall_ms();	/* the topic keeps no times */
	else if (cancel.at_ms > latest_ms)
		cancel.at_ms = latest_ms;	/* a producer's: it would hold for ever */
	json_t *record = record_read(worker, control, &err);
	const char *fault = record ? cancel_read(record, &cancel) : err.text;
	if (fault)
		control_skip(worker, control, fault);
	else
		cancel_apply(worker, &cancel);
	json_decref(record);
}

void controls_are_read(struct worker *worker)
{
	worker->controls_read = true;
	worker->parts.health->controls_read = true;
	log_event(LOG_INFO, "cancels are read", "remembered",
		log_number((int64_t)cancels_count(worker->cancels)), NULL);
}
