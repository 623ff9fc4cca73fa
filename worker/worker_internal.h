/* worker_internal.h: shared by the files worker*.c: the loop's parts, which all run in its one thread. */
#ifndef CODEWORKER_WORKER_INTERNAL_H
#define CODEWORKER_WORKER_INTERNAL_H

#include <time.h>

#include "offset_window.h"
#include "scheduler.h"
#include "state.h"
#include "worker.h"

#define DEATH_MS 5000			/* how long killed jobs may take to be dead */

struct partition {
	int32_t number;
	struct offset_window *window;	/* made with the first message */
	struct finished *finished;	/* beyond the watermark, by predecessors */
	int64_t published;		/* watermark in the newest batch; -1: none */
	struct broker_message held;	/* came when the window was full; owner NULL: none */
	bool paused;
	bool at_end;			/* it had nothing more */
	int64_t newest_ms;		/* when what came last was submitted; before: no later than what comes */
};

struct job {
	struct scheduler_entry entry;	/* first: the scheduler hands it back */
	struct request *request;
	struct broker_message message;
	uint64_t epoch, tag;
	int attempt;			/* that runs or runs next, from 1 */
	int sandbox_failures;
	int64_t received_ms, queued_ms;
	int64_t bytes;			/* that it counts in held_bytes */
	struct error_record last_error;	/* of the attempt before, in the request's arena */
	bool running;
	bool refused;			/* last_error says why; it is not to be run */
};

struct worker {
	struct worker_parts parts;
	const struct broker_functions *broker;
	struct scheduler *scheduler;
	struct dedupe *dedupe;
	struct partition *partitions;
	size_t partition_count;
	struct job **running;		/* slots of them, NULL where free */
	int slots, running_count;
	uint64_t epoch, next_tag;
	struct publication *open;	/* being filled; NULL: none */
	int batches_under_way;
	int64_t held, held_bytes;	/* requests and bytes in memory */
	bool paused_all, draining, ended;
	bool stalled;			/* a batch was dropped: nothing more until we are given partitions */
	int64_t stalled_ms;		/* since when */
	bool out_of_touch;		/* with the group: nothing runs */
	int64_t drain_end_ms;
	struct code_cache_counts code_counts;	/* as the metrics have them */
	struct err fatal;
};

static inline int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static inline int64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* The clock of leases. */
static inline int64_t boot_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static inline int64_t submitted_ms(const struct broker_message *message)
{
	return message->timestamp_ms >= 0 ? message->timestamp_ms : wall_ms();
}

static inline void count(struct worker *worker, enum metric metric, int label)
{
	metrics_add(worker->parts.metrics, metric, label, 1);
}

/* ---- worker.c */

void worker_fatal(struct worker *worker, const struct err *err);
/* Leases the right to run jobs for as long as the group can't give them to others. To be called in every turn
 * of whatever takes long. */
void touch_check(struct worker *worker);

/* ---- worker_partitions.c */

struct partition *partition_find(struct worker *worker, int32_t number);
/* Full windows pause their partition, full memory or draining all of them; half empty, they go on. */
void pauses_update(struct worker *worker);
void partitions_forget(struct worker *worker);
/* What comes from our partitions was submitted at or after this time. */
int64_t oldest_to_come_ms(const struct worker *worker);
/* What code.state tells from then on is enough for a successor that begins behind all that has come. */
int64_t partition_since_ms(const struct worker *worker, const struct partition *partition);
void offset_done(struct worker *worker, int32_t number, int64_t offset);
struct offset_window *window_make(struct worker *worker, int64_t start);
/* What was committed, before what code.state tells of it. */
void positions_take(struct worker *worker, const struct broker_event *event);
/* Nothing but transaction markers is left there: the offset committed is the end, or an idle partition
 * would show a lag for ever. */
void end_take(struct worker *worker, const struct broker_offset *end);
void partitions_assigned(struct worker *worker, const struct broker_event *event);
void state_take(struct worker *worker, const struct broker_state *state);

/* ---- worker_intake.c */

void message_take(struct worker *worker, struct broker_message *message);

/* ---- worker_attempts.c */

void jobs_start(struct worker *worker);
void attempt_ended(struct worker *worker, struct attempt *attempt);
void attempts_collect(struct worker *worker, int timeout_ms);
void jobs_kill(struct worker *worker);
void jobs_drop(struct worker *worker);

/* ---- worker_finish.c */

void job_free(struct worker *worker, struct job *job, bool keep_message);
/* The final result. Returns 1, with nothing published, when it is COMPLETED and does not fit the topic. */
int result_publish(struct worker *worker, const struct job *job, enum status status,
	const struct error_record *error, const struct attempt *attempt, struct err *err);
/* What goes with a final result: a dead letter if it failed, and the mark that it is final. Frees the
 * job. */
void job_settle(struct worker *worker, struct job *job, enum status status,
	const struct error_record *error);
/* The end of a request that is not COMPLETED. attempt: NULL where nothing ran. */
void job_conclude(struct worker *worker, struct job *job, enum status status,
	const struct error_record *error, const struct attempt *attempt);
/* What an error event tells. attempt: NULL where nothing ran. */
struct happening {
	const struct request *request;
	int attempt_number;
	bool is_final;
	int64_t next_attempt_at_ms;
	const struct error_record *error;
	const struct attempt *attempt;
};
int event_publish(struct worker *worker, const struct broker_message *message,
	const struct happening *what, enum encoding encoding, struct err *err);
void job_error_event(struct worker *worker, struct job *job, bool is_final,
	int64_t next_attempt_at_ms, const struct error_record *error, const struct attempt *attempt);
void job_fail(struct worker *worker, struct job *job, const struct error_record *error,
	const struct attempt *attempt);

/* ---- worker_batch.c */

struct publication *publication_open(struct worker *worker);
void publication_end(struct worker *worker, struct publication *publication);
/* A result that can't be published must not be lost by going on: the worker ends, and its successor
 * finds the request not done. */
void batch_published(struct worker *worker, int result, const struct err *err);
bool watermarks_moved(const struct worker *worker);
/* Finished work that no producer has taken yet: no more is begun meanwhile. */
bool batch_backlogged(const struct worker *worker);
/* Gives the open batch to the broker, if it is due; returns in how many ms it will be, INT64_MAX where only an
 * event makes it so. */
int64_t batch_commit(struct worker *worker);
void batch_ended(struct worker *worker, struct broker_batch *batch);

/* ---- worker_drain.c */

/* Lets what runs end until drain_end_ms, and commits it under the generation that is still ours. */
void drain_finish(struct worker *worker);
void partitions_revoked(struct worker *worker, bool lost);
void drain_begin(struct worker *worker);
/* What did not finish is handed back by not being committed. */
void drain_hand_back(struct worker *worker);

#endif
