/* replay_job.c: one job of replay: whether it is wanted, and what is done with it. */
#include "replay_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../clock.h"
#include "replay_id.h"
#include "../commands/table.h"
#include "../time_text.h"

static void leave(struct replay *replay, int64_t *count, const struct replay_job *job, const char *why)
{
	replay_report_job(&replay->progress, count, job, why);
}

/* ---- what is done with it */

/* Waits for the job's turn. Returns false when it was interrupted. */
static bool pace(struct replay *replay)
{
	int64_t now_us;
	while (!*replay->stopped && (now_us = monotonic_us()) < replay->due_us) {
		int64_t left_us = replay->due_us - now_us;
		struct timespec wait = {left_us / 1000000, left_us % 1000000 * 1000};
		nanosleep(&wait, NULL);
	}
	replay->due_us = monotonic_us() + replay->options->interval_us;
	return !*replay->stopped;
}

/* What is shown of a job: its id, as it is but on a terminal, or a record. Takes over json. */
static int print_line(struct replay *replay, const char *id, char *json, struct err *err)
{
	char clean[ID_BYTES * 4 + 1];
	if (isatty(STDOUT_FILENO)) {
		table_clean(clean, sizeof clean, id, 0);
		id = clean;
	}
	replay_progress_clear(&replay->progress);
	int printed = printf("%s\n", json ? json : id);
	free(json);
	return printed < 0 || fflush(stdout) == EOF ? err_system(err, "write to standard output") : 0;
}

static int show(struct replay *replay, const struct replay_job *job, struct err *err)
{
	char *json = NULL;
	if (replay->options->json && replay_source_json(replay->source, job, &json, err) != 0)
		return -1;
	replay->counts.done++;
	return print_line(replay, job->execution_id, json, err);
}

static int send_back(struct replay *replay, const struct replay_job *job, const char *id,
	const void *value, size_t size, struct err *err)
{
	char *key;
	if (asprintf(&key, "%s:%s", job->request->thread_id, job->request->node_id) < 0)
		return err_set(err, ERR_MEMORY, "no memory for a key");
	const struct kafka_message message = {.topic = replay->config->topics.requests, .key = key,
		.key_size = strlen(key), .value = value, .value_size = size, .headers = job->headers,
		.header_count = job->header_count};
	char *json = NULL;
	int answer = kafka_producer_send(replay->producer, &message, err);
	free(key);
	if (answer != 0)
		return -1;
	replay->counts.done++;
	replay->counts.late += job->request->deadline_ms != REQUEST_TIME_NONE &&
		job->request->deadline_ms <= time_now_ms();
	if (replay->options->json && codec_to_json(replay->codec, value, size, &json, err) != 0)
		return -1;
	return print_line(replay, id, json, err);
}

static int put_back(struct replay *replay, const struct replay_job *job, uint32_t generation,
	struct err *err)
{
	char *id = replay_id_make(job->execution_id, generation);
	void *value;
	size_t size;
	if (!id)
		return err_set(err, ERR_MEMORY, "no memory for an id");
	int answer = 0;
	if (strlen(id) > ID_BYTES)
		leave(replay, &replay->counts.refused, job, "the id of its replay would be too long");
	else if (codec_replay_request(replay->codec, job->value, job->value_size, job->request, id,
		&value, &size, err) != 0)
		answer = -1;
	else {
		answer = send_back(replay, job, id, value, size, err);
		free(value);
	}
	free(id);
	return answer;
}

static int run_here(struct replay *replay, const struct replay_job *job,
	const struct record_view *recorded, struct err *err)
{
	struct replay_differences differences = {.count = 0};
	int answer = replay_verify_run(replay->verify, job->request, recorded, &differences, err);
	if (answer == 0) {
		replay->counts.done++;
		replay->counts.differ += differences.count > 0;
		replay_progress_clear(&replay->progress);
		answer = replay_report_verified(job->execution_id, &differences, replay->options->json,
			err);
	}
	replay_differences_free(&differences);
	return answer;
}

static struct replay_execution execution_of(const struct replay_job *job)
{
	return (struct replay_execution){job->facts.thread_id, job->facts.node_id, job->execution_id};
}

/* The result that is on record: the job's own record, or the one that was read before. Returns 1
 * with a view (to be closed where *found_own is false), 0: there is none, -1 with err. */
static int recorded_find(struct replay *replay, const struct replay_job *job,
	struct record_view *view, bool *own, struct err *err)
{
	const struct record_view *said = replay_source_view(replay->source);
	const struct replay_execution execution = execution_of(job);
	*own = said && !said->is_error;
	if (*own) {
		*view = *said;
		return 1;
	}
	return replay_known_result(replay->known, &execution, view, err);
}

static int verify_job(struct replay *replay, const struct replay_job *job, struct err *err)
{
	struct record_view recorded;
	bool own;
	int found = recorded_find(replay, job, &recorded, &own, err);
	if (found < 0)
		return -1;
	int answer = 0;
	if (found == 0)
		leave(replay, &replay->counts.unrecorded, job, "no result of it is recorded");
	else if (!replay_verify_can(&recorded))
		leave(replay, &replay->counts.unrecorded, job, "it was not run");
	else
		answer = run_here(replay, job, &recorded, err);
	if (found == 1 && !own)
		record_view_close(&recorded);
	return answer;
}

/* The request is there and sound. */
static int job_do(struct replay *replay, const struct replay_job *job, uint32_t generation,
	struct err *err)
{
	const struct replay_execution execution = execution_of(job);
	if (!replay->options->dry_run && !pace(replay))
		return 0;
	if (replay_chains_take(replay_known_chains(replay->known), &execution, generation, err) != 0)
		return -1;
	if (replay->options->dry_run)
		return show(replay, job, err);
	if (replay->options->verify)
		return verify_job(replay, job, err);
	return put_back(replay, job, generation, err);
}

/* ---- whether it is wanted */

/* Whether the job ended as the filter asks; reads its result where the record does not say. Returns
 * 1, 0, or -1. */
static int end_wanted(struct replay *replay, struct replay_job *job, struct err *err)
{
	const struct replay_filter *filter = &replay->options->filter;
	struct record_view view;
	if (!replay_filter_needs_end(filter) || job->end_known)
		return replay_filter_end(filter, &job->facts);
	if (!job->execution_id || !job->facts.thread_id || !job->facts.node_id)
		return 0;
	const struct replay_execution execution = execution_of(job);
	int found = replay_known_result(replay->known, &execution, &view, err);
	if (found != 1)
		return found;
	const struct replay_facts facts = {.status = view.status, .error = view.code};
	int wanted = replay_filter_end(filter, &facts);
	record_view_close(&view);
	return wanted;
}

static int is_wanted(struct replay *replay, struct replay_job *job, struct err *err)
{
	const struct replay_filter *filter = &replay->options->filter;
	if (job->goes_on || !replay_filter_time(filter, job->record.timestamp_ms) ||
		!replay_filter_names(filter, &job->facts))
		return 0;
	return end_wanted(replay, job, err);
}

/* A replay that has not failed stays where it is: a second run would repeat what the first has put
 * back. Returns 1 when it is such a one, 0 when not, -1 with err. */
static int is_standing(struct replay *replay, const struct replay_job *job, struct err *err)
{
	const struct replay_execution execution = execution_of(job);
	struct record_view view;
	uint32_t generation;
	replay_id_root(job->execution_id, &generation);
	if (generation == 0 || replay->options->force || replay->options->verify)
		return 0;
	if (job->facts.status)
		return strcmp(job->facts.status, status_name(STATUS_FAILED)) != 0;
	int found = replay_known_result(replay->known, &execution, &view, err);
	if (found != 1)
		return found < 0 ? -1 : 1;
	int standing = strcmp(record_view_status(&view), status_name(STATUS_FAILED)) != 0;
	record_view_close(&view);
	return standing;
}

/* Verifying asks no more than that a job is not run twice here. Returns whether there is something to do. */
static bool is_free(struct replay *replay, const struct replay_job *job, uint32_t *generation)
{
	const struct replay_execution execution = execution_of(job);
	bool verify = replay->options->verify;
	*generation = 0;
	switch (replay_chains_ask(replay_known_chains(replay->known), &execution,
		replay->options->force || verify, generation)) {
	case REPLAY_FREE:
		if (verify)
			*generation = 0;
		return true;
	case REPLAY_EXISTS: replay->counts.replayed++; break;
	case REPLAY_TAKEN: replay->counts.repeated++; break;
	case REPLAY_TOO_OFTEN:
		leave(replay, &replay->counts.too_often, job, "it is the last replay of its job "
			"that is made without --force");
		break;
	}
	return false;
}

/* Whether nothing stands against it but perhaps its request. Returns 1, 0, or -1. */
static int may_go(struct replay *replay, const struct replay_job *job, uint32_t *generation,
	struct err *err)
{
	bool named = job->execution_id && job->facts.thread_id && job->facts.node_id;
	if (!named || job->body == REPLAY_BODY_MALFORMED)
		return 1;
	if (!is_free(replay, job, generation))
		return 0;
	int standing = is_standing(replay, job, err);
	replay->counts.standing += standing == 1;
	return standing < 0 ? -1 : !standing;
}

int replay_job_take(struct replay *replay, struct replay_job *job, struct err *err)
{
	uint32_t generation = 0;
	int wanted = is_wanted(replay, job, err);
	if (wanted == 1)
		wanted = may_go(replay, job, &generation, err);
	if (wanted != 1)
		return wanted;
	if (replay_source_body(replay->source, job, err) != 0)
		return -1;
	switch (job->body) {
	case REPLAY_BODY_READ: return job_do(replay, job, generation, err);
	case REPLAY_BODY_MALFORMED: leave(replay, &replay->counts.malformed, job, job->why); break;
	case REPLAY_BODY_GONE: leave(replay, &replay->counts.gone, job, job->why); break;
	case REPLAY_BODY_UNREAD: break;
	}
	return 0;
}
