/* broker_kafka_internal.h: shared by the files broker_kafka*.c. */
#ifndef CODEWORKER_BROKER_KAFKA_INTERNAL_H
#define CODEWORKER_BROKER_KAFKA_INTERNAL_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "broker.h"
#include "broker_kafka.h"
#include "../config/config.h"
#include "sources.h"

/* An event that another thread has for the loop, in a list under a lock; an eventfd wakes it. */
struct mail {
	struct mail *next;
	struct broker_event event;
	void *memory;			/* freed with it */
};

struct mailbox {
	pthread_mutex_t lock;
	struct mail *first, *last;
	int event_fd;
	size_t count;
};

int mailbox_open(struct mailbox *mailbox, struct err *err);
void mailbox_close(struct mailbox *mailbox);
/* Takes memory. Without memory for the mail itself the process can't go on in order: abort(). */
void mailbox_put(struct mailbox *mailbox, const struct broker_event *event, void *memory);
size_t mailbox_count(struct mailbox *mailbox);
/* NULL when it is empty. The caller frees the mail's memory, then the mail. */
struct mail *mailbox_take(struct mailbox *mailbox);

/* ---- committing: broker_kafka_commit.c */
struct committer;

/* Returns 1 when stop_fd became readable before it was done. */
int committer_new(const struct config *config, int64_t least_bytes, rd_kafka_t *consumer,
	struct mailbox *mailbox, int stop_fd, struct committer **committer, struct err *err);
/* Ends what is under way and frees all. false: something did not come back until then (CLOCK_REALTIME); it is
 * left to the end of the process, as is the mailbox, which it may still use. */
bool committer_end(struct committer *committer, const struct timespec *until);
bool committer_free_for_batch(struct committer *committer);
void committer_give(struct committer *committer, struct broker_batch *batch);
/* Whether every batch that was given is through: no transaction of ours can become visible any more. */
bool committer_is_idle(struct committer *committer);
/* How long the longest call under way into librdkafka has not come back. */
int64_t committer_stuck_ms(const struct committer *committer);

/* ---- what is taken up of an assignment: broker_kafka_share.c */
struct share {
	struct broker_offset *positions;	/* the partitions of topics.requests, of the retries, then of others */
	size_t position_count, partition_count;	/* partitions: of topics.requests */
	size_t left_out;		/* given, and of the number of another worker */
	size_t missing;			/* of our numbers, and not given */
};

/* The caller frees the positions; offsets are not known yet. */
struct share share_take(const struct config *config, const rd_kafka_topic_partition_list_t *given);
/* For rd_kafka_assign. Each partition of the retries goes with that of the requests, as no assignor could promise:
 * it is assigned by hand, and its offsets are committed under the same membership. */
rd_kafka_topic_partition_list_t *share_assignment(const struct config *config,
	const struct broker_offset *positions, size_t count);

/* ---- taking partitions over: broker_kafka_state.c */

/* Waits for what the committer has under way, looks up what was committed and reads code.state of these
 * partitions to its end, in a thread of its own. committer: borrowed. share: taken over, in any case. Through the
 * mailbox come BROKER_TAKEOVER, each record as BROKER_STATE, then BROKER_ASSIGNED with this number. Insists until it
 * works or is freed. */
struct takeover;
int takeover_start(const struct config *config, struct committer *committer, struct share share,
	uint64_t number, struct mailbox *mailbox, struct takeover **takeover, struct err *err);
/* Ends the thread, done or not, and frees it. takeover: NULL allowed. until: NULL waits for ever; false: the
 * thread did not end until then and is left to the end of the process, as is the mailbox. */
bool takeover_end(struct takeover *takeover, const struct timespec *until);
void takeover_tell(const struct takeover *takeover, struct broker_takeover *told);
/* What it found committed, as BROKER_TAKEOVER told it: valid as long as the takeover, from BROKER_ASSIGNED on. */
size_t takeover_positions(const struct takeover *takeover, const struct broker_offset **positions);
/* since_ms out of a commit's metadata ("1 <since_ms>"); 0: none. */
int64_t commit_metadata_read(const void *metadata, size_t size);
/* From when on code.state is to be read: from window_begin_ms, or where something was committed, from when it
 * says; from the beginning (0) where that is not known, as of a commit that is not ours. */
int64_t state_begin_ms(const struct broker_offset *committed, int64_t window_begin_ms);
/* The earliest of what all topics of that number need, by index of the partitions of topics.requests. */
void state_begins(const struct share *share, int64_t window_begin_ms, int64_t *begin_ms);

/* A handle that reads partitions assigned by hand, outside of the group. fetch_ms: how long a broker may wait for
 * a record to come; queue_kbytes: how much is fetched ahead. NULL with err. */
rd_kafka_t *reader_open(const struct config *config, const char *isolation, const char *fetch_ms,
	const char *queue_kbytes, struct err *err);
void reader_close(rd_kafka_t **rk);	/* NULL in it: nothing */

/* ---- where the requests end: broker_kafka_ends.c */
struct ends;
/* rk, config: borrowed. */
int ends_new(rd_kafka_t *rk, const struct config *config, struct ends **ends, struct err *err);
/* From now on those of the topics of requests; offsets don't matter. */
void ends_watch(struct ends *ends, const struct broker_offset *places, size_t count);
int64_t ends_of(struct ends *ends, enum broker_source source, int32_t partition);	/* -1: not known */
bool ends_end(struct ends *ends, const struct timespec *until);	/* as takeover_end() */

/* ---- reading a message again: broker_kafka_fetch.c */
struct fetcher;
/* shorts_most: how often the log may be found to end before a message until that is taken to be gone. */
int fetcher_new(const struct config *config, int shorts_most, struct mailbox *mailbox,
	struct fetcher **fetcher, struct err *err);
void fetcher_ask(struct fetcher *fetcher, const struct broker_place *place);
void fetcher_clear(struct fetcher *fetcher);	/* what was asked for is not wanted any more */
bool fetcher_end(struct fetcher *fetcher, const struct timespec *until);	/* as takeover_end() */

/* ---- marks in code.state: broker_kafka_marks.c */
struct marker;
int marker_new(const struct config *config, struct mailbox *mailbox, struct marker **marker,
	struct err *err);
void marker_put(struct marker *marker, int32_t partition, const char *value, uint64_t number);
void marker_serve(struct marker *marker);	/* looks for answers; NULL allowed */
void marker_flush(struct marker *marker, int timeout_ms);
void marker_end(struct marker *marker);		/* what is not stored yet is lost; NULL allowed */

/* librdkafka's own would hold on to the whole answer to a fetch, for one small message in it. */
void message_copy(const struct config *config, const rd_kafka_message_t *message,
	struct broker_message *copied);

/* ---- cancels: broker_kafka_control.c */

/* Reads code.control for ever, in a thread of its own. Through the mailbox comes each record as BROKER_CONTROL, and
 * BROKER_CONTROLS_READ when what stood there at the start has come. */
struct control_reader;
int control_start(const struct config *config, struct mailbox *mailbox,
	struct control_reader **reader, struct err *err);
/* As takeover_end. */
bool control_end(struct control_reader *reader, const struct timespec *until);
/* From when on it is read. */
int64_t control_begin_ms(const struct config *config, int64_t now_ms);

/* ---- staying in touch: broker_kafka_touch.c */

/* When the group's coordinator was last heard of. */
struct touch {
	int64_t heard_us;		/* CLOCK_BOOTTIME; 0: never */
	int64_t asleep_us;		/* how long the machine slept: by so much that clock is ahead of librdkafka's */
	int64_t woken_us;		/* CLOCK_MONOTONIC: what is heard from then on counts */
	int64_t looked_us;		/* CLOCK_BOOTTIME: when silence was last asked for */
};

/* Takes what librdkafka's statistics say of it. */
void touch_statistics(struct touch *touch, const char *statistics, size_t size);
/* The coordinator has just given us partitions: what held our joining up was no silence. */
void touch_assigned(struct touch *touch);
/* To be called often: it notes that the machine slept. -1: nothing was heard yet. */
int64_t touch_silence_ms(struct touch *touch);

/* The log callback of every handle. */
void broker_kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);

#endif
