/* launcher_jobs.c: jobs on their way to a sandbox, and the answers on their way back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher_internal.h"
#include "outcome.h"

/* At least, or one job's small limit would end sandboxes that wait for others. */
#define EXPECTED_MEMORY_BYTES (64u << 20)
#define REFILL_REST_US 2000
#define ANSWER_REST_US 1000

/* ---- answers to the caller */

void answers_flush(struct launcher *launcher)
{
	unsigned sent = 0;
	while (sent < launcher->answer_count) {
		struct answer *answer = &launcher->answers[sent];
		if (record_send(launcher->caller, &answer->outcome, sizeof answer->outcome,
				&answer->output_fd, answer->output_fd >= 0) < 0) {
			if (errno != EAGAIN)
				launcher->ended = true;
			break;
		}
		if (answer->output_fd >= 0)
			close(answer->output_fd);
		sent++;
	}
	launcher->answer_count -= sent;
	memmove(launcher->answers, launcher->answers + sent,
		launcher->answer_count * sizeof *launcher->answers);
}

void answer(struct launcher *launcher, const struct record_outcome *outcome, int output_fd)
{
	launcher->answers[launcher->answer_count++] = (struct answer){*outcome, output_fd};
	answers_flush(launcher);
	launcher->rest_us = clock_us() + ANSWER_REST_US;
}

unsigned jobs_held(const struct launcher *launcher)
{
	return launcher->queued + launcher->answer_count + cells_count(launcher, CELL_RUNNING);
}

/* ---- the queue */

static void waiting_remove(struct launcher *launcher, unsigned at)
{
	for (size_t i = 0; i < record_start_fds(&launcher->queue[at].start); i++)
		close(launcher->queue[at].fds[i]);
	launcher->queued--;
	memmove(launcher->queue + at, launcher->queue + at + 1,
		(launcher->queued - at) * sizeof *launcher->queue);
}

/* A job of the queue that gets no sandbox at all. */
static void answer_unstarted(struct launcher *launcher, unsigned at, enum sandbox_verdict verdict,
	const char *reason)
{
	const struct record_start *start = &launcher->queue[at].start;
	struct record_outcome outcome = {.header = {RECORD_MAGIC, RECORD_OUTCOME},
		.tag = start->tag, .verdict = verdict, .level = start->level,
		.exit_code = -1, .limits = start->limits};
	snprintf(outcome.reason, sizeof outcome.reason, "%s", reason);
	waiting_remove(launcher, at);
	answer(launcher, &outcome, -1);
}

void waiting_fail(struct launcher *launcher, enum sandbox_level level, const char *reason)
{
	for (unsigned i = 0; i < launcher->queued; i++)
		if (launcher->queue[i].start.level == level) {
			answer_unstarted(launcher, i, SANDBOX_FAILED, reason);
			return;
		}
}

struct kind job_kind(const struct launcher *launcher, const struct record_start *start)
{
	bool warm = zygotes_have(&launcher->zygotes, start->runtime);
	return (struct kind){(enum sandbox_level)start->level, warm ? (int)start->runtime : -1};
}

/* The oldest, so that none waits for ever and keeps a zygote that is to leave. */
static struct cell *cell_find_ready(struct launcher *launcher, struct kind kind)
{
	struct cell *oldest = NULL;
	for (unsigned i = 0; i < launcher->cell_count; i++) {
		struct cell *cell = &launcher->cells[i];
		if (cell->state == CELL_READY && cell->level == kind.level &&
				cell->runtime == kind.runtime && cell->cause == CAUSE_NONE &&
				(!oldest || cell->serial < oldest->serial))
			oldest = cell;
	}
	return oldest;
}

/* Returns whether the job has left the queue. */
static bool hand_over(struct launcher *launcher, struct cell *cell, unsigned at)
{
	const struct waiting *job = &launcher->queue[at];
	struct err err = {0};
	int result = cell_hand_over(cell, launcher->host, &job->start, job->fds, &err);
	if (result < 0)
		cell_kill(cell, CAUSE_FAILED);	/* not running yet: its death answers nothing */
	if (result < 0 && err.code == ERR_CLOSED)
		return false;
	if (result < 0)
		answer_unstarted(launcher, at, SANDBOX_FAILED, err.text);
	else
		waiting_remove(launcher, at);
	launcher_unwatch(launcher, cell->control_fd);
	launcher->rest_us = clock_us() + REFILL_REST_US;
	return true;
}

void jobs_dispatch(struct launcher *launcher)
{
	for (unsigned i = 0; i < launcher->queued;) {
		struct cell *ready = cell_find_ready(launcher,
			job_kind(launcher, &launcher->queue[i].start));
		if (!ready)
			i++;
		else
			(void)hand_over(launcher, ready, i);
	}
}

/* ---- the caller's records */

static void expect(struct launcher *launcher, const struct record_start *start)
{
	struct expected *expected = &launcher->expected;
	expected->limits = start->limits;
	if (expected->limits.memory_bytes < EXPECTED_MEMORY_BYTES)
		expected->limits.memory_bytes = EXPECTED_MEMORY_BYTES;
	if (job_kind(launcher, start).runtime < 0)
		expected->cold_runtime = start->runtime;
}

void job_accept(struct launcher *launcher, const struct record_start *start, const int *fds)
{
	struct waiting *job = &launcher->queue[launcher->queued++];
	memcpy(&job->start, start, record_start_size(start));
	memcpy(job->fds, fds, sizeof job->fds);
	if (job->start.level < launcher->host->setup.floor)
		job->start.level = launcher->host->setup.floor;
	job->start.limits = limits_clamp(&start->limits, &launcher->host->setup.limits);
	expect(launcher, &job->start);
	if (!launcher->available[job->start.level])
		waiting_fail(launcher, (enum sandbox_level)job->start.level,
			launcher->reason[job->start.level]);
	else
		pool_remember(&launcher->pool, (enum sandbox_level)job->start.level,
			job->start.runtime);
}

void jobs_lease_enforce(struct launcher *launcher)
{
	bool ran_out = lease_ran_out(&launcher->lease);
	for (unsigned i = 0; ran_out && i < launcher->cell_count; i++)
		if (launcher->cells[i].state == CELL_RUNNING)
			cell_kill(&launcher->cells[i], CAUSE_LEASE);
	while (launcher->lease.out && launcher->queued > 0) {
		answer_unstarted(launcher, 0, SANDBOX_KILLED, LEASE_REASON);
	}
}

void job_kill(struct launcher *launcher, uint64_t tag)
{
	for (unsigned i = 0; i < launcher->cell_count; i++)
		if (launcher->cells[i].state == CELL_RUNNING && launcher->cells[i].tag == tag)
			cell_kill(&launcher->cells[i], CAUSE_KILLED);
	for (unsigned i = 0; i < launcher->queued; i++)
		if (launcher->queue[i].start.tag == tag) {
			answer_unstarted(launcher, i, SANDBOX_KILLED, "killed before its start");
			return;
		}
}
