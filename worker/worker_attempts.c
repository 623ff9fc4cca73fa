/* worker_attempts.c: jobs start, end, and start again.
 *
 * A slot runs one attempt. Retries wait in the scheduler; a sandbox that fails is tried again within the same
 * attempt.
 */
#include "worker_internal.h"

#include "chaos.h"
#include "executor_error.h"
#include "log.h"

#define SANDBOX_TRIES 3
#define SANDBOX_BACKOFF_MS 500

static bool deadline_passed(const struct job *job, int64_t now_ms)
{
	return job->request->deadline_ms != REQUEST_TIME_NONE && job->request->deadline_ms <= now_ms;
}

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
			job->started_us = monotonic_us();
			return;
		}
}

static void job_put_back(struct worker *worker, struct job *job)
{
	suspect_leave(worker, job);
	scheduler_put_back(worker->scheduler, &job->entry);
}

/* The scheduler has it no more. */
static void job_skip(struct worker *worker, struct job *job)
{
	static const struct error_record expired = {.code = ERROR_EXPIRED,
		.message = "The deadline passed before the first attempt"};
	if (job->attempt == 1) {
		job_conclude(worker, job, STATUS_SKIPPED, &expired, NULL);
		return;
	}
	job->attempt--;			/* the one that failed */
	job_conclude(worker, job, STATUS_FAILED, &job->last_error, NULL);
}

/* With its time in the topic. Retries are meant to wait. */
static void queue_observe(struct worker *worker, const struct job *job)
{
	int64_t waited_ms = wall_ms() - submitted_ms(&job->message);
	if (job->attempt == 1 && job->sandbox_failures == 0)
		metrics_observe(worker->parts.metrics, METRIC_QUEUE_SECONDS, METRIC_UNLABELLED,
			waited_ms > 0 ? (double)waited_ms / 1e3 : 0);
}

bool job_start(struct worker *worker, struct job *job)
{
	struct error_record error = {0};
	struct err err = {0};
	if (job->refused) {
		error = job->last_error;
		job_fail(worker, job, &error, NULL);
		return true;
	}
	if (deadline_passed(job, wall_ms())) {
		scheduler_finish(worker->scheduler, &job->entry);
		job_skip(worker, job);
		return true;
	}
	job->tag = worker->next_tag++;
	job->queued_ms = monotonic_ms() - job->received_ms;
	switch (executor_start(worker->parts.executor, job->request, job->attempt, job->tag, &error,
			&err)) {
	case EXECUTOR_STARTED:
		queue_observe(worker, job);
		job_started(worker, job);
		mark_started(worker, job);
		chaos_point("after-start");
		return true;
	case EXECUTOR_REFUSED:
		job_fail(worker, job, &error, NULL);
		return true;
	case EXECUTOR_BUSY:
		job_put_back(worker, job);
		return false;
	case EXECUTOR_BROKEN:
		job_put_back(worker, job);
		worker_fatal(worker, &err);
		return false;
	}
	return false;
}

static bool may_begin(const struct worker *worker)
{
	return !worker->draining && !worker->ended && !worker->stalled && !worker->out_of_touch &&
		worker->controls_read && !batch_backlogged(worker);
}

int64_t jobs_due_ms(const struct worker *worker)
{
	return may_begin(worker) ? scheduler_due_ms(worker->scheduler) : INT64_MAX;
}

/* A deadline takes no slot to pass. */
static void jobs_expire(struct worker *worker)
{
	struct scheduler_entry *entry;
	while (may_begin(worker) && (entry = scheduler_expire(worker->scheduler, wall_ms())))
		job_skip(worker, (struct job *)entry);
}

void jobs_start(struct worker *worker)
{
	scheduler_tick(worker->scheduler, wall_ms());
	jobs_expire(worker);
	if (may_begin(worker))
		suspect_start(worker);
	while (may_begin(worker) && suspects_let(worker) && worker->running_count < worker->slots) {
		struct scheduler_entry *entry = scheduler_next(worker->scheduler, wall_ms());
		if (!entry) {		/* nobody waits for the slot */
			executor_idle(worker->parts.executor);
			break;
		}
		struct job *job = (struct job *)entry;
		if (job->deaths > 0 && !job->refused && !chaos_off("suspects"))
			suspect_take(worker, job);
		else if (!job_start(worker, job))
			break;
	}
}

static void attempt_sandbox_failed(struct worker *worker, struct job *job,
	const struct attempt *attempt)
{
	count(worker, METRIC_SANDBOX_FAILURES, METRIC_UNLABELLED);
	if (job->sandbox_failures++ < SANDBOX_TRIES) {
		log_event(LOG_WARN, "the sandbox failed; trying again", "executionId",
			job->request->execution_id, "reason", attempt->error.message, NULL);
		scheduler_suspend(worker->scheduler, &job->entry,
			wall_ms() + (SANDBOX_BACKOFF_MS << (job->sandbox_failures - 1)));
		return;
	}
	job_fail(worker, job, &attempt->error, attempt);
}

static void attempt_failed(struct worker *worker, struct job *job, const struct attempt *attempt)
{
	int64_t most = worker->parts.config->policy.max_retries, retries = job->request->retries;
	if (attempt->sandbox_failed) {
		attempt_sandbox_failed(worker, job, attempt);
		return;
	}
	bool again = error_retryable(attempt->error.code) &&
		job->attempt <= (retries < most ? retries : most);
	if (!again || !job_retry(worker, job, attempt))
		job_fail(worker, job, &attempt->error, attempt);
}

static void attempt_succeeded(struct worker *worker, struct job *job, struct attempt *attempt)
{
	struct err err = {0};
	int done = result_publish(worker, job, STATUS_COMPLETED, NULL, attempt, &err);
	if (done == 1) {
		executor_error_make(attempt->arena, job->request, job->attempt, ERROR_LIMIT_OUTPUT,
			&attempt->error, "With the value the record is larger than the topic %s takes",
			worker->parts.config->topics.results);
		executor_error_detail(attempt->arena, &attempt->error, "limit", "output");
		executor_error_number(attempt->arena, &attempt->error, "value",
			(uint64_t)worker->parts.publisher->result_bytes);
		executor_error_number(attempt->arena, &attempt->error, "peak",
			attempt->sandbox.value.size);
		executor_error_detail(attempt->arena, &attempt->error, "unit", "bytes");
		attempt_failed(worker, job, attempt);
		return;
	}
	batch_published(worker, done, &err);
	scheduler_finish(worker->scheduler, &job->entry);
	if (done < 0)
		job_free(worker, job, false);
	else
		job_settle(worker, job, STATUS_COMPLETED, NULL);
}

void attempt_ended(struct worker *worker, struct attempt *attempt)
{
	int slot = slot_of(worker, attempt->tag);
	if (slot < 0) {
		attempt_free(attempt);
		return;
	}
	struct job *job = worker->running[slot];
	worker->running[slot] = NULL;
	worker->running_count--;
	metrics_observe(worker->parts.metrics, METRIC_JOB_SECONDS, job->cancelled ? STATUS_CANCELLED :
		attempt->failed ? STATUS_FAILED : STATUS_COMPLETED, (double)attempt->sandbox.wall_ms / 1e3);
	if (attempt->sandbox.warm)
		count(worker, METRIC_WARM, METRIC_UNLABELLED);
	job->running = false;
	scheduler_measured(&job->entry, monotonic_us() - job->started_us,
		(int64_t)attempt->sandbox.cpu_ms * 1000);
	suspect_leave(worker, job);
	if (job->epoch != worker->epoch && !chaos_off("epoch")) {
		mark_handed_back(worker, job);
		scheduler_finish(worker->scheduler, &job->entry);
		job_free(worker, job, false);	/* its partition is somebody else's now */
	} else if (job->cancelled) {
		scheduler_finish(worker->scheduler, &job->entry);
		job_cancel(worker, job, attempt);
	} else if (attempt->killed) {
		/* Not done, so whoever has the partition next runs it; no attempt counts. */
		mark_handed_back(worker, job);
		scheduler_put_back(worker->scheduler, &job->entry);
	} else if (attempt->failed) {
		attempt_failed(worker, job, attempt);
	} else {
		attempt_succeeded(worker, job, attempt);
	}
	attempt_free(attempt);
}

void attempts_collect(struct worker *worker, int timeout_ms)
{
	struct attempt *attempt;
	struct err err = {0};
	int got;
	while ((got = executor_poll(worker->parts.executor, timeout_ms, &attempt, &err)) == 1) {
		attempt_ended(worker, attempt);
		timeout_ms = 0;
	}
	if (got < 0)
		worker_fatal(worker, &err);
}

void jobs_kill(struct worker *worker)
{
	for (int i = 0; i < worker->slots; i++)
		if (worker->running[i] && !chaos_off("kill"))
			executor_kill(worker->parts.executor, worker->running[i]->tag);
}

void jobs_drop(struct worker *worker)
{
	struct scheduler_entry *entry;
	if (suspect_waits(worker))
		job_put_back(worker, worker->suspects.job);
	while ((entry = scheduler_drop(worker->scheduler)))
		job_free(worker, (struct job *)entry, false);
}
