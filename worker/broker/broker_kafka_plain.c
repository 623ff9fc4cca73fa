/* broker_kafka_plain.c: delivery at least once: a batch without a transaction.
 *
 * Its records are produced by an idempotent producer, its marks of code.state when those are acknowledged, and
 * only then are its offsets committed for the group. So what was marked or committed is never lost; after a crash
 * in between, or when the partition went to another worker in between, records may stand there twice. What is
 * acknowledged is not produced again when the batch is, so what goes instead of a refused record stands behind
 * its batch.
 * Source: KIP-98 (idempotence), librdkafka's INTRODUCTION ("Idempotent Producer").
 */
#include "broker_kafka_commit.h"

#include <string.h>

#include "../log.h"

/* A commit is made for the generation that the consumer has now. The batch's own may be over by then; its
 * offsets could only take the group back. */
static bool generation_is_the_same(const struct producer *producer, const struct broker_batch *batch)
{
	rd_kafka_consumer_group_metadata_t *group =
		rd_kafka_consumer_group_metadata(producer->committer->consumer);
	const rd_kafka_consumer_group_metadata_t *both[] = {batch->group, group};
	void *bytes[2] = {NULL, NULL};
	size_t sizes[2] = {0, 0};
	for (int i = 0; i < 2; i++) {
		rd_kafka_error_t *error = both[i] ?
			rd_kafka_consumer_group_metadata_write(both[i], &bytes[i], &sizes[i]) : NULL;
		if (error)
			rd_kafka_error_destroy(error);
	}
	bool same = bytes[0] && bytes[1] && sizes[0] == sizes[1] &&
		memcmp(bytes[0], bytes[1], sizes[0]) == 0;
	for (int i = 0; i < 2; i++)
		if (bytes[i])
			rd_kafka_mem_free(NULL, bytes[i]);
	if (group)
		rd_kafka_consumer_group_metadata_destroy(group);
	return same;
}

/* What another owner has taken need not be published again. */
static enum step plain_begin(struct producer *producer, const struct broker_batch *batch,
	struct err *err)
{
	(void)err;
	return generation_is_the_same(producer, batch) ? STEP_DONE : STEP_DROP;
}

static rd_kafka_resp_err_t answer_wait(struct producer *producer, rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *event = NULL;
	while (!event && !producer->committer->ending) {
		producer->called_us = monotonic_us();
		event = rd_kafka_queue_poll(queue, CALL_MS);
	}
	if (!event)
		return RD_KAFKA_RESP_ERR__TIMED_OUT;
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
	for (int i = 0; list && i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
		code = list->elems[i].err;
	rd_kafka_event_destroy(event);
	return code;
}

static rd_kafka_resp_err_t group_commit(struct producer *producer, const struct broker_batch *batch)
{
	rd_kafka_t *consumer = producer->committer->consumer;
	if (!generation_is_the_same(producer, batch))
		return RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
	rd_kafka_topic_partition_list_t *list = offsets_list(producer, batch);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
	rd_kafka_resp_err_t code = rd_kafka_commit_queue(consumer, list, queue, NULL, NULL);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		code = answer_wait(producer, queue);
	rd_kafka_queue_destroy(queue);
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

static enum step plain_offsets(struct producer *producer, const struct broker_batch *batch,
	struct err *err)
{
	rd_kafka_resp_err_t code = group_commit(producer, batch);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return STEP_DONE;
	err_set(err, ERR_BROKER, "committing offsets: %s", rd_kafka_err2str(code));
	log_event(LOG_WARN, "offsets are not committed", "reason", rd_kafka_err2str(code), "producer",
		log_number(producer->index), NULL);
	return generation_is_over(code) ? STEP_DROP : STEP_AGAIN;
}

static enum step plain_commit(struct producer *producer, struct err *err)
{
	(void)producer;
	(void)err;
	return STEP_DONE;
}

/* What is under way can't be called back: its reports are to be in before the batch is produced again. */
static enum step plain_abort(struct producer *producer, struct err *err)
{
	(void)err;
	while (rd_kafka_outq_len(producer->rk) > 0 && !producer->committer->ending) {
		producer->called_us = monotonic_us();
		rd_kafka_flush(producer->rk, CALL_MS);
	}
	if (rd_kafka_outq_len(producer->rk) > 0) {
		rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_flush(producer->rk, CALL_MS);
	}
	return STEP_DONE;
}

const struct delivery delivery_plain = {.begin = plain_begin, .offsets = plain_offsets,
	.commit = plain_commit, .abort = plain_abort};
