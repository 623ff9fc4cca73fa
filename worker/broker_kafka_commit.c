/* broker_kafka_commit.c: batches as transactions, by two producers that take turns.
 *
 * One producer manages about 13 transactions a second, since the broker finishes one in the background
 * while the next already retries; two that alternate hide that. The broker keeps the offsets that were
 * sent last, whatever the order of commits: so a batch may produce while the one before commits,
 * but sends its offsets only when that one is through. A batch whose transaction had to be aborted
 * is published again by the same thread, and so is the one behind it, after it: the order of commits says
 * nothing of the order of records in a partition, which is that of producing. A record that the broker refuses for
 * what it is (too large, invalid) would refuse the batch for ever: it is found by producing one
 * record at a time, and what stands in its `instead`, or nothing, takes its place.
 *
 * Every call here can block for long; each producer has a thread. Source: KIP-98, KIP-447 and
 * librdkafka's INTRODUCTION ("Transactional producer").
 */
#include "broker_kafka_internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "kafka_conf.h"
#include "log.h"

#define PRODUCERS 2
#define ID_BYTES 180
#define TOPICS 4
#define CALL_MS 5000		/* one call; it is repeated as long as that is right */
#define PAUSE_MS 50		/* before a batch is published again, doubled up to: */
#define PAUSE_MOST_MS 5000
#define SET_BYTES 1000000
#define REVIVALS 5
#define REVIVE_PAUSE_S 2		/* by then a fenced membership is known */
#define END_S 20		/* patience with a transaction at the end */

struct producer {
	struct committer *committer;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topics[TOPICS]; /* kept, so that librdkafka keeps knowing them */
	pthread_t thread;
	bool started, busy;
	struct broker_batch *batch;	/* given, not yet taken */
	uint64_t turn;			/* the batch's place in the order */
	int index;
	/* of the batch under way; the delivery reports, which come in this thread, write refused */
	unsigned char *refused;		/* by record: how often; then `instead`, then nothing goes */
	bool one_by_one;
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
	const char *requests;		/* topic, of the configuration */
	int64_t set_bytes;
	uint64_t incarnation;		/* tells our commits from those of others */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool fatal;
	atomic_bool ending;
	uint64_t turns_given, turns_produced, turns_done;
	struct producer producers[PRODUCERS];
};

static int64_t clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* ---- one producer */

static bool is_refusal(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || code == RD_KAFKA_RESP_ERR_INVALID_MSG ||
		code == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
		code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
		code == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

static void refusal_note(struct producer *producer, size_t index, rd_kafka_resp_err_t code)
{
	producer->refusal = code;
	producer->refused_index = index;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	(void)rk;
	struct producer *producer = opaque;
	if (is_refusal(message->err))
		refusal_note(producer, (size_t)(uintptr_t)message->_private, message->err);
}

static int conf_put(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
	char reason[256];
	if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
		return err_set(err, ERR_INVALID, "%s=%s: %s", name, value, reason);
	return 0;
}

/* A message set larger than its topic takes is refused as a whole, whatever its messages' sizes; librdkafka
 * makes sets of up to batch.size across topics, so the smallest topic decides. */
static int64_t set_bytes(const struct config *config, const struct broker_kafka_limits *limits)
{
	const int64_t all[] = {limits->results, limits->errors, limits->dead, limits->state};
	const char *configured = config_kafka(config, "batch.size");
	int64_t smallest = configured ? strtoll(configured, NULL, 10) : SET_BYTES;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] < smallest)
			smallest = all[i];
	return smallest;
}

/* What the configuration leaves open and what it may not change. */
static int producer_conf(const struct config *config, rd_kafka_conf_t *conf, const char *id,
	int64_t bytes, struct err *err)
{
	char set[24];
	snprintf(set, sizeof set, "%lld", (long long)bytes);
	if (conf_put(conf, "batch.size", set, err) < 0)
		return -1;
	static const char *const defaults[][2] = {{"linger.ms", "0"}, {"retry.backoff.ms", "1"},
		{"transaction.timeout.ms", "10000"}, {"message.max.bytes", "67108864"}};
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		if (!config_kafka(config, defaults[i][0]) &&
				conf_put(conf, defaults[i][0], defaults[i][1], err) < 0)
			return -1;
	if (conf_put(conf, "transactional.id", id, err) < 0 ||
			conf_put(conf, "partitioner", "murmur2_random", err) < 0)
		return -1;
	return conf_put(conf, "enable.idempotence", "true", err);
}

static int producer_open(const struct config *config, struct producer *producer, const char *id,
	int64_t bytes, struct err *err)
{
	char reason[256];
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_PRODUCER, err);
	if (!conf)
		return -1;
	if (producer_conf(config, conf, id, bytes, err) < 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	rd_kafka_conf_set_log_cb(conf, broker_kafka_log);
	rd_kafka_conf_set_opaque(conf, producer);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
	if (!producer->rk) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_BROKER, "a producer can't be made: %s", reason);
	}
	return 0;
}

/* librdkafka learns where a topic is with its first message, which then waits a second for it. */
static void topics_warm(const struct config *config, struct producer *producer)
{
	const char *const topics[TOPICS] = {config->topics.results, config->topics.errors,
		config->topics.dead, config->topics.state};
	for (int i = 0; i < TOPICS; i++) {
		const struct rd_kafka_metadata *metadata;
		producer->topics[i] = rd_kafka_topic_new(producer->rk, topics[i], NULL);
		if (producer->topics[i] && rd_kafka_metadata(producer->rk, 0, producer->topics[i],
				&metadata, CALL_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
			rd_kafka_metadata_destroy(metadata);
	}
}

static void producer_close(struct producer *producer)
{
	for (int t = 0; t < TOPICS; t++) {
		if (producer->topics[t])
			rd_kafka_topic_destroy(producer->topics[t]);
		producer->topics[t] = NULL;
	}
	if (producer->rk)
		rd_kafka_destroy(producer->rk);
	producer->rk = NULL;
}

/* ---- one transaction */

enum step {
	STEP_DONE,
	STEP_AGAIN,
	STEP_BEHIND,			/* as AGAIN, because of the batch before */
	STEP_DROP,
	STEP_FATAL
};

/* Takes the error. The group went on without us: what this batch finished is somebody else's now. */
static enum step judge(struct producer *producer, rd_kafka_error_t *error, const char *what,
	struct err *err)
{
	if (!error)
		return STEP_DONE;
	rd_kafka_resp_err_t code = rd_kafka_error_code(error);
	enum step step = STEP_AGAIN;
	if (rd_kafka_error_is_fatal(error))
		step = STEP_FATAL;
	else if (code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
			code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
			code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
			code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS)
		step = STEP_DROP;
	err_set(err, ERR_BROKER, "%s: %s", what, rd_kafka_error_string(error));
	log_event(step == STEP_FATAL ? LOG_ERROR : LOG_WARN, "transaction", "step", what, "reason",
		rd_kafka_error_string(error), "producer", log_number(producer->index), NULL);
	rd_kafka_error_destroy(error);
	return step;
}

static rd_kafka_headers_t *headers_make(const struct broker_record *record)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
	for (size_t i = 0; headers && i < record->header_count; i++)
		rd_kafka_header_add(headers, record->headers[i].name, -1, record->headers[i].value,
			(ssize_t)record->headers[i].size);
	return headers;
}

static rd_kafka_resp_err_t produce_one(rd_kafka_t *rk, const struct broker_record *record,
	size_t index)
{
	rd_kafka_headers_t *headers = headers_make(record);
	rd_kafka_resp_err_t code = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(record->topic),
		RD_KAFKA_V_OPAQUE((void *)(uintptr_t)index),
		RD_KAFKA_V_PARTITION(record->partition < 0 ? RD_KAFKA_PARTITION_UA
							   : record->partition),
		RD_KAFKA_V_KEY(record->key, record->key_size),
		RD_KAFKA_V_VALUE((void *)record->value, record->value_size),
		RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_headers_destroy(headers);
	return code;
}

/* Queues one record, or what stands for it. */
static rd_kafka_resp_err_t produce_record(struct producer *producer,
	const struct broker_batch *batch, size_t index)
{
	const struct broker_record *record = &batch->records[index];
	rd_kafka_resp_err_t code;
	if (producer->refused[index] > 0)
		record = record->instead;
	if (!record || producer->refused[index] > 1)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	while ((code = produce_one(producer->rk, record, index)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rd_kafka_poll(producer->rk, 10);
	if (is_refusal(code))
		refusal_note(producer, index, code);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && producer->one_by_one)
		rd_kafka_flush(producer->rk, CALL_MS);
	return code;
}

static enum step produce_all(struct producer *producer, const struct broker_batch *batch,
	struct err *err)
{
	for (size_t i = 0; i < batch->record_count && !producer->refusal; i++) {
		rd_kafka_resp_err_t code = produce_record(producer, batch, i);
		if (code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__FENCED) {
			err_set(err, ERR_BROKER, "producing: %s", rd_kafka_err2str(code));
			return STEP_FATAL;
		}
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
			err_set(err, ERR_BROKER, "producing to %s: %s", batch->records[i].topic,
				rd_kafka_err2str(code));
			return STEP_AGAIN;
		}
	}
	/* The reports of what was refused: a commit would say no more than that it can't. */
	while (!producer->refusal && rd_kafka_outq_len(producer->rk) > 0 &&
			!producer->committer->ending) {
		producer->called_us = clock_us();
		rd_kafka_flush(producer->rk, CALL_MS);
	}
	return producer->refusal ? STEP_AGAIN : STEP_DONE;
}

/* Waits until all batches before this one are produced: records that were made earlier are to stand earlier in
 * their partition. */
static bool produce_turn_wait(struct producer *producer)
{
	struct committer *committer = producer->committer;
	pthread_mutex_lock(&committer->lock);
	while (committer->turns_produced < producer->turn && !committer->fatal)
		pthread_cond_wait(&committer->changed, &committer->lock);
	bool ours = !committer->fatal;
	pthread_mutex_unlock(&committer->lock);
	return ours;
}

static void produced_note(struct producer *producer)
{
	struct committer *committer = producer->committer;
	pthread_mutex_lock(&committer->lock);
	committer->turns_produced = producer->turn + 1;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
}

/* What was produced is aborted: this batch comes again, and so must those that were produced behind it. */
static void aborted_note(struct producer *producer)
{
	struct committer *committer = producer->committer;
	pthread_mutex_lock(&committer->lock);
	if (committer->turns_produced > producer->turn)
		committer->turns_produced = producer->turn;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
}

/* Waits until all batches before this one are through; STEP_BEHIND when one of them was aborted. */
static enum step commit_turn_wait(struct producer *producer)
{
	struct committer *committer = producer->committer;
	pthread_mutex_lock(&committer->lock);
	while (committer->turns_done != producer->turn && !committer->fatal &&
			committer->turns_produced > producer->turn)
		pthread_cond_wait(&committer->changed, &committer->lock);
	enum step step = committer->fatal ? STEP_FATAL :
		committer->turns_produced > producer->turn ? STEP_DONE : STEP_BEHIND;
	pthread_mutex_unlock(&committer->lock);
	return step;
}

/* The same for one that publishes nothing. */
static enum step drop_turn_wait(struct producer *producer)
{
	struct committer *committer = producer->committer;
	pthread_mutex_lock(&committer->lock);
	while (committer->turns_done != producer->turn && !committer->fatal)
		pthread_cond_wait(&committer->changed, &committer->lock);
	enum step step = committer->fatal ? STEP_FATAL : STEP_DROP;
	pthread_mutex_unlock(&committer->lock);
	return step;
}

/* The list frees the metadata. */
static void offset_add(rd_kafka_topic_partition_list_t *list, const struct producer *producer,
	const struct broker_offset *offset)
{
	const char *topic = producer->committer->requests;
	rd_kafka_topic_partition_t *added =
		rd_kafka_topic_partition_list_add(list, topic, offset->partition);
	char *text;
	added->offset = offset->offset;
	int size = asprintf(&text, "1 %lld %016llx-%llu", (long long)offset->since_ms,
		(unsigned long long)producer->committer->incarnation,
		(unsigned long long)producer->turn);
	if (size < 0)
		return;
	added->metadata = text;
	added->metadata_size = (size_t)size;
}

/* The same call again; it also notes that librdkafka has come back. */
static bool worth_repeating(struct producer *producer, const rd_kafka_error_t *error)
{
	producer->called_us = clock_us();
	return rd_kafka_error_is_retriable(error) && !rd_kafka_error_txn_requires_abort(error) &&
		!producer->committer->ending;
}

static enum step offsets_send(struct producer *producer, const struct broker_batch *batch,
	struct err *err)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)batch->offset_count);
	for (size_t i = 0; i < batch->offset_count; i++)
		offset_add(list, producer, &batch->offsets[i]);
	rd_kafka_error_t *error;
	while ((error = rd_kafka_send_offsets_to_transaction(producer->rk, list, batch->group,
			CALL_MS)) && worth_repeating(producer, error))
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
	return judge(producer, error, "sending offsets", err);
}

/* A commit that timed out may have happened: the same call is repeated until it is known. */
static enum step commit(struct producer *producer, struct err *err)
{
	rd_kafka_error_t *error;
	producer->committing = true;
	while ((error = rd_kafka_commit_transaction(producer->rk, CALL_MS)) &&
			worth_repeating(producer, error))
		rd_kafka_error_destroy(error);
	enum step step = judge(producer, error, "committing", err);
	producer->committing = step == STEP_FATAL;
	return step;
}

static enum step transaction(struct producer *producer, struct broker_batch *batch,
	struct err *err)
{
	producer->refusal = RD_KAFKA_RESP_ERR_NO_ERROR;
	producer->committing = false;
	if (!produce_turn_wait(producer))
		return STEP_FATAL;
	producer->called_us = clock_us();
	enum step step = judge(producer, rd_kafka_begin_transaction(producer->rk), "beginning", err);
	if (step == STEP_DONE)
		step = produce_all(producer, batch, err);
	producer->called_us = 0;
	if (step != STEP_DONE)
		return step;
	produced_note(producer);
	step = commit_turn_wait(producer);
	producer->called_us = clock_us();
	if (step == STEP_DONE)
		step = offsets_send(producer, batch, err);
	if (step == STEP_DONE)
		step = commit(producer, err);
	return step;
}

static enum step abort_transaction(struct producer *producer, struct err *err)
{
	rd_kafka_error_t *error;
	while ((error = rd_kafka_abort_transaction(producer->rk, CALL_MS)) &&
			worth_repeating(producer, error))
		rd_kafka_error_destroy(error);
	return judge(producer, error, "aborting", err);
}

/* Among records that were sent together any may be the cause: the next try sends one at a time and so tells
 * which; the one after leaves it out. */
static void refusal_handle(struct producer *producer, const struct broker_batch *batch)
{
	if (!producer->one_by_one) {
		producer->one_by_one = true;
		return;
	}
	const struct broker_record *record = &batch->records[producer->refused_index];
	unsigned char times = ++producer->refused[producer->refused_index];
	log_event(LOG_ERROR, "the broker refused a record", "topic", record->topic, "bytes",
		log_number((int64_t)record->value_size), "reason",
		rd_kafka_err2str(producer->refusal), "instead",
		record->instead && times == 1 ? "one without its value" : "nothing", NULL);
}

static enum step publish_trying(struct producer *producer, struct broker_batch *batch,
	struct err *err)
{
	for (int64_t pause_ms = PAUSE_MS;; pause_ms *= 2) {
		enum step step = transaction(producer, batch, err);
		if (step == STEP_DONE || step == STEP_FATAL)
			return step;
		struct err while_aborting;
		enum step aborted = abort_transaction(producer, &while_aborting);
		if (aborted == STEP_FATAL) {
			*err = while_aborting;
			return STEP_FATAL;
		}
		producer->called_us = 0;
		aborted_note(producer);
		if (step == STEP_DROP)
			return drop_turn_wait(producer);
		if (step == STEP_BEHIND)
			continue;
		if (producer->committer->ending)
			return drop_turn_wait(producer);
		if (producer->refusal) {
			refusal_handle(producer, batch);
			continue;
		}
		if (pause_ms > PAUSE_MOST_MS)
			pause_ms = PAUSE_MOST_MS;
		nanosleep(&(struct timespec){.tv_sec = pause_ms / 1000,
			.tv_nsec = pause_ms % 1000 * 1000000}, NULL);
	}
}

/* A transaction that timed out, or was open while this worker or its broker was away, fences its producer: the
 * same id is taken up anew, which ends what it had open. Another worker with our id would fence us as
 * well; then the group has fenced our membership too, and we end. */
static enum step producer_revive(struct producer *producer, struct err *err)
{
	struct committer *committer = producer->committer;
	char text[256];
	nanosleep(&(struct timespec){.tv_sec = REVIVE_PAUSE_S}, NULL);
	if (rd_kafka_fatal_error(committer->consumer, text, sizeof text)) {
		err_set(err, ERR_BROKER, "%s", text);
		return STEP_FATAL;
	}
	log_event(LOG_WARN, "a producer was fenced and is made anew", "producer",
		log_number(producer->index), "reason", err->text, NULL);
	producer_close(producer);
	if (producer_open(committer->config, producer, producer->id, committer->set_bytes, err) < 0)
		return STEP_FATAL;
	rd_kafka_error_t *error;
	while ((error = rd_kafka_init_transactions(producer->rk, CALL_MS)) &&
			rd_kafka_error_is_retriable(error) && !committer->ending)
		rd_kafka_error_destroy(error);
	if (judge(producer, error, "starting again", err) != STEP_DONE)
		return STEP_FATAL;
	topics_warm(committer->config, producer);
	return STEP_AGAIN;
}

/* Whether the commit that was asked for took place: its metadata are ours. Where the partition went to others
 * they have overwritten it; publishing again is then refused by the group's generation. */
static bool commit_happened(struct producer *producer, const struct broker_batch *batch)
{
	struct committer *committer = producer->committer;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_t *ours = rd_kafka_topic_partition_list_new(1);
	offset_add(ours, producer, &batch->offsets[0]);
	rd_kafka_topic_partition_list_add(list, committer->requests, batch->offsets[0].partition);
	rd_kafka_resp_err_t code;
	while ((code = rd_kafka_committed(committer->consumer, list, CALL_MS)) !=
			RD_KAFKA_RESP_ERR_NO_ERROR && !committer->ending)
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000}, NULL);
	const rd_kafka_topic_partition_t *found = &list->elems[0], *sent = &ours->elems[0];
	bool happened = code == RD_KAFKA_RESP_ERR_NO_ERROR && found->metadata && sent->metadata &&
		found->metadata_size == sent->metadata_size &&
		memcmp(found->metadata, sent->metadata, sent->metadata_size) == 0;
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_topic_partition_list_destroy(ours);
	return happened;
}

static enum step publish(struct producer *producer, struct broker_batch *batch, struct err *err)
{
	producer->one_by_one = false;
	producer->refused = calloc(batch->record_count + 1, 1);
	if (!producer->refused) {
		err_set(err, ERR_MEMORY, "no memory for a transaction");
		return STEP_FATAL;
	}
	enum step step;
	int revivals = 0;
	while ((step = publish_trying(producer, batch, err)) == STEP_FATAL &&
			!producer->committer->fatal && revivals++ < REVIVALS) {
		bool unknown = producer->committing;
		aborted_note(producer);
		if (producer_revive(producer, err) != STEP_AGAIN)
			break;
		if (unknown && commit_happened(producer, batch)) {
			step = STEP_DONE;
			break;
		}
	}
	producer->called_us = 0;
	free(producer->refused);
	producer->refused = NULL;
	return step;
}

/* ---- a producer's thread */

static void batch_report(struct producer *producer, struct broker_batch *batch, enum step step,
	const struct err *err)
{
	struct committer *committer = producer->committer;
	struct broker_event event = {.type = BROKER_BATCH, .batch = batch};
	rd_kafka_consumer_group_metadata_destroy(batch->group);
	batch->group = NULL;
	batch->outcome = step == STEP_DONE ? BROKER_COMMITTED : BROKER_DROPPED;
	pthread_mutex_lock(&committer->lock);
	producer->busy = false;
	if (step == STEP_FATAL)
		committer->fatal = true;
	else
		committer->turns_done++;
	if (committer->turns_produced < committer->turns_done)
		committer->turns_produced = committer->turns_done;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
	mailbox_put(committer->mailbox, &event, NULL);
	if (step == STEP_FATAL) {
		struct broker_event fatal = {.type = BROKER_FATAL, .err = *err};
		mailbox_put(committer->mailbox, &fatal, NULL);
	}
}

static void *producer_thread(void *opaque)
{
	struct producer *producer = opaque;
	struct committer *committer = producer->committer;
	for (;;) {
		struct err err = {0};
		pthread_mutex_lock(&committer->lock);
		while (!producer->batch && !committer->ending)
			pthread_cond_wait(&committer->changed, &committer->lock);
		struct broker_batch *batch = producer->batch;
		producer->batch = NULL;
		pthread_mutex_unlock(&committer->lock);
		if (!batch)
			return NULL;
		int64_t begin = clock_us();
		enum step step = publish(producer, batch, &err);
		batch->commit_us = clock_us() - begin;
		batch_report(producer, batch, step, &err);
	}
}

/* ---- setting up */

struct initialising {
	rd_kafka_t *rk;
	rd_kafka_error_t *error;
};

static void *initialise(void *opaque)
{
	struct initialising *one = opaque;
	while ((one->error = rd_kafka_init_transactions(one->rk, CALL_MS)) &&
			rd_kafka_error_is_retriable(one->error) &&
			rd_kafka_error_code(one->error) != RD_KAFKA_RESP_ERR__TIMED_OUT)
		rd_kafka_error_destroy(one->error);
	return NULL;
}

/* Side by side: each may have to wait for what a predecessor left open. */
static int initialise_all(struct committer *committer, struct err *err)
{
	struct initialising ones[PRODUCERS];
	pthread_t threads[PRODUCERS];
	int result = 0;
	for (int i = 0; i < PRODUCERS; i++) {
		ones[i] = (struct initialising){.rk = committer->producers[i].rk};
		if (pthread_create(&threads[i], NULL, initialise, &ones[i]) != 0) {
			ones[i].rk = NULL;
			result = err_set(err, ERR_SYSTEM, "a thread can't be made");
		}
	}
	for (int i = 0; i < PRODUCERS; i++) {
		if (!ones[i].rk)
			continue;
		pthread_join(threads[i], NULL);
		if (ones[i].error && result == 0)
			result = err_set(err, ERR_BROKER, "the transactional producer can't start: %s "
				"(is kafka.bootstrap.servers right, and may this principal use the "
				"transactional id?)", rd_kafka_error_string(ones[i].error));
		if (ones[i].error)
			rd_kafka_error_destroy(ones[i].error);
	}
	return result;
}

/* Of the group, too: the same worker.id may be in use in another. Stable with worker.id: a restart then ends at once what its predecessor left open. */
static int id_base(const struct config *config, uint64_t incarnation, char id[ID_BYTES])
{
	const char *group = config_kafka(config, "group.id");
	int size = config->worker.id ?
		snprintf(id, ID_BYTES, "codeworker-%s-%s", group ? group : "", config->worker.id) :
		snprintf(id, ID_BYTES, "codeworker-%.80s-%016llx", group ? group : "",
			(unsigned long long)incarnation);
	return size < ID_BYTES ? 0 : -1;
}

int committer_new(const struct config *config, const struct broker_kafka_limits *limits,
	rd_kafka_t *consumer, struct mailbox *mailbox, struct committer **made, struct err *err)
{
	char base[ID_BYTES];
	struct committer *committer = calloc(1, sizeof *committer);
	if (!committer)
		return err_set(err, ERR_MEMORY, "no memory");
	committer->consumer = consumer;
	committer->mailbox = mailbox;
	committer->config = config;
	committer->requests = config->topics.requests;
	committer->set_bytes = set_bytes(config, limits);
	pthread_mutex_init(&committer->lock, NULL);
	pthread_cond_init(&committer->changed, NULL);
	int result = 0;
	if (getrandom(&committer->incarnation, sizeof committer->incarnation, 0) !=
			sizeof committer->incarnation)
		result = err_system(err, "getrandom");
	else if (id_base(config, committer->incarnation, base) < 0)
		result = err_set(err, ERR_INVALID, "kafka.group.id and worker.id are too long together");
	for (int i = 0; i < PRODUCERS && result == 0; i++) {
		committer->producers[i].committer = committer;
		committer->producers[i].index = i;
		snprintf(committer->producers[i].id, sizeof committer->producers[i].id, "%s-%d", base,
			i);
		result = producer_open(config, &committer->producers[i], committer->producers[i].id,
			committer->set_bytes, err);
	}
	if (result == 0)
		result = initialise_all(committer, err);
	for (int i = 0; i < PRODUCERS && result == 0; i++) {
		struct producer *producer = &committer->producers[i];
		topics_warm(config, producer);
		producer->started = pthread_create(&producer->thread, NULL, producer_thread,
			producer) == 0;
		if (!producer->started)
			result = err_set(err, ERR_SYSTEM, "a thread can't be made");
	}
	if (result < 0) {
		committer_free(committer);
		return -1;
	}
	*made = committer;
	return 0;
}

/* A call into librdkafka that does not come back can't be ended: its thread and producer are left to the
 * end of the process, which is near. */
static bool producer_join(struct producer *producer)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_S;
	if (!producer->started || pthread_timedjoin_np(producer->thread, NULL, &until) == 0)
		return true;
	log_event(LOG_ERROR, "a transaction does not end; it is left to the broker", "producer",
		log_number(producer->index), NULL);
	return false;
}

void committer_free(struct committer *committer)
{
	bool all = true;
	pthread_mutex_lock(&committer->lock);
	committer->ending = true;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
	for (int i = 0; i < PRODUCERS; i++) {
		struct producer *producer = &committer->producers[i];
		bool ended = producer_join(producer);
		if (ended)
			producer_close(producer);
		all = all && ended;
	}
	if (!all)
		return;
	pthread_mutex_destroy(&committer->lock);
	pthread_cond_destroy(&committer->changed);
	free(committer);
}

int64_t committer_stuck_ms(const struct committer *committer)
{
	int64_t longest = 0, now = clock_us();
	for (int i = 0; i < PRODUCERS; i++) {
		int64_t called = committer->producers[i].called_us;
		if (called && now - called > longest)
			longest = now - called;
	}
	return longest / 1000;
}

static struct producer *idle_producer(struct committer *committer)
{
	for (int i = 0; i < PRODUCERS; i++)
		if (!committer->producers[i].busy)
			return &committer->producers[i];
	return NULL;
}

bool committer_free_for_batch(struct committer *committer)
{
	pthread_mutex_lock(&committer->lock);
	bool is_free = idle_producer(committer) != NULL && !committer->fatal;
	pthread_mutex_unlock(&committer->lock);
	return is_free;
}

void committer_give(struct committer *committer, struct broker_batch *batch)
{
	/* As it is now: of the generation whose work the batch is, not of a later one. */
	batch->group = rd_kafka_consumer_group_metadata(committer->consumer);
	pthread_mutex_lock(&committer->lock);
	struct producer *producer = idle_producer(committer);
	producer->batch = batch;
	producer->busy = true;
	producer->turn = committer->turns_given++;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
}
