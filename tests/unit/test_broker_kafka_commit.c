/* test_broker_kafka_commit.c: the start of transactional producers, with brokers that answer late; the order
 * of records when a transaction is aborted; offsets of a generation that is over, without transactions.
 *
 * The functions of librdkafka that would ask a broker are defined here and stand in for its own.
 */
#include "../../worker/broker/broker_kafka_internal.h"

#include <check.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../../worker/log.h"

struct rd_kafka_error_s {
	rd_kafka_resp_err_t code;
};

static atomic_int failures;		/* before it succeeds, over all producers */
static rd_kafka_resp_err_t failure;
static bool retriable;

static rd_kafka_error_t *error_make(rd_kafka_resp_err_t code)
{
	rd_kafka_error_t *error = calloc(1, sizeof *error);
	ck_assert_ptr_nonnull(error);
	error->code = code;
	return error;
}

rd_kafka_error_t *rd_kafka_init_transactions(rd_kafka_t *rk, int timeout_ms)
{
	(void)rk;
	(void)timeout_ms;
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	if (atomic_fetch_sub(&failures, 1) <= 0)
		return NULL;
	return error_make(failure);
}

rd_kafka_resp_err_t rd_kafka_error_code(const rd_kafka_error_t *error)
{
	return error->code;
}

const char *rd_kafka_error_string(const rd_kafka_error_t *error)
{
	return rd_kafka_err2str(error->code);
}

int rd_kafka_error_is_retriable(const rd_kafka_error_t *error)
{
	(void)error;
	return retriable;
}

void rd_kafka_error_destroy(rd_kafka_error_t *error)
{
	free(error);
}

rd_kafka_resp_err_t rd_kafka_metadata(rd_kafka_t *rk, int all, rd_kafka_topic_t *topic,
	const struct rd_kafka_metadata **metadata, int timeout_ms)
{
	(void)rk;
	(void)all;
	(void)topic;
	(void)metadata;
	(void)timeout_ms;
	return RD_KAFKA_RESP_ERR__TIMED_OUT;
}

/* ---- the group: its metadata are a generation */

static atomic_int generation, commits;

rd_kafka_consumer_group_metadata_t *rd_kafka_consumer_group_metadata(rd_kafka_t *rk)
{
	(void)rk;
	int *made = malloc(sizeof *made);
	ck_assert_ptr_nonnull(made);
	*made = generation;
	return (rd_kafka_consumer_group_metadata_t *)made;
}

void rd_kafka_consumer_group_metadata_destroy(rd_kafka_consumer_group_metadata_t *group)
{
	free(group);
}

rd_kafka_error_t *rd_kafka_consumer_group_metadata_write(
	const rd_kafka_consumer_group_metadata_t *group, void **bytes, size_t *size)
{
	*size = sizeof(int);
	*bytes = malloc(*size);
	ck_assert_ptr_nonnull(*bytes);
	memcpy(*bytes, group, *size);
	return NULL;
}

rd_kafka_queue_t *rd_kafka_queue_new(rd_kafka_t *rk)
{
	(void)rk;
	return NULL;
}

void rd_kafka_queue_destroy(rd_kafka_queue_t *queue)
{
	(void)queue;
}

/* Fails, and then the group goes on without us. */
rd_kafka_resp_err_t rd_kafka_commit_queue(rd_kafka_t *rk,
	const rd_kafka_topic_partition_list_t *offsets, rd_kafka_queue_t *queue,
	void (*done)(rd_kafka_t *rk, rd_kafka_resp_err_t code,
		rd_kafka_topic_partition_list_t *list, void *opaque), void *opaque)
{
	(void)rk;
	(void)queue;
	(void)done;
	(void)opaque;
	ck_assert_int_eq(offsets->cnt, 1);
	ck_assert_int_eq(offsets->elems[0].offset, 7);
	if (++commits == 3)
		generation++;
	return RD_KAFKA_RESP_ERR__WAIT_COORD;
}

/* ---- transactions of two batches, whose offsets are 1 and 2: the first try of the first one fails when the
 * second has produced, whose reports come when the second try of the first one begins, or has produced */

#define BATCHES 2
#define TOO_EARLY_MS 200		/* so long a record has to come that must not */

static atomic_int produced, tries, committed;
static atomic_int produced_last[BATCHES + 1], produced_times[BATCHES + 1], committed_as[BATCHES + 1];
static _Atomic(rd_kafka_t *) producer_of[BATCHES + 1];
static atomic_bool reported;
static bool reports_early;

int rd_kafka_error_is_fatal(const rd_kafka_error_t *error)
{
	(void)error;
	return false;
}

int rd_kafka_error_txn_requires_abort(const rd_kafka_error_t *error)
{
	(void)error;
	return true;
}

static void wait_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

rd_kafka_error_t *rd_kafka_begin_transaction(rd_kafka_t *rk)
{
	if (!reports_early || tries == 0 || rk != producer_of[1])
		return NULL;
	reported = true;
	for (int ms = 0; ms < TOO_EARLY_MS && produced_times[2] == 1; ms++)
		wait_ms(1);
	return NULL;
}

/* Values are "1" and "2", and come last but for the headers. */
rd_kafka_resp_err_t rd_kafka_producev(rd_kafka_t *rk, ...)
{
	va_list arguments;
	int vtype, batch = 0;
	va_start(arguments, rk);
	while ((vtype = va_arg(arguments, int)) != RD_KAFKA_VTYPE_END) {
		if (vtype == RD_KAFKA_VTYPE_PARTITION) {
			(void)va_arg(arguments, int32_t);
			continue;
		}
		void *value = va_arg(arguments, void *);
		if (vtype == RD_KAFKA_VTYPE_KEY || vtype == RD_KAFKA_VTYPE_VALUE)
			(void)va_arg(arguments, size_t);
		if (vtype == RD_KAFKA_VTYPE_VALUE)
			batch = *(const char *)value - '0';
		if (vtype == RD_KAFKA_VTYPE_HEADERS)
			rd_kafka_headers_destroy(value);
	}
	va_end(arguments);
	producer_of[batch] = rk;
	produced_times[batch]++;
	produced_last[batch] = ++produced;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int rd_kafka_outq_len(rd_kafka_t *rk)
{
	return rk == producer_of[2] && !reported;
}

rd_kafka_resp_err_t rd_kafka_flush(rd_kafka_t *rk, int timeout_ms)
{
	(void)rk;
	(void)timeout_ms;
	wait_ms(1);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_error_t *rd_kafka_send_offsets_to_transaction(rd_kafka_t *rk,
	const rd_kafka_topic_partition_list_t *offsets,
	const rd_kafka_consumer_group_metadata_t *group, int timeout_ms)
{
	(void)rk;
	(void)group;
	(void)timeout_ms;
	if (offsets->elems[0].offset != 1)
		return NULL;
	if (++tries > 1) {
		reported = true;
		return NULL;
	}
	while (produced_times[2] == 0)
		wait_ms(1);
	return error_make(RD_KAFKA_RESP_ERR__TIMED_OUT);
}

rd_kafka_error_t *rd_kafka_commit_transaction(rd_kafka_t *rk, int timeout_ms)
{
	(void)timeout_ms;
	committed_as[rk == producer_of[1] ? 1 : 2] = ++committed;
	return NULL;
}

rd_kafka_error_t *rd_kafka_abort_transaction(rd_kafka_t *rk, int timeout_ms)
{
	(void)rk;
	(void)timeout_ms;
	return NULL;
}

/* ---- taking over: nothing was committed, and nothing stands in code.state */

static atomic_int asked, committed_when_asked;

rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list,
	int timeout_ms)
{
	(void)rk;
	(void)list;
	(void)timeout_ms;
	if (asked++ == 0)
		committed_when_asked = committed;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_offsets_for_times(rd_kafka_t *rk,
	rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
	(void)rk;
	(void)timeout_ms;
	list->elems[0].offset = 0;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_query_watermark_offsets(rd_kafka_t *rk, const char *topic,
	int32_t partition, int64_t *low, int64_t *high, int timeout_ms)
{
	(void)rk;
	(void)topic;
	(void)partition;
	(void)timeout_ms;
	*low = *high = 0;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static struct config *config;
static struct mailbox mailbox;
static int stop_fd;

static void setup(void)
{
	static const char *const settings[] = {"kafka.bootstrap.servers=127.0.0.1:9",
		"log.level=error"};
	const struct config_overrides overrides = {.set = settings, .set_count = 2};
	struct err err;
	unsetenv("CODEWORKER_CONFIG");
	ck_assert_msg(config_load(&overrides, &config, &err) == 0, "%s", err.text);
	log_setup(config);
	ck_assert_int_eq(mailbox_open(&mailbox, &err), 0);
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void teardown(void)
{
	close(stop_fd);
	mailbox_close(&mailbox);
	config_free(config);
}

static int make(struct committer **committer, struct err *err)
{
	return committer_new(config, 1 << 20, NULL, &mailbox, stop_fd, committer, err);
}

static void committer_close(struct committer *committer)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	ck_assert(committer_end(committer, &until));
}

START_TEST(a_broker_that_answers_late_is_waited_for)
{
	struct committer *committer;
	struct err err = {0};
	failure = RD_KAFKA_RESP_ERR__TIMED_OUT;
	retriable = true;
	failures = 6;
	ck_assert_msg(make(&committer, &err) == 0, "%s", err.text);
	committer_close(committer);
}
END_TEST

START_TEST(one_that_refuses_is_not)
{
	struct committer *committer;
	struct err err = {0};
	failure = RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
	retriable = false;
	failures = 1;
	ck_assert_int_eq(make(&committer, &err), -1);
	ck_assert_int_eq(err.code, ERR_BROKER);
}
END_TEST

START_TEST(a_stop_ends_the_wait)
{
	struct committer *committer;
	struct err err = {0};
	uint64_t ask = 1;
	failure = RD_KAFKA_RESP_ERR__TIMED_OUT;
	retriable = true;
	failures = 1 << 30;
	ck_assert_int_eq(write(stop_fd, &ask, sizeof ask), sizeof ask);
	ck_assert_int_eq(make(&committer, &err), 1);
}
END_TEST

START_TEST(what_is_behind_an_aborted_batch_is_produced_after_it)
{
	static const char *const values[] = {"1", "2"};
	struct broker_record records[BATCHES];
	struct broker_offset offsets[BATCHES];
	struct broker_batch batches[BATCHES];
	struct committer *committer;
	struct err err = {0};
	reports_early = _i;
	ck_assert_msg(make(&committer, &err) == 0, "%s", err.text);
	for (int i = 0; i < BATCHES; i++) {
		records[i] = (struct broker_record){.topic = config->topics.results, .value = values[i],
			.value_size = 1};
		offsets[i] = (struct broker_offset){.offset = i + 1};
		batches[i] = (struct broker_batch){.records = &records[i], .record_count = 1,
			.offsets = &offsets[i], .offset_count = 1};
		committer_give(committer, &batches[i]);
	}
	for (int i = 0; i < BATCHES; i++) {
		struct mail *mail;
		while (!(mail = mailbox_take(&mailbox)))
			wait_ms(1);
		ck_assert_int_eq(mail->event.type, BROKER_BATCH);
		ck_assert_int_eq(mail->event.batch->outcome, BROKER_COMMITTED);
		free(mail);
	}
	ck_assert_int_eq(produced_times[1], 2);
	ck_assert_int_gt(produced_last[2], produced_last[1]);
	ck_assert_int_eq(committed_as[1], 1);
	ck_assert_int_eq(committed_as[2], 2);
	committer_close(committer);
}
END_TEST

START_TEST(partitions_are_taken_over_when_what_was_under_way_is_through)
{
	const struct broker_record record = {.topic = config->topics.results, .value = "2",
		.value_size = 1};
	const struct broker_offset offset = {.offset = 2};
	struct broker_batch batch = {.records = &record, .record_count = 1, .offsets = &offset,
		.offset_count = 1};
	struct share share = {.positions = calloc(1, sizeof *share.positions), .position_count = 1,
		.partition_count = 1};
	struct committer *committer;
	struct takeover *takeover;
	struct err err = {0};
	bool assigned = false;
	ck_assert_msg(make(&committer, &err) == 0, "%s", err.text);
	ck_assert(committer_is_idle(committer));
	committer_give(committer, &batch);
	ck_assert_int_eq(takeover_start(config, committer, share, 1, &mailbox, &takeover, &err), 0);
	for (int ms = 0; ms < TOO_EARLY_MS && asked == 0; ms++)
		wait_ms(1);
	reported = true;
	while (!assigned) {
		struct mail *mail = mailbox_take(&mailbox);
		assigned = mail && mail->event.type == BROKER_ASSIGNED;
		if (mail)
			free(mail->memory);
		free(mail);
		wait_ms(1);
	}
	ck_assert_int_eq(committed_when_asked, 1);
	ck_assert(takeover_end(takeover, NULL));
	committer_close(committer);
}
END_TEST

START_TEST(offsets_are_committed_until_they_are_or_their_generation_is_over)
{
	const struct broker_offset offset = {.partition = 1, .offset = 7};
	struct broker_batch batch = {.offsets = &offset, .offset_count = 1};
	struct committer *committer;
	struct err err = {0};
	struct mail *mail;
	config->worker.exactly_once = false;
	ck_assert_msg(make(&committer, &err) == 0, "%s", err.text);
	committer_give(committer, &batch);
	while (!(mail = mailbox_take(&mailbox)))
		wait_ms(1);
	ck_assert_int_eq(mail->event.type, BROKER_BATCH);
	ck_assert_int_eq(batch.outcome, BROKER_DROPPED);
	ck_assert_int_eq(commits, 3);
	free(mail);
	committer_close(committer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("committing");
	TCase *cases = tcase_create("all");
	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_broker_that_answers_late_is_waited_for);
	tcase_add_test(cases, one_that_refuses_is_not);
	tcase_add_test(cases, a_stop_ends_the_wait);
	tcase_add_loop_test(cases, what_is_behind_an_aborted_batch_is_produced_after_it, 0, 2);
	tcase_add_test(cases, partitions_are_taken_over_when_what_was_under_way_is_through);
	tcase_add_test(cases, offsets_are_committed_until_they_are_or_their_generation_is_over);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
