/* bench_loop.c: see bench_loop.h. Any error ends it: the benchmark has one broker, so none is to come. */
#include "bench_loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../kafka/kafka_conf.h"
#include "../kafka/kafka_handle.h"

#define CALL_MS 30000
#define POLL_MS 100			/* how soon it sees that it is to stop */
#define FILL_MS 10			/* that a batch waits for more to come */

struct bench_loop {
	struct bench_loop_plan plan;
	const char *requests, *results;	/* topics; borrowed */
	struct kafka_handle consumer, producer;
	char *value;
	pthread_t thread;
	bool running;			/* the thread is to be joined */
	atomic_bool stop, failed;
	atomic_size_t transactions;
	struct err err;			/* of the thread; read after failed */
};

struct setting {
	const char *name, *value;
};

/* ---- its clients */

static int client_open(struct kafka_handle *handle, rd_kafka_type_t type, const struct setting *settings,
	const struct config *config, struct err *err)
{
	rd_kafka_conf_t *conf = kafka_conf_new(config, type, err);
	if (!conf)
		return -1;
	for (; settings->name; settings++)
		if (kafka_conf_put(conf, settings->name, settings->value, err) < 0) {
			rd_kafka_conf_destroy(conf);
			return -1;
		}
	return kafka_handle_open(handle, type, conf, config, err);
}

static int consumer_open(struct bench_loop *loop, const struct config *config, struct err *err)
{
	static const struct setting settings[] = {{"enable.auto.commit", "false"},
		{"isolation.level", "read_committed"}, {"auto.offset.reset", "earliest"}, {NULL, NULL}};
	if (client_open(&loop->consumer, RD_KAFKA_CONSUMER, settings, config, err) < 0)
		return -1;
	rd_kafka_poll_set_consumer(loop->consumer.rk);
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, loop->requests, RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t error = rd_kafka_subscribe(loop->consumer.rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	return error ? kafka_handle_failed(&loop->consumer, error, loop->requests, err) : 0;
}

/* As broker_kafka_producer.c has it: without the short back-off each transaction would take 0.1 s. */
static int producer_open(struct bench_loop *loop, const struct config *config, struct err *err)
{
	const struct setting settings[] = {{"transactional.id", config_kafka(config, "group.id")},
		{"enable.idempotence", "true"}, {"partitioner", "murmur2_random"}, {"linger.ms", "0"},
		{"retry.backoff.ms", "1"}, {"transaction.timeout.ms", "10000"}, {NULL, NULL}};
	if (client_open(&loop->producer, RD_KAFKA_PRODUCER, settings, config, err) < 0)
		return -1;
	rd_kafka_error_t *error = rd_kafka_init_transactions(loop->producer.rk, CALL_MS);
	if (!error)
		return 0;
	err_set(err, ERR_BROKER, "the bare loop: %s", rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return -1;
}

/* ---- the loop, on its thread */

/* Of a step of a transaction: 0, -1 with err, or 1: to be called again. */
static int step_judge(rd_kafka_error_t *error, const char *what, struct err *err)
{
	if (!error)
		return 0;
	int answer = rd_kafka_error_is_retriable(error) ? 1 :
		err_set(err, ERR_BROKER, "the bare loop: %s: %s", what, rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return answer;
}

static int produce(struct bench_loop *loop, const rd_kafka_message_t *request, struct err *err)
{
	rd_kafka_resp_err_t error;
	while ((error = rd_kafka_producev(loop->producer.rk, RD_KAFKA_V_TOPIC(loop->results),
			RD_KAFKA_V_KEY(request->key, request->key_len),
			RD_KAFKA_V_VALUE(loop->value, loop->plan.value_bytes),
			RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END)) ==
			RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rd_kafka_poll(loop->producer.rk, 10);
	return error ? kafka_handle_failed(&loop->producer, error, "the bare loop", err) : 0;
}

static int positions_send(struct bench_loop *loop, rd_kafka_topic_partition_list_t *positions,
	struct err *err)
{
	rd_kafka_resp_err_t error = rd_kafka_position(loop->consumer.rk, positions);
	if (error)
		return kafka_handle_failed(&loop->consumer, error, "the bare loop's positions", err);
	rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(loop->consumer.rk);
	int answer;
	while ((answer = step_judge(rd_kafka_send_offsets_to_transaction(loop->producer.rk, positions, group,
			CALL_MS), "offsets", err)) > 0)
		continue;
	rd_kafka_consumer_group_metadata_destroy(group);
	return answer;
}

static int offsets_send(struct bench_loop *loop, struct err *err)
{
	rd_kafka_topic_partition_list_t *positions;
	rd_kafka_resp_err_t error = rd_kafka_assignment(loop->consumer.rk, &positions);
	if (error)
		return kafka_handle_failed(&loop->consumer, error, "the bare loop's partitions", err);
	int answer = positions_send(loop, positions, err);
	rd_kafka_topic_partition_list_destroy(positions);
	return answer;
}

static int commit(struct bench_loop *loop, struct err *err)
{
	int answer;
	if (offsets_send(loop, err) < 0)
		return -1;
	while ((answer = step_judge(rd_kafka_commit_transaction(loop->producer.rk, CALL_MS), "commit",
			err)) > 0)
		continue;
	atomic_fetch_add(&loop->transactions, answer == 0);
	return answer;
}

/* A transaction of what is there, or nothing. */
static int batch_run(struct bench_loop *loop, struct err *err)
{
	size_t count = 0;
	int answer = 0;
	while (answer == 0 && count < loop->plan.batch) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(loop->consumer.rk,
			count == 0 ? POLL_MS : FILL_MS);
		if (!message)
			break;
		if (message->err)
			answer = kafka_handle_failed(&loop->consumer, message->err, "the bare loop", err);
		if (answer == 0 && count == 0)
			answer = step_judge(rd_kafka_begin_transaction(loop->producer.rk), "begin", err);
		if (answer == 0)
			answer = produce(loop, message, err);
		rd_kafka_message_destroy(message);
		count++;
	}
	return answer != 0 ? -1 : count > 0 ? commit(loop, err) : 0;
}

static void *thread_run(void *opaque)
{
	struct bench_loop *loop = opaque;
	while (!atomic_load(&loop->stop) && !atomic_load(&loop->failed))
		if (batch_run(loop, &loop->err) < 0)
			atomic_store(&loop->failed, true);
	return NULL;
}

/* ---- its life */

static int loop_fill(struct bench_loop *loop, const struct config *config, struct err *err)
{
	loop->value = malloc(loop->plan.value_bytes + 1);
	if (!loop->value)
		return err_set(err, ERR_MEMORY, "no memory for a bare loop");
	memset(loop->value, 'x', loop->plan.value_bytes);
	if (producer_open(loop, config, err) < 0 || consumer_open(loop, config, err) < 0)
		return -1;
	if (pthread_create(&loop->thread, NULL, thread_run, loop) != 0)
		return err_set(err, ERR_SYSTEM, "no thread for a bare loop");
	loop->running = true;
	return 0;
}

int bench_loop_start(const struct config *config, const struct bench_loop_plan *plan,
	struct bench_loop **loop, struct err *err)
{
	struct bench_loop *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for a bare loop");
	made->plan = *plan;
	made->requests = config->topics.requests;
	made->results = config->topics.results;
	if (loop_fill(made, config, err) < 0) {
		bench_loop_stop(made);
		return -1;
	}
	*loop = made;
	return 0;
}

int bench_loop_check(struct bench_loop *loop, struct err *err)
{
	if (!atomic_load(&loop->failed))
		return 0;
	*err = loop->err;
	return -1;
}

size_t bench_loop_transactions(const struct bench_loop *loop)
{
	return atomic_load(&loop->transactions);
}

void bench_loop_stop(struct bench_loop *loop)
{
	if (!loop)
		return;
	atomic_store(&loop->stop, true);
	if (loop->running)
		pthread_join(loop->thread, NULL);
	if (loop->consumer.rk)
		rd_kafka_consumer_close(loop->consumer.rk);
	kafka_handle_close(&loop->consumer);
	kafka_handle_close(&loop->producer);
	free(loop->value);
	free(loop);
}
