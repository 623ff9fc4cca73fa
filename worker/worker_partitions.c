/* worker_partitions.c: the partitions that are ours.
 *
 * Each has its offset window. A full window pauses its partition, full memory pauses all.
 */
#include "worker_internal.h"

#include <stdlib.h>
#include <string.h>

#include "chaos.h"
#include "log.h"

#define RETRY_WINDOW 100000	/* retries of one partition that are known at a time: 73 bytes each */

struct partition *partition_find(struct worker *worker, enum broker_source source, int32_t number)
{
	for (size_t i = 0; i < worker->partition_count; i++)
		if (worker->partitions[i].source == source && worker->partitions[i].number == number)
			return &worker->partitions[i];
	return NULL;
}

static int64_t window_size(const struct worker *worker, enum broker_source source)
{
	return source == BROKER_RETRIES ? RETRY_WINDOW : worker->parts.config->worker.window;
}

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
	partition->at_end = false;	/* what is written meanwhile comes late; the end is told again */
	worker->broker->pause(worker->parts.broker, partition->source, partition->number, paused);
}

int64_t share_of(const struct worker *worker, int64_t whole)
{
	int64_t share = whole / (int64_t)config_request_topics(worker->parts.config);
	return share > 0 ? share : 1;
}

static void held_update(const struct worker *worker, struct held *held)
{
	const struct config *config = worker->parts.config;
	int64_t count = share_of(worker, config->worker.queue);
	int64_t bytes = share_of(worker, config->worker.queue_bytes);
	if (held->count >= count || held->bytes >= bytes)
		held->paused = true;
	else if (held->count <= count / 2 && held->bytes <= bytes / 2)
		held->paused = false;
}

/* Once full, it is so until half of it is free. Only then: a partition that is paused for want of memory goes on
 * as soon as there is some, however far its window is filled. */
static void window_full_update(const struct worker *worker, struct partition *partition)
{
	int64_t fill = partition->window ? offset_window_fill(partition->window) : 0;
	int64_t size = window_size(worker, partition->source);
	bool held = partition->held.owner;
	partition->full = fill >= size || (held && !partition->paused) ||
		((partition->full || held) && fill > size / 2);
}

void pauses_update(struct worker *worker)
{
	for (int source = 0; source < sources_count(worker->parts.config); source++)
		held_update(worker, &worker->held[source]);
	for (size_t i = 0; i < worker->partition_count; i++) {
		struct partition *partition = &worker->partitions[i];
		window_full_update(worker, partition);
		/* Retries that find no room are only noted. */
		bool no_room = source_is_requests(partition->source) &&
			worker->held[partition->source].paused;
		partition_pause(worker, partition, partition->full || no_room || worker->draining ||
			batch_backlogged(worker));
	}
}

/* What is at its end brings what is submitted from now on, but for the difference of clocks. */
static int64_t partition_oldest_ms(const struct partition *partition)
{
	bool at_end = partition->at_end && !partition->paused && !partition->held.owner;
	int64_t oldest_ms = (at_end ? wall_ms() : partition->newest_ms) - CLOCKS_MS;
	return oldest_ms > 0 ? oldest_ms : 0;
}

int64_t oldest_to_come_ms(const struct worker *worker)
{
	int64_t oldest_ms = wall_ms();
	for (size_t i = 0; i < worker->partition_count; i++) {
		int64_t of_one_ms = partition_oldest_ms(&worker->partitions[i]);
		if (source_is_requests(worker->partitions[i].source) && of_one_ms < oldest_ms)
			oldest_ms = of_one_ms;
	}
	return oldest_ms;
}

int64_t partition_since_ms(const struct worker *worker, const struct partition *partition)
{
	int64_t since_ms = partition_oldest_ms(partition) -
		worker->parts.config->worker.dedupe_window_ms;
	return since_ms > 0 ? since_ms : 0;
}

/* The broker keeps a partition paused while others have it: nobody would resume it when it comes back. */
void partitions_forget(struct worker *worker)
{
	watermarks_forget(worker);
	for (size_t i = 0; i < worker->partition_count; i++) {
		struct partition *partition = &worker->partitions[i];
		if (partition->paused)
			worker->broker->pause(worker->parts.broker, partition->source, partition->number,
				false);
		if (partition->held.owner)
			worker->broker->message_free(worker->parts.broker, &partition->held);
		offset_window_free(partition->window);
		finished_clear(&partition->finished);
	}
	free(worker->partitions);
	worker->partitions = NULL;
	worker->partition_count = 0;
	crash_marks_clear(&worker->crash_marks);
	retries_forget(worker);
}

void offset_done(struct worker *worker, const struct broker_place *place)
{
	struct partition *partition = partition_find(worker, place->source, place->partition);
	if (partition && partition->window)
		offset_window_done(partition->window, place->offset);
}

struct offset_window *window_make(struct worker *worker, enum broker_source source, int64_t start)
{
	struct err err;
	struct offset_window *window = offset_window_new(start, window_size(worker, source));
	if (!window) {
		err_set(&err, ERR_MEMORY, "no memory for the offset window");
		worker_fatal(worker, &err);
	}
	return window;
}

void positions_take(struct worker *worker, const struct broker_event *event)
{
	struct err err;
	chaos_point("at-takeover");
	partitions_forget(worker);
	worker->left_out = 0;
	worker->partitions = calloc(event->position_count + 1, sizeof *worker->partitions);
	if (!worker->partitions) {
		err_set(&err, ERR_MEMORY, "no memory");
		worker_fatal(worker, &err);
		return;
	}
	worker->partition_count = event->position_count;
	for (size_t i = 0; i < event->position_count; i++) {
		const struct broker_offset *position = &event->positions[i];
		struct partition *partition = &worker->partitions[i];
		*partition = (struct partition){.source = position->source,
			.number = position->partition, .published = -1, .watermark_seen = -1,
			.seen_ms = -1};
		if (position->offset < 0)
			continue;	/* its window begins with the first message */
		if (position->since_ms > 0)
			partition->newest_ms = position->since_ms +
				worker->parts.config->worker.dedupe_window_ms + CLOCKS_MS;
		partition->published = position->offset;
		partition->published_since_ms = position->since_ms;
		partition->window = window_make(worker, position->source, position->offset);
		if (partition->window)
			offset_window_since_set(partition->window, position->since_ms);
	}
}

void end_take(struct worker *worker, const struct broker_offset *end)
{
	struct partition *partition = partition_find(worker, end->source, end->partition);
	if (partition)
		partition->at_end = !partition->paused;
	if (partition && partition->window && !partition->held.owner)
		offset_window_end(partition->window, end->offset);
}

void partitions_assigned(struct worker *worker, const struct broker_event *event)
{
	worker->left_out = event->left_out;
	worker->left_out_told_ms = 0;
	count(worker, METRIC_REBALANCES, METRIC_UNLABELLED);
	log_event(LOG_INFO, "partitions assigned", "count",
		log_number((int64_t)event->partition_count), "remembered",
		log_number((int64_t)dedupe_count(worker->dedupe)), NULL);
}

static int finished_restore(struct partition *partition, int64_t offset, struct execution_name name)
{
	if (!partition || !partition->window ||
			offset < offset_window_watermark(partition->window))
		return 0;
	return offset_window_restore(partition->window, offset) < 0 ||
		finished_add(&partition->finished, offset, name) < 0 ? -1 : 0;
}

/* Which of our topics the mark is of; one that is of none says nothing of offsets here. */
static bool mark_place(const struct worker *worker, int32_t partition, const struct state_mark *mark,
	struct broker_place *place)
{
	enum broker_source source = *mark->topic ? source_named(worker->parts.config, mark->topic) :
		BROKER_REQUESTS;
	*place = (struct broker_place){source, partition, mark->offset};
	return source != BROKER_NOWHERE;
}

/* Final, or gone on to code.retries: its offset is finished either way. */
static int ended_take(struct worker *worker, int32_t number, const struct state_mark *mark)
{
	struct broker_place place;
	int done = mark->type == STATE_RETRY ? dedupe_pend(worker->dedupe, number, mark->name) :
		dedupe_add(worker->dedupe, number, mark->name, mark->at_ms);
	if (done < 0 || !mark_place(worker, number, mark, &place))
		return done;
	crash_marks_remove(&worker->crash_marks, &place);
	return finished_restore(partition_find(worker, place.source, number), mark->offset, mark->name);
}

static int start_take(struct worker *worker, int32_t number, const struct state_mark *mark)
{
	struct broker_place place;
	if (mark->incarnation == worker->incarnation || !mark_place(worker, number, mark, &place))
		return 0;
	const struct partition *partition = partition_find(worker, place.source, number);
	if (mark->type == STATE_HANDED_BACK)
		crash_marks_handed_back(&worker->crash_marks, &place, mark->incarnation);
	else if (!partition || !partition->window ||
			mark->offset >= offset_window_watermark(partition->window))
		return crash_marks_started(&worker->crash_marks, &place, mark->incarnation);
	return 0;
}

void state_take(struct worker *worker, const struct broker_state *state)
{
	struct state_mark mark;
	struct err err;
	if (chaos_off("state") || !state_read(state->value, state->size, &mark))
		return;
	int done = mark.type == STATE_FINAL || mark.type == STATE_RETRY ?
		ended_take(worker, state->partition, &mark) :
		start_take(worker, state->partition, &mark);
	if (done < 0) {
		err_set(&err, ERR_MEMORY, "no memory for what %s tells of partition %d",
			worker->parts.config->topics.state, (int)state->partition);
		worker_fatal(worker, &err);
	}
}
