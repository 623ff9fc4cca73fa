/* worker_partitions.c: the partitions that are ours.
 *
 * Each has its offset window. A full window pauses its partition, full memory pauses all.
 */
#include "worker_internal.h"

#include <stdlib.h>

#include "chaos.h"
#include "log.h"

#define CLOCKS_MS 60000		/* by which those of brokers and workers may differ */

struct partition *partition_find(struct worker *worker, int32_t number)
{
	for (size_t i = 0; i < worker->partition_count; i++)
		if (worker->partitions[i].number == number)
			return &worker->partitions[i];
	return NULL;
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
	worker->broker->pause(worker->parts.broker, partition->number, paused);
}

void pauses_update(struct worker *worker)
{
	const struct config *config = worker->parts.config;
	if (worker->held >= config->worker.queue || worker->held_bytes >= config->worker.queue_bytes)
		worker->paused_all = true;
	else if (worker->held <= config->worker.queue / 2 &&
			worker->held_bytes <= config->worker.queue_bytes / 2)
		worker->paused_all = false;
	for (size_t i = 0; i < worker->partition_count; i++) {
		struct partition *partition = &worker->partitions[i];
		int64_t fill = partition->window ? offset_window_fill(partition->window) : 0;
		bool full = fill >= config->worker.window ||
			(partition->held.owner && !partition->paused) ||
			(partition->paused && fill > config->worker.window / 2);
		partition_pause(worker, partition, full || worker->paused_all || worker->draining ||
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
		if (of_one_ms < oldest_ms)
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
	for (size_t i = 0; i < worker->partition_count; i++) {
		struct partition *partition = &worker->partitions[i];
		if (partition->paused)
			worker->broker->pause(worker->parts.broker, partition->number, false);
		if (partition->held.owner)
			worker->broker->message_free(worker->parts.broker, &partition->held);
		offset_window_free(partition->window);
		finished_clear(&partition->finished);
	}
	free(worker->partitions);
	worker->partitions = NULL;
	worker->partition_count = 0;
}

void offset_done(struct worker *worker, int32_t number, int64_t offset)
{
	struct partition *partition = partition_find(worker, number);
	if (partition && partition->window)
		offset_window_done(partition->window, offset);
}

struct offset_window *window_make(struct worker *worker, int64_t start)
{
	struct err err;
	struct offset_window *window = offset_window_new(start, worker->parts.config->worker.window);
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
		*partition = (struct partition){.number = position->partition, .published = -1};
		if (position->offset < 0)
			continue;	/* its window begins with the first message */
		if (position->since_ms > 0)
			partition->newest_ms = position->since_ms +
				worker->parts.config->worker.dedupe_window_ms + CLOCKS_MS;
		partition->published = position->offset;
		partition->window = window_make(worker, position->offset);
		if (partition->window)
			offset_window_since_set(partition->window, position->since_ms);
	}
}

void end_take(struct worker *worker, const struct broker_offset *end)
{
	struct partition *partition = partition_find(worker, end->partition);
	if (partition)
		partition->at_end = true;
	if (partition && partition->window && !partition->held.owner)
		offset_window_end(partition->window, end->offset);
}

void partitions_assigned(struct worker *worker, const struct broker_event *event)
{
	struct broker_offset *unknown = NULL;
	if (worker->partition_count == 0 && event->partition_count > 0)
		unknown = calloc(event->partition_count, sizeof *unknown);
	for (size_t i = 0; unknown && i < event->partition_count; i++)
		unknown[i] = (struct broker_offset){event->partitions[i], -1, 0};
	if (unknown) {
		const struct broker_event positions = {.positions = unknown,
			.position_count = event->partition_count};
		positions_take(worker, &positions);
		free(unknown);
	}
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

void state_take(struct worker *worker, const struct broker_state *state)
{
	struct execution_name name;
	struct err err;
	int64_t offset, at_ms;
	if (chaos_off("state") || !state_read_final(state->value, state->size, &name, &offset, &at_ms))
		return;
	struct partition *partition = partition_find(worker, state->partition);
	if (dedupe_add(worker->dedupe, state->partition, name, at_ms) < 0 ||
			finished_restore(partition, offset, name) < 0) {
		err_set(&err, ERR_MEMORY, "no memory for what %s tells of partition %d",
			worker->parts.config->topics.state, (int)state->partition);
		worker_fatal(worker, &err);
	}
}
