/* test_broker_kafka_commit.c: the start of transactional producers, with brokers that answer late; offsets
 * of a generation that is over, without transactions.
 *
 * The functions of librdkafka that would ask a broker are defined here and stand in for its own.
 */
#include "../../worker/broker_kafka_internal.h"

#include <check.h>
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

rd_kafka_error_t *rd_kafka_init_transactions(rd_kafka_t *rk, int timeout_ms)
{
	(void)rk;
	(void)timeout_ms;
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	if (atomic_fetch_sub(&failures, 1) <= 0)
		return NULL;
	rd_kafka_error_t *error = calloc(1, sizeof *error);
	ck_assert_ptr_nonnull(error);
	error->code = failure;
	return error;
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

START_TEST(a_broker_that_answers_late_is_waited_for)
{
	struct committer *committer;
	struct err err = {0};
	struct timespec until;
	failure = RD_KAFKA_RESP_ERR__TIMED_OUT;
	retriable = true;
	failures = 6;
	ck_assert_msg(make(&committer, &err) == 0, "%s", err.text);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	ck_assert(committer_end(committer, &until));
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

START_TEST(offsets_are_committed_until_they_are_or_their_generation_is_over)
{
	const struct broker_offset offset = {.partition = 1, .offset = 7};
	struct broker_batch batch = {.offsets = &offset, .offset_count = 1};
	struct committer *committer;
	struct err err = {0};
	struct timespec until;
	struct mail *mail;
	config->worker.exactly_once = false;
	ck_assert_msg(make(&committer, &err) == 0, "%s", err.text);
	committer_give(committer, &batch);
	while (!(mail = mailbox_take(&mailbox)))
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	ck_assert_int_eq(mail->event.type, BROKER_BATCH);
	ck_assert_int_eq(batch.outcome, BROKER_DROPPED);
	ck_assert_int_eq(commits, 3);
	free(mail);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	ck_assert(committer_end(committer, &until));
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
	tcase_add_test(cases, offsets_are_committed_until_they_are_or_their_generation_is_over);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
