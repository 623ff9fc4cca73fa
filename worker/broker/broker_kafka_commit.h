/* broker_kafka_commit.h: shared by the files of committing: the committer, its producers, their transactions. */
#ifndef CODEWORKER_BROKER_KAFKA_COMMIT_H
#define CODEWORKER_BROKER_KAFKA_COMMIT_H

#include <stdatomic.h>

#include "broker_kafka_internal.h"
#include "../clock.h"

#define PRODUCERS 2
#define TOPICS 5
#define CALL_MS 5000		/* one call; it is repeated as long as that is right */
#define LARGE_BYTES 16384	/* a smaller record is hardly refused for its size */
#define PAUSE_MS 50		/* before a batch is published again, doubled up to: */

struct producer {
	struct committer *committer;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topics[TOPICS]; /* kept, so that librdkafka keeps knowing them */
	pthread_t thread;
	bool started, busy;
	struct broker_batch *batch;	/* given, not yet taken */
	uint64_t turn;			/* the batch's place in the order */
	bool behind;			/* one before it was aborted since it began to produce */
	int index;
	/* of the batch under way; the delivery reports, which come in this thread, write refused */
	unsigned char *refused;		/* by record: how often; then `instead`, then nothing goes */
	bool *acknowledged;		/* by record; NULL: a transaction, which is all or nothing */
	enum {
		SENT_TOGETHER,
		SENT_LARGE_APART,
		SENT_ONE_BY_ONE
	} sending;
	rd_kafka_resp_err_t refusal;	/* of a record, since the transaction began */
	size_t refused_index;
	bool committing;		/* the commit was asked for: what became of it may be unknown */
	char id[200];			/* transactional */
	_Atomic int64_t called_us;	/* when the present call into librdkafka began; 0: none */
};

struct committer {
	rd_kafka_t *consumer;
	struct mailbox *mailbox;
	const struct config *config;
	int64_t set_bytes;
	const struct delivery *delivery;
	uint64_t incarnation;		/* tells our commits from those of others */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool fatal;
	atomic_bool ending;
	uint64_t turns_given, turns_produced, turns_done;
	struct producer producers[PRODUCERS];
};

enum step {
	STEP_DONE,
	STEP_AGAIN,
	STEP_BEHIND,			/* as AGAIN, because of the batch before */
	STEP_DROP,
	STEP_FATAL
};

/* How a batch becomes visible: delivery_transactional, all of it at once, or delivery_plain. Steps that call
 * librdkafka and may block; producing, between begin and offsets, is the same for both. */
struct delivery {
	bool transactional;
	enum step (*begin)(struct producer *producer, const struct broker_batch *batch,
		struct err *err);
	enum step (*offsets)(struct producer *producer, const struct broker_batch *batch,
		struct err *err);
	enum step (*commit)(struct producer *producer, struct err *err);
	/* After any step but DONE and FATAL: the batch can be published again, or dropped. */
	enum step (*abort)(struct producer *producer, struct err *err);
};

/* ---- broker_kafka_plain.c */

extern const struct delivery delivery_plain;

/* ---- broker_kafka_producer.c */

bool producer_is_refusal(rd_kafka_resp_err_t code);
/* What goes now for a record of the batch; NULL: nothing. */
const struct broker_record *producer_sent(const struct producer *producer,
	const struct broker_batch *batch, size_t index);
size_t producer_record_size(const struct broker_record *record);
/* The first of a transaction counts. */
void producer_refused(struct producer *producer, size_t index, rd_kafka_resp_err_t code);
int producer_open(const struct config *config, struct producer *producer, const char *id,
	int64_t bytes, struct err *err);
/* librdkafka learns where a topic is with its first message, which then waits a second for it. */
void producer_warm(const struct config *config, struct producer *producer);
void producer_close(struct producer *producer);

/* ---- broker_kafka_transaction.c */

/* Takes the error. The group went on without us: what this batch finished is somebody else's now. */
enum step transaction_judge(struct producer *producer, rd_kafka_error_t *error, const char *what,
	struct err *err);
enum step transaction_produce(struct producer *producer, const struct broker_batch *batch,
	struct err *err);
extern const struct delivery delivery_transactional;
/* The group went on without us. */
bool generation_is_over(rd_kafka_resp_err_t code);
/* The batch's offsets with our metadata; the caller destroys it. */
rd_kafka_topic_partition_list_t *offsets_list(const struct producer *producer,
	const struct broker_batch *batch);
/* Whether the commit that was asked for took place: its metadata are ours. Where the partition went to others
 * they have overwritten it; publishing again is then refused by the group's generation. */
bool transaction_happened(struct producer *producer, const struct broker_batch *batch);

#endif
