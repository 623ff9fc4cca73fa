/* worker_internal.h: shared by the files worker*.c: the loop's parts, which all run in its one thread. */
#ifndef CODEWORKER_WORKER_INTERNAL_H
#define CODEWORKER_WORKER_INTERNAL_H

#include "queue/cancels.h"
#include "clock.h"
#include "queue/crash_marks.h"
#include "queue/offset_window.h"
#include "queue/retry_index.h"
#include "codec/retry_record.h"
#include "queue/scheduler.h"
#include "broker/sources.h"
#include "codec/state.h"
#include "worker.h"

#define DEATH_MS 5000			/* how long killed jobs may take to be dead */
#define CLOCKS_MS 60000			/* by which those of brokers and workers may differ */

#define SUSPECT_PAUSE_MS 100		/* after which one looks again whether it is its turn */
#define SUSPECT_MARK_MS 2000		/* after which a mark that nothing was heard of is written again */
#define FETCHES_MOST 64			/* retries at a time, also while requests use up the room */
#define ORIGINS 8			/* names that the requests' topic had, among waiting retries */

struct partition {			/* of a topic of requests or of the retries */
	enum broker_source source;
	int32_t number;
	struct offset_window *window;	/* made with the first message */
	struct finished *finished;	/* beyond the watermark, by predecessors */
	int64_t published;		/* watermark in the newest batch; -1: none */
	int64_t published_since_ms;	/* that was told with it */
	struct broker_message held;	/* came when the window was full; owner NULL: none */
	bool full;			/* its window was, and half of it is not free yet */
	bool paused;
	bool at_end;			/* it had nothing more */
	struct job *jobs;		/* utlist's head: not finished, the oldest first */
	int64_t watermark_seen, watermark_tell_ms;	/* while the window is full */
	int64_t seen_ms;		/* the latest time of all that came; -1: nothing */
	int64_t newest_ms;		/* when what came last was submitted; before: no later than what comes */
	uint64_t settled_by;		/* number of the first batch with work of it; 0: none yet */
};

struct job {
	struct scheduler_entry entry;	/* first: the scheduler hands it back */
	struct request *request;
	struct job *older, *newer;	/* of its partition */
	struct broker_message message;	/* the request; of a retry it is no more, but made to be it again */
	struct broker_place place;	/* that is done when it ends */
	enum broker_source origin;	/* topic of requests that it came in by */
	uint64_t epoch, tag;
	int attempt;			/* that runs or runs next, from 1 */
	int sandbox_failures;
	int64_t received_ms, queued_ms;
	int64_t started_us;		/* the attempt that runs */
	int64_t bytes;			/* that it counts in its topic's */
	struct error_record last_error;	/* of the attempt before, in the request's arena */
	int deaths;			/* of workers under it */
	bool running;
	bool marked;			/* code.state knows that it was started */
	bool cancelled;			/* while it ran */
	bool refused;			/* last_error says why; it is not to be run */
};

/* Jobs under which a worker died run one at a time; one that the next death would end, alone. */
struct suspects {
	struct job *job;		/* that has the turn, running or about to; NULL: none */
	uint64_t mark;			/* number of its marks in code.state, all alike; 0: not written */
	int64_t mark_ms;		/* when the last of them was written */
	bool marked;			/* it is stored: the job may start */
	uint64_t marks;			/* written so far */
};

/* What is in memory of one topic of requests, the retries of its requests with it. Each topic has the same share of
 * worker.queue and worker.queue_bytes, so that none keeps another from being read. */
struct held {
	int64_t count, bytes;		/* requests */
	int64_t retries;		/* of them, that came from code.retries */
	bool paused;			/* its share is used up */
	struct retry_index *waiting;	/* that are not due for long */
	size_t fetching;		/* of these, that are due soon */
};

struct fetching {
	struct waiting_retry retry;
	enum broker_source origin;
};

struct worker {
	struct worker_parts parts;
	const struct broker_functions *broker;
	struct scheduler *scheduler;
	struct dedupe *dedupe;
	struct held held[BROKER_SOURCES_MOST];	/* by topic of requests */
	struct fetching fetches[FETCHES_MOST];
	size_t fetching;		/* how many of these */
	int64_t carried_ms;		/* when old ones were last looked for */
	char *origins[ORIGINS];
	struct crash_marks *crash_marks;
	struct suspects suspects;
	struct cancels *cancels;
	uint64_t incarnation;
	struct partition *partitions;
	size_t partition_count;
	struct job **running;		/* slots of them, NULL where free */
	int slots, running_count;
	uint64_t epoch, next_tag;
	struct publication *open;	/* being filled; NULL: none */
	int batches_under_way;
	uint64_t batches_given, batch_committed; /* how many; the number of the last that is through */
	size_t left_out;		/* partitions that are not read here */
	int64_t left_out_told_ms;
	bool draining, ended;
	bool stalled;			/* a batch was dropped: nothing more until we are given partitions */
	int64_t stalled_ms;		/* since when */
	bool out_of_touch;		/* with the group: nothing runs */
	bool controls_read;		/* until then nothing runs either */
	int64_t drain_end_ms;
	int64_t budgets_told_ms, watermarks_ms;	/* when it was last told */
	struct code_cache_counts code_counts;	/* as the metrics have them */
	struct err fatal;
};

static inline int64_t submitted_ms(const struct broker_message *message)
{
	return message->timestamp_ms >= 0 ? message->timestamp_ms : wall_ms();
}

/* Of its gauges. partition: of a topic of requests. */
static inline int place_label(const struct partition *partition)
{
	return metric_place(source_index(partition->source), partition->number);
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

struct partition *partition_find(struct worker *worker, enum broker_source source, int32_t number);
/* Full windows pause their partition, full memory or draining all of them; half empty, they go on. */
void pauses_update(struct worker *worker);
void partitions_forget(struct worker *worker);
/* What comes from our partitions was submitted at or after this time. */
int64_t oldest_to_come_ms(const struct worker *worker);
/* What code.state tells from then on is enough for a successor that begins behind all that has come. */
int64_t partition_since_ms(const struct worker *worker, const struct partition *partition);
void offset_done(struct worker *worker, const struct broker_place *place);
struct offset_window *window_make(struct worker *worker, enum broker_source source, int64_t start);
/* What was committed, before what code.state tells of it. */
void positions_take(struct worker *worker, const struct broker_event *event);
/* Nothing but transaction markers is left there: the offset committed is the end, or an idle partition
 * would show a lag for ever. */
void end_take(struct worker *worker, const struct broker_offset *end);
void partitions_assigned(struct worker *worker, const struct broker_event *event);
void state_take(struct worker *worker, const struct broker_state *state);

/* ---- worker_intake.c */

void message_take(struct worker *worker, struct broker_message *message);
/* Each topic of requests has so much of what is for all. */
int64_t share_of(const struct worker *worker, int64_t whole);
/* A message whose offset is open in its window. retry: of code.retries; NULL: a request. */
void message_decode(struct worker *worker, struct broker_message *message,
	const struct broker_place *place, const struct retry *retry);
/* That offset is through: of no use to anybody. */
void message_forget(struct worker *worker, struct broker_message *message,
	const struct broker_place *place);

/* ---- worker_retries.c */

/* What the topic was called that the request came in by, and which one it is: topics.requests, where it is
 * none any more. */
const char *retry_topic(struct worker *worker, const struct retry *retry);
enum broker_source retry_origin(const struct worker *worker, const struct retry *retry);

/* A record of code.retries whose offset is open. */
void retry_take(struct worker *worker, struct broker_message *message);
/* Whether only its time and place are to be kept for now; retry_note() does. */
bool retry_waits(const struct worker *worker, const struct retry *retry);
size_t retries_waiting(const struct worker *worker);	/* of which no more is kept */
void retry_note(struct worker *worker, const struct broker_place *place, const struct request *request,
	const struct retry *retry);
/* Writes it to code.retries anew, behind what is there: its offset is done, the message is the batch's. false: it
 * stays as it was. */
bool retry_carry(struct worker *worker, const struct broker_message *message,
	const struct request *request, const struct broker_place *place, const struct retry *retry);
/* Has those fetched at once that the cancel may apply to: then they find it. Returns how many. */
size_t retries_cancel(struct worker *worker, const struct cancel *cancel);
void retry_fetched(struct worker *worker, struct broker_event *event);
/* Has those fetched that are due soon, while there is room. Returns when the next one is; INT64_MAX: never. */
int64_t retries_fetch(struct worker *worker);
/* The running job's attempt failed and another follows: it leaves the worker. false: none can begin before its
 * deadline, or its topic can't take it. */
bool job_retry(struct worker *worker, struct job *job, const struct attempt *attempt);
void retries_forget(struct worker *worker);

/* ---- worker_suspects.c */

/* One that came in: how often it took a worker down; beyond worker.crash_limit it is not to be run. */
void job_deaths_count(struct worker *worker, struct job *job);
void mark_started(struct worker *worker, struct job *job);
/* What it did is in the open batch. */
void suspects_settled(struct worker *worker, const struct broker_place *place);
/* Marks those that have run for a moment. Returns in how many ms the next one is due; INT64_MAX: none. */
int64_t marks_catch_up(struct worker *worker);
void mark_handed_back(struct worker *worker, const struct job *job);
/* Whether others may start. */
bool suspects_let(const struct worker *worker);
/* Takes a suspect that the scheduler gave: it has the turn, or waits for it. */
void suspect_take(struct worker *worker, struct job *job);
/* Starts the one that has the turn, once its mark is stored. */
void suspect_start(struct worker *worker);
void suspect_marked(struct worker *worker, uint64_t number);
/* It ended, or goes back: the turn is free. */
void suspect_leave(struct worker *worker, const struct job *job);
/* Whether one waits for its start, and the loop is not to sleep for long. */
bool suspect_waits(const struct worker *worker);

/* ---- worker_attempts.c */

void jobs_start(struct worker *worker);
/* The job is the caller's, out of the scheduler. Returns false when none can be started now: it is put back. */
bool job_start(struct worker *worker, struct job *job);
/* When time alone gives it something to do; INT64_MAX: never. */
int64_t jobs_due_ms(const struct worker *worker);
void attempt_ended(struct worker *worker, struct attempt *attempt);
void attempts_collect(struct worker *worker, int timeout_ms);
void jobs_kill(struct worker *worker);
void jobs_drop(struct worker *worker);

/* ---- worker_fairness.c */

/* refused: it has its answer, whatever its deadline. */
struct scheduler_terms request_terms(const struct worker *worker, const struct request *request,
	enum broker_source origin, bool refused);
/* Tells, now and then, when tenants wait for their budget. */
void budgets_report(struct worker *worker);

/* ---- worker_watermark.c */

void watermark_job_add(struct worker *worker, struct job *job);	/* the newest of its partition */
void watermark_job_remove(struct worker *worker, struct job *job);
/* The partitions are about to go. */
void watermarks_forget(struct worker *worker);
/* Metrics, /status and, now and then, the log. */
void watermarks_report(struct worker *worker);
/* ---- worker_cancel.c */

void control_take(struct worker *worker, const struct broker_control *control);
/* What was cancelled before the start is known. */
void controls_are_read(struct worker *worker);
bool cancel_known(const struct worker *worker, const struct broker_message *message,
	const struct request *request);
/* The end of a request that was cancelled and is not in the scheduler. attempt: of one that ran; NULL: it waited. */
void job_cancel(struct worker *worker, struct job *job, const struct attempt *attempt);

/* ---- worker_finish.c */

void job_free(struct worker *worker, struct job *job, bool keep_message);
/* The final result. Returns 1, with nothing published, when it is COMPLETED and does not fit the topic. */
int result_publish(struct worker *worker, const struct job *job, enum status status,
	const struct error_record *error, const struct attempt *attempt, struct err *err);
/* What goes with a final result: a dead letter if it failed, and the mark that it is final. Frees the
 * job. */
void job_settle(struct worker *worker, struct job *job, enum status status,
	const struct error_record *error);
/* Which offset the mark is of. */
void mark_topic(const struct worker *worker, const struct broker_place *place, struct state_mark *mark);
/* What code.state is told of that offset, in the open batch; -1 with err. */
int mark_publish(struct worker *worker, struct publication *publication, const struct broker_place *place,
	const struct state_mark *mark, struct err *err);
enum encoding answer_encoding(const struct worker *worker, const struct request *request);
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
/* The open batch has something of this job and is not to keep it back for long. */
void batch_hurry(struct worker *worker, const struct job *job);
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
