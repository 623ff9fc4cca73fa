/* test_broker_kafka_marks.c: marks outlive their producer, on librdkafka's own broker in memory. */
#include "../../worker/broker/broker_kafka_internal.h"

#include <check.h>
#include <dlfcn.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../worker/log.h"

#define TOPIC "state"
#define PATIENCE_MS 20000

static rd_kafka_t *newest;		/* handle that was made */
static int made;

/* In place of librdkafka's, which it calls. */
rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *reason, size_t size)
{
	rd_kafka_t *(*real)(rd_kafka_type_t, rd_kafka_conf_t *, char *, size_t);
	*(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_new");
	ck_assert(real != NULL);
	made++;
	return newest = real(type, conf, reason, size);
}

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
static struct config *config;
static struct mailbox mailbox;
static struct marker *marker;

static void setup(void)
{
	char reason[256], brokers[300];
	struct err err;
	host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
	ck_assert_ptr_nonnull(host);
	cluster = rd_kafka_mock_cluster_new(host, 1);
	ck_assert_ptr_nonnull(cluster);
	ck_assert_int_eq(rd_kafka_mock_topic_create(cluster, TOPIC, 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
	snprintf(brokers, sizeof brokers, "kafka.bootstrap.servers=%s",
		rd_kafka_mock_cluster_bootstraps(cluster));
	const char *const settings[] = {brokers, "topics.state=" TOPIC, "log.level=error"};
	const struct config_overrides overrides = {.set = settings, .set_count = 3};
	unsetenv("CODEWORKER_CONFIG");
	ck_assert_msg(config_load(&overrides, &config, &err) == 0, "%s", err.text);
	log_setup(config);
	ck_assert_int_eq(mailbox_open(&mailbox, &err), 0);
	made = 0;
	ck_assert_msg(marker_new(config, &mailbox, &marker, &err) == 0, "%s", err.text);
}

static void teardown(void)
{
	marker_end(marker);
	mailbox_close(&mailbox);
	config_free(config);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
}

/* The number of the mark that is told next; 0: none in time. */
static uint64_t told(int patience_ms)
{
	for (; patience_ms > 0; patience_ms -= 5) {
		marker_serve(marker);
		struct mail *mail = mailbox_take(&mailbox);
		if (mail) {
			uint64_t number = mail->event.number;
			ck_assert_int_eq(mail->event.type, BROKER_MARKED);
			free(mail->memory);
			free(mail);
			return number;
		}
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	return 0;
}

static void fail_for_good(void)
{
	ck_assert_int_eq(rd_kafka_test_fatal_error(newest, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
		"by the test"), RD_KAFKA_RESP_ERR_NO_ERROR);
}

START_TEST(a_producer_that_failed_for_good_is_made_anew)
{
	marker_put(marker, 0, "one", 1);
	ck_assert_uint_eq(told(PATIENCE_MS), 1);
	fail_for_good();
	marker_put(marker, 0, "two", 2);
	ck_assert_uint_eq(told(PATIENCE_MS), 2);
	ck_assert_int_eq(made, 2);
	fail_for_good();
	marker_put(marker, 0, "three", 3);
	ck_assert_uint_eq(told(PATIENCE_MS), 3);
	ck_assert_int_eq(made, 3);
}
END_TEST

START_TEST(what_is_not_acknowledged_goes_again_in_order)
{
	marker_put(marker, 0, "one", 1);
	ck_assert_uint_eq(told(PATIENCE_MS), 1);
	rd_kafka_mock_broker_set_down(cluster, 1);
	for (uint64_t number = 2; number < 6; number++)
		marker_put(marker, 0, "more", number);
	ck_assert_uint_eq(told(100), 0);
	fail_for_good();
	ck_assert_uint_eq(told(100), 0);
	rd_kafka_mock_broker_set_up(cluster, 1);
	for (uint64_t number = 2; number < 6; number++)
		ck_assert_uint_eq(told(PATIENCE_MS), number);
	ck_assert_uint_eq(told(100), 0);
	ck_assert_int_eq(made, 2);
}
END_TEST

START_TEST(a_flush_waits_for_what_the_new_producer_sends)
{
	marker_put(marker, 0, "one", 1);
	ck_assert_uint_eq(told(PATIENCE_MS), 1);
	fail_for_good();
	marker_put(marker, 0, "two", 2);
	marker_flush(marker, PATIENCE_MS);
	struct mail *mail = mailbox_take(&mailbox);
	ck_assert_ptr_nonnull(mail);
	ck_assert_uint_eq(mail->event.number, 2);
	free(mail);
}
END_TEST

START_TEST(what_was_never_sent_is_forgotten_at_the_end)
{
	rd_kafka_mock_broker_set_down(cluster, 1);
	marker_put(marker, 0, "one", 1);
	fail_for_good();
	marker_put(marker, 0, "two", 2);
	marker_flush(marker, 50);
	ck_assert_uint_eq(told(50), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("marks");
	TCase *cases = tcase_create("all");
	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_producer_that_failed_for_good_is_made_anew);
	tcase_add_test(cases, what_is_not_acknowledged_goes_again_in_order);
	tcase_add_test(cases, a_flush_waits_for_what_the_new_producer_sends);
	tcase_add_test(cases, what_was_never_sent_is_forgotten_at_the_end);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
