/* broker_kafka_transaction.c: the steps of one transaction, each a call into librdkafka that may block, and what its
 * error means: done, again, not ours any more, or the producer's end.
 */
#include "broker_kafka_commit.h"

#include <stdio.h>
#include <string.h>

#include "../log.h"

bool generation_is_over(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
		code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
		code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
		code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

enum step transaction_judge(struct producer *producer, rd_kafka_error_t *error, const char *what,
	struct err *err)
{
	if (!error)
		return STEP_DONE;
	rd_kafka_resp_err_t code = rd_kafka_error_code(error);
	enum step step = STEP_AGAIN;
	if (rd_kafka_error_is_fatal(error))
		step = STEP_FATAL;
	else if (generation_is_over(code))
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
	const struct broker_record *record = producer_sent(producer, batch, index);
	rd_kafka_resp_err_t code;
	if (!record)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	bool alone = producer->sending == SENT_ONE_BY_ONE || (producer->sending == SENT_LARGE_APART &&
		producer_record_size(record) > LARGE_BYTES);
	if (alone)
		rd_kafka_flush(producer->rk, CALL_MS);
	if (producer->refusal)
		return RD_KAFKA_RESP_ERR_NO_ERROR;	/* of what went before */
	while ((code = produce_one(producer->rk, record, index)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rd_kafka_poll(producer->rk, 10);
	if (producer_is_refusal(code))
		producer_refused(producer, index, code);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && alone)
		rd_kafka_flush(producer->rk, CALL_MS);
	return code;
}

/* In a transaction all go at once. Otherwise marks go when what they tell of is acknowledged: one that stood there
 * alone when its worker died would make the successor forget an execution that has no result. */
enum pass { PASS_ALL, PASS_RECORDS, PASS_MARKS };

static bool goes(const struct producer *producer, const struct broker_batch *batch, size_t index,
	enum pass pass)
{
	bool is_mark = strcmp(batch->records[index].topic, producer->committer->config->topics.state) == 0;
	return pass == PASS_ALL || is_mark == (pass == PASS_MARKS);
}

/* Of a transaction the commit tells. */
static bool all_acknowledged(const struct producer *producer, const struct broker_batch *batch,
	enum pass pass)
{
	for (size_t i = 0; producer->acknowledged && i < batch->record_count; i++)
		if (goes(producer, batch, i, pass) && producer_sent(producer, batch, i))
			return false;
	return true;
}

static enum step pass_produce(struct producer *producer, const struct broker_batch *batch,
	enum pass pass, struct err *err)
{
	for (size_t i = 0; i < batch->record_count && !producer->refusal; i++) {
		if (!goes(producer, batch, i, pass))
			continue;
		rd_kafka_resp_err_t code = produce_record(producer, batch, i);
		if (code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__FENCED) {
			err_set(err, ERR_BROKER, "producing: %s", rd_kafka_err2str(code));
			return STEP_FATAL;
		}
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
			err_set(err, ERR_BROKER, "producing to %s: %s", batch->records[i].topic,
				rd_kafka_err2str(code));
			if (!producer->refusal)
				log_event(LOG_WARN, "transaction", "step", "producing", "topic",
					batch->records[i].topic, "partition",
					log_number(batch->records[i].partition), "reason",
					rd_kafka_err2str(code), "producer",
					log_number(producer->index), NULL);
			return STEP_AGAIN;
		}
	}
	/* The reports of what was refused: a commit would say no more than that it can't. */
	while (!producer->refusal && rd_kafka_outq_len(producer->rk) > 0 &&
			!producer->committer->ending) {
		producer->called_us = monotonic_us();
		rd_kafka_flush(producer->rk, CALL_MS);
	}
	if (producer->refusal)
		return STEP_AGAIN;
	if (all_acknowledged(producer, batch, pass))
		return STEP_DONE;
	err_set(err, ERR_BROKER, "producing: records were not acknowledged");
	log_event(LOG_WARN, "records were not acknowledged; producing them again", "producer",
		log_number(producer->index), NULL);
	return STEP_AGAIN;
}

enum step transaction_produce(struct producer *producer, const struct broker_batch *batch,
	struct err *err)
{
	if (producer->committer->delivery->transactional)
		return pass_produce(producer, batch, PASS_ALL, err);
	enum step step = pass_produce(producer, batch, PASS_RECORDS, err);
	return step == STEP_DONE ? pass_produce(producer, batch, PASS_MARKS, err) : step;
}

/* The list frees the metadata. */
static void offset_add(rd_kafka_topic_partition_list_t *list, const struct producer *producer,
	const struct broker_offset *offset)
{
	const char *topic = source_topic(producer->committer->config, offset->source);
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
	producer->called_us = monotonic_us();
	return rd_kafka_error_is_retriable(error) && !rd_kafka_error_txn_requires_abort(error) &&
		!producer->committer->ending;
}

rd_kafka_topic_partition_list_t *offsets_list(const struct producer *producer,
	const struct broker_batch *batch)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)batch->offset_count);
	for (size_t i = 0; i < batch->offset_count; i++)
		offset_add(list, producer, &batch->offsets[i]);
	return list;
}

static enum step transaction_begin(struct producer *producer, const struct broker_batch *batch,
	struct err *err)
{
	(void)batch;
	return transaction_judge(producer, rd_kafka_begin_transaction(producer->rk), "beginning", err);
}

static enum step transaction_offsets(struct producer *producer, const struct broker_batch *batch,
	struct err *err)
{
	rd_kafka_topic_partition_list_t *list = offsets_list(producer, batch);
	rd_kafka_error_t *error;
	while ((error = rd_kafka_send_offsets_to_transaction(producer->rk, list, batch->group,
			CALL_MS)) && worth_repeating(producer, error))
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
	return transaction_judge(producer, error, "sending offsets", err);
}

/* A commit that timed out may have happened: the same call is repeated until it is known. */
static enum step transaction_commit(struct producer *producer, struct err *err)
{
	rd_kafka_error_t *error;
	producer->committing = true;
	while ((error = rd_kafka_commit_transaction(producer->rk, CALL_MS)) &&
			worth_repeating(producer, error))
		rd_kafka_error_destroy(error);
	enum step step = transaction_judge(producer, error, "committing", err);
	producer->committing = step == STEP_FATAL;
	return step;
}

static enum step transaction_abort(struct producer *producer, struct err *err)
{
	rd_kafka_error_t *error;
	while ((error = rd_kafka_abort_transaction(producer->rk, CALL_MS)) &&
			worth_repeating(producer, error))
		rd_kafka_error_destroy(error);
	return transaction_judge(producer, error, "aborting", err);
}

const struct delivery delivery_transactional = {.transactional = true, .begin = transaction_begin,
	.offsets = transaction_offsets, .commit = transaction_commit, .abort = transaction_abort};

bool transaction_happened(struct producer *producer, const struct broker_batch *batch)
{
	struct committer *committer = producer->committer;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_t *ours = rd_kafka_topic_partition_list_new(1);
	offset_add(ours, producer, &batch->offsets[0]);
	rd_kafka_topic_partition_list_add(list, source_topic(committer->config, batch->offsets[0].source),
		batch->offsets[0].partition);
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
