/* broker_kafka_commit.c: batches as transactions, by two producers that take turns.
 *
 * One producer manages about 13 transactions a second, since the broker finishes one in the background
 * while the next already retries; two that alternate hide that. The broker keeps the offsets that were
 * sent last, whatever the order of commits: so a batch may produce while the one before commits,
 * but sends its offsets only when that one is through. A batch whose transaction had to be aborted
 * is published again by the same thread, and so is the one behind it, after it, however far that one is: the
 * order of commits says nothing of the order of records in a partition, which is that of producing. A record
 * that the broker refuses for what it is (too large, invalid) would refuse the batch for ever: it is found by
 * producing one record at a time, and what stands in its `instead`, or nothing, takes its place. A transaction
 * can't go on past a refusal, so what is too large is taken to be no smaller than the one that was refused.
 *
 * Batches without transactions (broker_kafka_plain.c) go the same way, with other steps.
 *
 * Every call here can block for long; each producer has a thread. Source: KIP-98, KIP-447 and
 * librdkafka's INTRODUCTION ("Transactional producer").
 */
#include "broker_kafka_commit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../chaos.h"
#include "../log.h"

#define ID_BYTES 180
#define PAUSE_MOST_MS 5000
#define SET_BYTES 1000000
#define REVIVALS 5
#define END_S 10
#define INITIALISE_S 60
#define STOP_POLL_MS 20
#define REVIVE_PAUSE_S 2		/* by then a fenced membership is known */

/* A message set larger than its topic takes is refused as a whole, whatever its messages' sizes; librdkafka
 * makes sets of up to batch.size across topics, so the smallest topic decides. */
static int64_t set_bytes(const struct config *config, int64_t least_bytes)
{
	const char *configured = config_kafka(config, "batch.size");
	int64_t size = configured ? strtoll(configured, NULL, 10) : SET_BYTES;
	return least_bytes < size ? least_bytes : size;
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
	producer->behind = false;
	pthread_mutex_unlock(&committer->lock);
	return ours;
}

static void produced_note(struct producer *producer)
{
	struct committer *committer = producer->committer;
	pthread_mutex_lock(&committer->lock);
	if (!producer->behind)
		committer->turns_produced = producer->turn + 1;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
}

/* What was produced is aborted: this batch comes again, and so must those behind it that have begun to produce.
 * Whether they are through with it says nothing: this one's next try may be, before they are. */
static void aborted_note(struct producer *producer)
{
	struct committer *committer = producer->committer;
	pthread_mutex_lock(&committer->lock);
	if (committer->turns_produced > producer->turn)
		committer->turns_produced = producer->turn;
	for (int i = 0; i < PRODUCERS && !chaos_off("behind"); i++)
		if (committer->producers[i].busy && committer->producers[i].turn > producer->turn)
			committer->producers[i].behind = true;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
}

/* Waits until all batches before this one are through; STEP_BEHIND when one of them was aborted. */
static enum step commit_turn_wait(struct producer *producer)
{
	struct committer *committer = producer->committer;
	pthread_mutex_lock(&committer->lock);
	while (committer->turns_done != producer->turn && !committer->fatal && !producer->behind)
		pthread_cond_wait(&committer->changed, &committer->lock);
	enum step step = committer->fatal ? STEP_FATAL : producer->behind ? STEP_BEHIND : STEP_DONE;
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

static enum step transaction(struct producer *producer, struct broker_batch *batch,
	struct err *err)
{
	const struct delivery *delivery = producer->committer->delivery;
	producer->refusal = RD_KAFKA_RESP_ERR_NO_ERROR;
	producer->committing = false;
	if (!produce_turn_wait(producer))
		return STEP_FATAL;
	chaos_point("before-transaction");
	producer->called_us = monotonic_us();
	enum step step = delivery->begin(producer, batch, err);
	if (step == STEP_DONE)
		step = transaction_produce(producer, batch, err);
	producer->called_us = 0;
	if (step != STEP_DONE)
		return step;
	chaos_point("produced");
	produced_note(producer);
	chaos_point("in-transaction");
	step = chaos_off("order") ? STEP_DONE : commit_turn_wait(producer);
	if (producer->turn > 0)
		chaos_point("between-commit-and-next-offsets");
	if (chaos_off("generation")) {
		rd_kafka_consumer_group_metadata_destroy(batch->group);
		batch->group = rd_kafka_consumer_group_metadata(producer->committer->consumer);
	}
	producer->called_us = monotonic_us();
	if (step == STEP_DONE)
		step = delivery->offsets(producer, batch, err);
	if (step == STEP_DONE) {
		chaos_point("before-commit");
		step = delivery->commit(producer, err);
		chaos_point("after-commit");
	}
	return step;
}

static void refused_note(struct producer *producer, const struct broker_batch *batch, size_t index)
{
	const struct broker_record *record = producer_sent(producer, batch, index);
	unsigned char times = ++producer->refused[index];
	log_event(LOG_ERROR, "the broker refused a record", "topic", record->topic, "bytes",
		log_number((int64_t)record->value_size), "reason",
		rd_kafka_err2str(producer->refusal), "instead",
		record->instead && times == 1 ? "a smaller one" : "nothing", NULL);
}

/* Among records that were sent together any may be the cause: the next try sends large ones one at a time, or
 * all of them, and so tells which; the one after leaves it out. Thousands one at a time take longer than a
 * transaction may. */
static void refusal_handle(struct producer *producer, const struct broker_batch *batch)
{
	const struct broker_record *refused = producer_sent(producer, batch, producer->refused_index);
	size_t size = producer_record_size(refused);
	if (producer->sending == SENT_TOGETHER) {
		producer->sending = SENT_LARGE_APART;
		return;
	}
	if (producer->sending == SENT_LARGE_APART && size <= LARGE_BYTES) {
		producer->sending = SENT_ONE_BY_ONE;
		return;
	}
	refused_note(producer, batch, producer->refused_index);
	if (producer->refusal != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
			config_compresses(producer->committer->config))
		return;
	for (size_t i = producer->refused_index + 1; i < batch->record_count; i++) {
		const struct broker_record *record = producer_sent(producer, batch, i);
		if (record && strcmp(record->topic, refused->topic) == 0 &&
				producer_record_size(record) >= size)
			refused_note(producer, batch, i);
	}
}

static enum step publish_trying(struct producer *producer, struct broker_batch *batch,
	struct err *err)
{
	int64_t pause_ms = PAUSE_MS;
	for (;;) {
		enum step step = transaction(producer, batch, err);
		if (step == STEP_DONE || step == STEP_FATAL)
			return step;
		struct err while_aborting;
		enum step aborted = producer->committer->delivery->abort(producer, &while_aborting);
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
			pause_ms = PAUSE_MS;
			continue;
		}
		nanosleep(&(struct timespec){.tv_sec = pause_ms / 1000,
			.tv_nsec = pause_ms % 1000 * 1000000}, NULL);
		pause_ms = pause_ms * 2 < PAUSE_MOST_MS ? pause_ms * 2 : PAUSE_MOST_MS;
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
	rd_kafka_error_t *error = NULL;
	while (committer->delivery->transactional &&
			(error = rd_kafka_init_transactions(producer->rk, CALL_MS)) &&
			rd_kafka_error_is_retriable(error) && !committer->ending)
		rd_kafka_error_destroy(error);
	if (transaction_judge(producer, error, "starting again", err) != STEP_DONE)
		return STEP_FATAL;
	producer_warm(committer->config, producer);
	return STEP_AGAIN;
}

static enum step publish(struct producer *producer, struct broker_batch *batch, struct err *err)
{
	producer->sending = SENT_TOGETHER;
	bool transactional = producer->committer->delivery->transactional;
	producer->refused = calloc(batch->record_count + 1, 1);
	producer->acknowledged = transactional ? NULL : calloc(batch->record_count + 1, sizeof(bool));
	if (!producer->refused || (!transactional && !producer->acknowledged)) {
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
		if (unknown && transaction_happened(producer, batch)) {
			step = STEP_DONE;
			break;
		}
	}
	producer->called_us = 0;
	free(producer->refused);
	free(producer->acknowledged);
	producer->refused = NULL;
	producer->acknowledged = NULL;
	return step;
}

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
			break;
		int64_t begin = monotonic_us();
		enum step step = publish(producer, batch, &err);
		batch->commit_us = monotonic_us() - begin;
		batch_report(producer, batch, step, &err);
	}
	producer_close(producer);	/* here, since it may not come back either */
	return NULL;
}

struct initialising {
	struct committer *committer;
	rd_kafka_t *rk;
	rd_kafka_error_t *error;
	atomic_bool done;
};

static void *initialise(void *opaque)
{
	struct initialising *one = opaque;
	int64_t end_us = monotonic_us() + INITIALISE_S * INT64_C(1000000);
	while ((one->error = rd_kafka_init_transactions(one->rk, CALL_MS)) &&
			rd_kafka_error_is_retriable(one->error) && monotonic_us() < end_us &&
			!one->committer->ending) {
		log_event(LOG_WARN, "waiting for the transactional producer", "reason",
			rd_kafka_error_string(one->error), NULL);
		rd_kafka_error_destroy(one->error);
	}
	one->done = true;
	return NULL;
}

static bool stop_asked(int stop_fd, int timeout_ms)
{
	struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
	return poll(&stop, 1, timeout_ms) == 1;
}

/* Takes up what one found, unless another found something before. */
static int initialised(struct initialising *one, int result, struct err *err)
{
	if (one->error && result == 0)
		result = err_set(err, ERR_BROKER, "the transactional producer can't start: %s (is "
			"kafka.bootstrap.servers right, and may this principal use the transactional "
			"id?)", rd_kafka_error_string(one->error));
	if (one->error)
		rd_kafka_error_destroy(one->error);
	return result;
}

/* Side by side: each may have to wait for what a predecessor left open. Returns 1 when it was asked to stop. */
static int initialise_all(struct committer *committer, int stop_fd, struct err *err)
{
	struct initialising ones[PRODUCERS];
	pthread_t threads[PRODUCERS];
	bool started[PRODUCERS], stopped = false;
	int result = 0;
	for (int i = 0; i < PRODUCERS; i++) {
		ones[i] = (struct initialising){.committer = committer,
			.rk = committer->producers[i].rk};
		started[i] = pthread_create(&threads[i], NULL, initialise, &ones[i]) == 0;
		if (!started[i])
			result = err_set(err, ERR_SYSTEM, "a thread can't be made");
	}
	for (int i = 0; i < PRODUCERS; i++) {
		while (started[i] && !ones[i].done && !stopped)
			stopped = stop_asked(stop_fd, STOP_POLL_MS);
		if (stopped)
			committer->ending = true;
		if (!started[i])
			continue;
		pthread_join(threads[i], NULL);
		result = initialised(&ones[i], result, err);
	}
	return stopped ? 1 : result;
}

/* Of the group, too: the same worker.id may be in use in another. Stable with worker.id: a restart then ends at
 * once what its predecessor left open. */
static int id_base(const struct config *config, uint64_t incarnation, char id[ID_BYTES])
{
	const char *group = config_kafka(config, "group.id");
	int size = config->worker.id ?
		snprintf(id, ID_BYTES, "codeworker-%s-%s", group ? group : "", config->worker.id) :
		snprintf(id, ID_BYTES, "codeworker-%.80s-%016llx", group ? group : "",
			(unsigned long long)incarnation);
	return size < ID_BYTES ? 0 : -1;
}

int committer_new(const struct config *config, int64_t least_bytes, rd_kafka_t *consumer,
	struct mailbox *mailbox, int stop_fd, struct committer **made, struct err *err)
{
	char base[ID_BYTES];
	struct committer *committer = calloc(1, sizeof *committer);
	if (!committer)
		return err_set(err, ERR_MEMORY, "no memory");
	committer->consumer = consumer;
	committer->mailbox = mailbox;
	committer->config = config;
	committer->set_bytes = set_bytes(config, least_bytes);
	committer->delivery = config->worker.exactly_once ? &delivery_transactional : &delivery_plain;
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
	if (result == 0 && committer->delivery->transactional)
		result = initialise_all(committer, stop_fd, err);
	for (int i = 0; i < PRODUCERS && result == 0; i++) {
		struct producer *producer = &committer->producers[i];
		producer_warm(config, producer);
		producer->started = pthread_create(&producer->thread, NULL, producer_thread,
			producer) == 0;
		if (!producer->started)
			result = err_set(err, ERR_SYSTEM, "a thread can't be made");
	}
	if (result != 0) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += END_S;
		committer_end(committer, &until);
		return result;
	}
	*made = committer;
	return 0;
}

bool committer_end(struct committer *committer, const struct timespec *until)
{
	bool all = true;
	pthread_mutex_lock(&committer->lock);
	committer->ending = true;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
	for (int i = 0; i < PRODUCERS; i++) {
		struct producer *producer = &committer->producers[i];
		if (!producer->started)
			producer_close(producer);
		else if (pthread_timedjoin_np(producer->thread, NULL, until) != 0)
			all = false;
	}
	if (!all)
		return false;
	pthread_mutex_destroy(&committer->lock);
	pthread_cond_destroy(&committer->changed);
	free(committer);
	return true;
}

int64_t committer_stuck_ms(const struct committer *committer)
{
	int64_t longest = 0, now = monotonic_us();
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

bool committer_is_idle(struct committer *committer)
{
	pthread_mutex_lock(&committer->lock);
	bool is_idle = committer->turns_done == committer->turns_given;
	pthread_mutex_unlock(&committer->lock);
	return is_idle;
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
