/* broker_kafka_commit.c: batches as transactions, by two producers that take turns.
 *
 * One producer manages about 13 transactions a second, since the broker finishes one in the background
 * while the next already retries; two that alternate hide that. The broker keeps the offsets that were
 * sent last, whatever the order of commits: so a batch may produce while the one before commits,
 * but sends its offsets only when that one is through. A batch whose transaction had to be aborted
 * is published again by the same thread, and the one behind it waits.
 *
 * Every call here can block for long; each producer has a thread. Source: KIP-98, KIP-447 and
 * librdkafka's INTRODUCTION ("Transactional producer").
 */
#include "broker_kafka_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "kafka_conf.h"
#include "log.h"

#define PRODUCERS 2
#define CALL_MS 10000		/* one call; it is repeated as long as that is right */

struct producer {
	struct committer *committer;
	rd_kafka_t *rk;
	pthread_t thread;
	bool started, busy;
	struct broker_batch *batch;	/* given, not yet taken */
	uint64_t turn;			/* the batch's place in the order */
	int index;
};

struct committer {
	rd_kafka_t *consumer;
	struct mailbox *mailbox;
	const char *requests;		/* topic, of the configuration */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ending, fatal;
	uint64_t turns_given, turns_done;
	struct producer producers[PRODUCERS];
};

static int64_t clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* ---- one transaction */

enum step { STEP_DONE, STEP_AGAIN, STEP_DROP, STEP_FATAL };

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

static rd_kafka_resp_err_t produce_one(rd_kafka_t *rk, const struct broker_record *record)
{
	rd_kafka_headers_t *headers = headers_make(record);
	rd_kafka_resp_err_t code = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(record->topic),
		RD_KAFKA_V_PARTITION(record->partition < 0 ? RD_KAFKA_PARTITION_UA
							   : record->partition),
		RD_KAFKA_V_KEY(record->key, record->key_size),
		RD_KAFKA_V_VALUE((void *)record->value, record->value_size),
		RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_headers_destroy(headers);
	return code;
}

static enum step produce_all(struct producer *producer, const struct broker_batch *batch,
	struct err *err)
{
	for (size_t i = 0; i < batch->record_count; i++) {
		rd_kafka_resp_err_t code;
		while ((code = produce_one(producer->rk, &batch->records[i])) ==
				RD_KAFKA_RESP_ERR__QUEUE_FULL)
			rd_kafka_poll(producer->rk, 10);
		if (code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__FENCED) {
			err_set(err, ERR_BROKER, "producing: %s", rd_kafka_err2str(code));
			return STEP_FATAL;
		}
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
			err_set(err, ERR_BROKER, "producing to %s: %s", batch->records[i].topic,
				rd_kafka_err2str(code));
			log_event(LOG_WARN, "a record was refused", "reason", err->text, NULL);
			return STEP_AGAIN;
		}
	}
	return STEP_DONE;
}

/* Waits until all batches before this one are through. */
static bool turn_wait(struct producer *producer)
{
	struct committer *committer = producer->committer;
	pthread_mutex_lock(&committer->lock);
	while (committer->turns_done != producer->turn && !committer->fatal)
		pthread_cond_wait(&committer->changed, &committer->lock);
	bool ours = !committer->fatal;
	pthread_mutex_unlock(&committer->lock);
	return ours;
}

static enum step offsets_send(struct producer *producer, const struct broker_batch *batch,
	struct err *err)
{
	struct committer *committer = producer->committer;
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)batch->offset_count);
	for (size_t i = 0; i < batch->offset_count; i++)
		rd_kafka_topic_partition_list_add(list, committer->requests,
			batch->offsets[i].partition)->offset = batch->offsets[i].offset;
	rd_kafka_error_t *error;
	while ((error = rd_kafka_send_offsets_to_transaction(producer->rk, list, batch->group,
			CALL_MS)) && rd_kafka_error_is_retriable(error) &&
			!rd_kafka_error_txn_requires_abort(error))
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
	return judge(producer, error, "sending offsets", err);
}

/* A commit that timed out may have happened: the same call is repeated until it is known. */
static enum step commit(struct producer *producer, struct err *err)
{
	rd_kafka_error_t *error;
	while ((error = rd_kafka_commit_transaction(producer->rk, CALL_MS)) &&
			rd_kafka_error_is_retriable(error) && !rd_kafka_error_txn_requires_abort(error))
		rd_kafka_error_destroy(error);
	return judge(producer, error, "committing", err);
}

static enum step transaction(struct producer *producer, struct broker_batch *batch,
	struct err *err)
{
	enum step step = judge(producer, rd_kafka_begin_transaction(producer->rk), "beginning", err);
	if (step == STEP_DONE)
		step = produce_all(producer, batch, err);
	if (step == STEP_DONE && !turn_wait(producer))
		step = STEP_FATAL;
	if (step == STEP_DONE && batch->offset_count > 0)
		step = offsets_send(producer, batch, err);
	if (step == STEP_DONE)
		step = commit(producer, err);
	return step;
}

static enum step abort_transaction(struct producer *producer, struct err *err)
{
	rd_kafka_error_t *error;
	while ((error = rd_kafka_abort_transaction(producer->rk, CALL_MS)) &&
			rd_kafka_error_is_retriable(error))
		rd_kafka_error_destroy(error);
	return judge(producer, error, "aborting", err);
}

static enum step publish(struct producer *producer, struct broker_batch *batch, struct err *err)
{
	for (;;) {
		enum step step = transaction(producer, batch, err);
		if (step == STEP_DONE || step == STEP_FATAL)
			return step;
		struct err while_aborting;
		enum step aborted = abort_transaction(producer, &while_aborting);
		if (aborted == STEP_FATAL) {
			*err = while_aborting;
			return STEP_FATAL;
		}
		if (step == STEP_DROP)
			return turn_wait(producer) ? STEP_DROP : STEP_FATAL;
		struct timespec pause = {.tv_nsec = 50000000};
		nanosleep(&pause, NULL);
	}
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

static int conf_put(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
	char reason[256];
	if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
		return err_set(err, ERR_INVALID, "%s=%s: %s", name, value, reason);
	return 0;
}

/* What the configuration leaves open and what it may not change. */
static int producer_conf(const struct config *config, rd_kafka_conf_t *conf, const char *id,
	struct err *err)
{
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

static void no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	log_event(level <= 3 ? LOG_WARN : LOG_DEBUG, text, "librdkafka", facility, NULL);
}

static int producer_open(const struct config *config, struct producer *producer, const char *id,
	struct err *err)
{
	char reason[256];
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_PRODUCER, err);
	if (!conf)
		return -1;
	if (producer_conf(config, conf, id, err) < 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	rd_kafka_conf_set_log_cb(conf, no_log);
	producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
	if (!producer->rk) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_BROKER, "a producer can't be made: %s", reason);
	}
	return 0;
}

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

/* Stable with worker.id: a restart then ends at once what its predecessor left open. */
static int id_base(const struct config *config, char id[128], struct err *err)
{
	unsigned long long random;
	if (config->worker.id) {
		snprintf(id, 128, "codeworker-%.80s", config->worker.id);
		return 0;
	}
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return err_system(err, "getrandom");
	snprintf(id, 128, "codeworker-%016llx", random);
	return 0;
}

int committer_new(const struct config *config, rd_kafka_t *consumer, struct mailbox *mailbox,
	struct committer **made, struct err *err)
{
	char base[128], id[160];
	struct committer *committer = calloc(1, sizeof *committer);
	if (!committer)
		return err_set(err, ERR_MEMORY, "no memory");
	committer->consumer = consumer;
	committer->mailbox = mailbox;
	committer->requests = config->topics.requests;
	pthread_mutex_init(&committer->lock, NULL);
	pthread_cond_init(&committer->changed, NULL);
	int result = id_base(config, base, err);
	for (int i = 0; i < PRODUCERS && result == 0; i++) {
		committer->producers[i].committer = committer;
		committer->producers[i].index = i;
		snprintf(id, sizeof id, "%s-%d", base, i);
		result = producer_open(config, &committer->producers[i], id, err);
	}
	if (result == 0)
		result = initialise_all(committer, err);
	for (int i = 0; i < PRODUCERS && result == 0; i++) {
		struct producer *producer = &committer->producers[i];
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

void committer_free(struct committer *committer)
{
	pthread_mutex_lock(&committer->lock);
	committer->ending = true;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
	for (int i = 0; i < PRODUCERS; i++) {
		struct producer *producer = &committer->producers[i];
		if (producer->started)
			pthread_join(producer->thread, NULL);
		if (producer->rk)
			rd_kafka_destroy(producer->rk);
	}
	pthread_mutex_destroy(&committer->lock);
	pthread_cond_destroy(&committer->changed);
	free(committer);
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

rd_kafka_t *committer_handle(struct committer *committer)
{
	return committer->producers[0].rk;
}
