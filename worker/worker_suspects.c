/* worker_suspects.c: jobs that may have taken a worker down.
 *
 * Starts are marked in code.state. The first of each partition are marked at once, until a batch with work of
 * it is committed; later ones when the job has run for a moment, since a mark costs the brokers as much
 * as a short job's whole share of a transaction. That is enough: a job that takes the worker down unmarked is
 * found again behind what the last commit of its partition left, which is little, and gets less with each
 * commit, so that soon it is among the first.
 * A job whose earlier starts ended with their
 * workers is a suspect: suspects run one at a time, and start only once their mark is stored, so that the next
 * death is theirs and not a neighbour's. One that the next death would end runs alone.
 */
#include "worker_internal.h"

#include "log.h"

#define SHORT_MS 50		/* jobs that end sooner leave no mark, but for the first */

void job_deaths_count(struct worker *worker, struct job *job)
{
	int limit = worker->parts.config->worker.crash_limit;
	job->deaths = crash_marks_deaths(worker->crash_marks, &job->place);
	crash_marks_remove(&worker->crash_marks, &job->place);
	if (job->deaths == 0)
		return;
	log_event(LOG_WARN, "a worker died under this job", "executionId", job->request->execution_id,
		"threadId", job->request->thread_id, "nodeId", job->request->node_id, "deaths",
		log_number(job->deaths), NULL);
	if (job->deaths < limit || job->refused)
		return;
	const char *text = arena_format(job->request->arena,
		"%d workers died under it (worker.crash_limit)", job->deaths);
	job->last_error = (struct error_record){.code = ERROR_EXECUTION_LOST,
		.message = text ? text : "Workers died under it"};
	job->refused = true;
}

static void mark(struct worker *worker, const struct job *job, enum state_type type, uint64_t number)
{
	struct arena *arena = arena_new(STATE_TOPIC_BYTES * 4);
	struct state_mark what = {.type = type, .offset = job->place.offset, .at_ms = wall_ms(),
		.incarnation = worker->incarnation};
	mark_topic(worker, &job->place, &what);
	const char *value = arena ? state_write(arena, &what) : NULL;
	if (value)
		worker->broker->mark(worker->parts.broker, job->place.partition, value, number);
	arena_free(arena);
}

void suspects_settled(struct worker *worker, const struct broker_place *place)
{
	struct partition *partition = partition_find(worker, place->source, place->partition);
	if (!partition || partition->settled_by != 0)
		return;
	partition->settled_by = worker->batches_given + 1;
	worker->open->due_ms = 0;	/* starts are marked at once until it is through */
}

/* Whether nothing of its partition was committed since that is ours. */
static bool among_first(struct worker *worker, const struct job *job)
{
	const struct partition *partition =
		partition_find(worker, job->place.source, job->place.partition);
	return !partition || partition->settled_by == 0 ||
		partition->settled_by > worker->batch_committed;
}

void mark_started(struct worker *worker, struct job *job)
{
	job->marked = job == worker->suspects.job;	/* its mark is stored already */
	if (job->marked || !among_first(worker, job))
		return;
	mark(worker, job, STATE_STARTED, 0);
	job->marked = true;
}

int64_t marks_catch_up(struct worker *worker)
{
	int64_t now_ms = monotonic_ms(), next_ms = INT64_MAX;
	for (int i = 0; i < worker->slots; i++) {
		struct job *job = worker->running[i];
		if (!job || job->marked)
			continue;
		int64_t left_ms = job->started_us / 1000 + SHORT_MS - now_ms;
		if (left_ms <= 0) {
			mark(worker, job, STATE_STARTED, 0);
			job->marked = true;
		} else if (left_ms < next_ms) {
			next_ms = left_ms;
		}
	}
	return next_ms;
}

void mark_handed_back(struct worker *worker, const struct job *job)
{
	if (job->marked)
		mark(worker, job, STATE_HANDED_BACK, 0);
}

static bool runs_alone(const struct worker *worker, const struct job *job)
{
	return job->deaths + 1 >= worker->parts.config->worker.crash_limit;
}

bool suspects_let(const struct worker *worker)
{
	return !worker->suspects.job || !runs_alone(worker, worker->suspects.job);
}

void suspect_take(struct worker *worker, struct job *job)
{
	if (worker->suspects.job) {
		scheduler_suspend(worker->scheduler, &job->entry, wall_ms() + SUSPECT_PAUSE_MS);
		return;
	}
	worker->suspects.job = job;
	worker->suspects.mark = 0;
	worker->suspects.marked = false;
}

/* Written again until it is stored: brokers that were away for long have lost it, and a suspect that waited
 * for it would keep all others waiting. */
static void suspect_mark(struct worker *worker, struct suspects *suspects)
{
	int64_t now_ms = monotonic_ms();
	if (suspects->marked || (suspects->mark != 0 && now_ms - suspects->mark_ms < SUSPECT_MARK_MS))
		return;
	if (suspects->mark == 0)
		suspects->mark = ++suspects->marks;
	suspects->mark_ms = now_ms;
	mark(worker, suspects->job, STATE_STARTED, suspects->mark);
}

void suspect_start(struct worker *worker)
{
	struct suspects *suspects = &worker->suspects;
	struct job *job = suspects->job;
	if (!job || job->running || worker->running_count >= worker->slots ||
			(runs_alone(worker, job) && worker->running_count > 0))
		return;
	suspect_mark(worker, suspects);
	if (suspects->marked)
		job_start(worker, job);
}

void suspect_marked(struct worker *worker, uint64_t number)
{
	if (worker->suspects.job && worker->suspects.mark == number)
		worker->suspects.marked = true;
}

void suspect_leave(struct worker *worker, const struct job *job)
{
	if (worker->suspects.job == job)
		worker->suspects.job = NULL;
}

bool suspect_waits(const struct worker *worker)
{
	return worker->suspects.job && !worker->suspects.job->running;
}
