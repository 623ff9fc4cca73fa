/* worker.c: see worker.h.
 *
 * One thread. A request is held as a job from its consumption until the transaction with its final
 * result is through. Finished work gathers in a publication, which becomes a transaction (worker_batch.c).
 *
 * Every job carries the epoch of the assignment it came with. When partitions are taken away the epoch
 * ends: what still runs is killed, and a result of an old epoch is dropped before it is produced.
 */
#include "worker_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "log.h"

#define SUSPECT_WAIT_MS 5		/* the broker's answer to its mark wakes nobody */
#define EVENTS_A_TURN 100

void worker_fatal(struct worker *worker, const struct err *err)
{
	if (!worker->ended)
		worker->fatal = *err;
	worker->ended = true;
}

static void event_handle(struct worker *worker, struct broker_event *event)
{
	switch (event->type) {
	case BROKER_MESSAGE:
		message_take(worker, &event->message);
		pauses_update(worker);
		break;
	case BROKER_TAKEOVER:
		positions_take(worker, event);
		break;
	case BROKER_END:
		end_take(worker, &event->end);
		break;
	case BROKER_STATE:
		state_take(worker, &event->state);
		break;
	case BROKER_ASSIGNED:
		partitions_assigned(worker, event);
		break;
	case BROKER_REVOKED:
		partitions_revoked(worker, event->lost);
		break;
	case BROKER_BATCH:
		batch_ended(worker, event->batch);
		break;
	case BROKER_FETCHED:
		retry_fetched(worker, event);
		break;
	case BROKER_MARKED:
		suspect_marked(worker, event->number);
		break;
	case BROKER_JOINED:
		worker->parts.health->joined = true;
		log_event(LOG_INFO, "joined the group", NULL);
		break;
	case BROKER_CONTROL:
		control_take(worker, &event->control);
		break;
	case BROKER_CONTROLS_READ:
		controls_are_read(worker);
		break;
	case BROKER_FATAL:
		worker_fatal(worker, &event->err);
		break;
	case BROKER_NONE:
		break;
	}
}

/* The group gives our partitions to another worker when it has not heard of us for a session timeout; by then
 * our jobs must be dead. They may run for half of it after its coordinator was heard of: that the launcher is
 * told each time, and ends them by itself should we be stopped. They go back to the front of their keys,
 * uncounted. */
void touch_check(struct worker *worker)
{
	int64_t silence_ms = worker->broker->silence_ms(worker->parts.broker);
	int64_t most_ms = worker->broker->session_ms(worker->parts.broker) / 2;
	int64_t heard_ms = boot_ms() - (silence_ms > 0 ? silence_ms : 0);
	bool ran_out = sandbox_lease(executor_sandbox(worker->parts.executor), heard_ms + most_ms);
	bool out = silence_ms >= most_ms;
	if (ran_out && !out && !worker->out_of_touch)
		log_event(LOG_WARN, "the worker stood still; its jobs were ended before another worker "
			"might start them", "running", log_number(worker->running_count), NULL);
	if (out == worker->out_of_touch)
		return;
	worker->out_of_touch = out;
	if (out)
		log_event(LOG_WARN, "the group's coordinator does not answer; jobs are ended before another "
			"worker may start them", "silence_ms", log_number(silence_ms), "running",
			log_number(worker->running_count), NULL);
	else
		log_event(LOG_INFO, "in touch with the group again", NULL);
}

/* Some at a time: a backlog takes long to be read, and slots are not to be idle meanwhile. Returns whether there
 * may be more, of which nothing tells. */
static bool events_take(struct worker *worker)
{
	struct broker_event event;
	for (int i = 0; i < EVENTS_A_TURN && !worker->ended; i++) {
		worker->broker->next(worker->parts.broker, &event);
		event_handle(worker, &event);
		if (event.type == BROKER_NONE)
			return false;
	}
	return true;
}

/* A dropped batch means that the group went on without us; it always tells so soon. */
static void stall_check(struct worker *worker)
{
	struct err err;
	int64_t patience_ms = 3 * worker->broker->session_ms(worker->parts.broker);
	if (!worker->stalled || monotonic_ms() - worker->stalled_ms < patience_ms)
		return;
	err_set(&err, ERR_BROKER, "a transaction was refused, but the group does not take its "
		"partitions back");
	worker_fatal(worker, &err);
}

static void gauge(struct worker *worker, enum metric metric, size_t value)
{
	metrics_set(worker->parts.metrics, metric, METRIC_UNLABELLED, (double)value);
}

static void code_counts_update(struct worker *worker)
{
	const struct code_cache_counts *now = executor_code_counts(worker->parts.executor);
	struct code_cache_counts *before = &worker->code_counts;
	struct metrics *metrics = worker->parts.metrics;
	metrics_add(metrics, METRIC_CODE_HITS, METRIC_UNLABELLED, now->hits - before->hits);
	metrics_add(metrics, METRIC_CODE_MISSES, METRIC_UNLABELLED, now->misses - before->misses);
	metrics_add(metrics, METRIC_CODE_EVICTIONS, METRIC_UNLABELLED,
		now->evictions - before->evictions);
	gauge(worker, METRIC_CODE_BYTES, now->bytes);
	*before = *now;
}

static void takeover_report(struct worker *worker)
{
	struct broker_takeover takeover;
	worker->broker->taking_over(worker->parts.broker, &takeover);
	gauge(worker, METRIC_TAKEOVER_PARTITIONS, takeover.partitions);
	metrics_set(worker->parts.metrics, METRIC_TAKEOVER_SECONDS, METRIC_UNLABELLED,
		takeover.partitions > 0 ? (double)takeover.for_ms / 1e3 : 0);
	worker->parts.health->takeover_step = takeover.partitions > 0 ? takeover.step : NULL;
	worker->parts.health->takeover_reason = takeover.partitions > 0 ? takeover.reason : NULL;
}

static void gauges_update(struct worker *worker)
{
	size_t paused = 0, partitions = 0;
	for (size_t i = 0; i < worker->partition_count; i++) {
		const struct partition *partition = &worker->partitions[i];
		if (!source_is_requests(partition->source))
			continue;
		partitions++;
		paused += partition->paused;
		if (partition->window)
			metrics_set(worker->parts.metrics, METRIC_WINDOW_FILL, place_label(partition),
				(double)offset_window_fill(partition->window) /
				worker->parts.config->worker.window);
	}
	gauge(worker, METRIC_JOBS_QUEUED, scheduler_queued(worker->scheduler));
	gauge(worker, METRIC_RETRIES_WAITING, scheduler_waiting(worker->scheduler) +
		retries_waiting(worker));
	gauge(worker, METRIC_JOBS_RUNNING, (size_t)worker->running_count);
	gauge(worker, METRIC_PARTITIONS, partitions);
	gauge(worker, METRIC_PAUSED, paused);
	gauge(worker, METRIC_LEFT_OUT, worker->left_out);
	takeover_report(worker);
	budgets_report(worker);
	watermarks_report(worker);
	code_counts_update(worker);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int wait_ms(const struct worker *worker, int64_t due_ms, int64_t act_in_ms)
{
	int64_t wait = due_ms == INT64_MAX ? 1000 : due_ms - wall_ms();
	if (wait > act_in_ms)
		wait = act_in_ms;
	if (suspect_waits(worker) && wait > SUSPECT_WAIT_MS)
		wait = SUSPECT_WAIT_MS;
	return wait < 0 ? 0 : wait > 1000 ? 1000 : (int)wait;
}

static int epoll_make(const struct worker *worker)
{
	int fds[] = {worker->broker->fd(worker->parts.broker),
		sandbox_fd(executor_sandbox(worker->parts.executor)), worker->parts.stop_fd};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; epoll >= 0 && i < sizeof fds / sizeof *fds; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) < 0) {
			close(epoll);
			return -1;
		}
	}
	return epoll;
}

static bool stop_asked(const struct worker *worker)
{
	struct pollfd stop = {.fd = worker->parts.stop_fd, .events = POLLIN};
	return poll(&stop, 1, 0) == 1;
}

static void loop(struct worker *worker, int epoll)
{
	struct epoll_event events[8];
	bool more = false;
	while (!worker->ended) {
		touch_check(worker);
		stall_check(worker);
		jobs_start(worker);
		int64_t act_in_ms = earlier(batch_commit(worker), marks_catch_up(worker));
		pauses_update(worker);
		dedupe_expire(worker->dedupe, oldest_to_come_ms(worker));
		cancels_expire(worker->cancels, oldest_to_come_ms(worker));
		gauges_update(worker);
		int64_t due_ms = earlier(jobs_due_ms(worker), retries_fetch(worker));
		int wait = more ? 0 : wait_ms(worker, due_ms, act_in_ms);
		if (epoll_wait(epoll, events, 8, wait) < 0 && errno != EINTR)
			break;
		more = events_take(worker);
		attempts_collect(worker, 0);
		if (stop_asked(worker)) {
			drain_begin(worker);
			pauses_update(worker);
			drain_finish(worker);
			break;
		}
	}
}

/* false: no memory. */
static bool held_make(struct worker *worker)
{
	for (int source = 0; source < sources_count(worker->parts.config); source++) {
		worker->held[source].waiting = retry_index_new();
		if (!worker->held[source].waiting)
			return false;
	}
	return true;
}

int worker_run(const struct worker_parts *parts, struct err *err)
{
	struct worker worker = {.parts = *parts, .broker = parts->broker->functions, .epoch = 1,
		.next_tag = 1, .slots = parts->config->worker.slots};
	worker.scheduler = scheduler_new();
	worker.dedupe = dedupe_new(parts->config->worker.dedupe_window_ms);
	worker.cancels = cancels_new(parts->config->worker.cancel_window_ms,
		config_cancel_reach_ms(parts->config));
	bool whole = held_make(&worker);
	worker.running = calloc((size_t)worker.slots, sizeof *worker.running);
	int epoll = epoll_make(&worker), result = 0;
	if (getrandom(&worker.incarnation, sizeof worker.incarnation, 0) != sizeof worker.incarnation) {
		result = err_system(err, "getrandom");
	} else if (!worker.scheduler || !worker.dedupe || !worker.cancels || !whole ||
			!worker.running || epoll < 0) {
		result = err_set(err, ERR_MEMORY, "no memory or descriptors for the loop");
	} else {
		srand48((long)worker.incarnation);	/* or all workers would spread their retries alike */
		loop(&worker, epoll);
		drain_hand_back(&worker);
		if (worker.ended) {
			*err = worker.fatal;
			result = -1;
		}
	}
	partitions_forget(&worker);
	scheduler_free(worker.scheduler);
	dedupe_free(worker.dedupe);
	cancels_free(worker.cancels);
	for (int source = 0; source < BROKER_SOURCES_MOST; source++)
		retry_index_free(worker.held[source].waiting);
	for (int i = 0; i < ORIGINS; i++)
		free(worker.origins[i]);
	free(worker.running);
	if (epoll >= 0)
		close(epoll);
	return result;
}
