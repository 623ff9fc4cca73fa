/* test_broker_kafka_fetch.c: reading messages again, on librdkafka's mock cluster. */
#include "../../worker/broker/broker_kafka_internal.h"

#include <check.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../worker/log.h"

#define RECORDS 100
#define SHORTS_MOST 5
#define PATIENCE_MS 40000

static rd_kafka_t *rk;
static rd_kafka_mock_cluster_t *cluster;
static struct config *config;
static struct mailbox mailbox;
static struct fetcher *fetcher;

static void records_produce(void)
{
	for (int i = 0; i < RECORDS; i++) {
		char value[24];
		snprintf(value, sizeof value, "body %d", i);
		ck_assert_int_eq(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(config->topics.retries),
			RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			RD_KAFKA_V_VALUE(value, strlen(value)), RD_KAFKA_V_END), 0);
	}
	ck_assert_int_eq(rd_kafka_flush(rk, 10000), 0);
}

static void setup(void)
{
	char text[256], servers[256];
	struct err err;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set(conf, "bootstrap.servers", "127.0.0.1:1", text, sizeof text);
	rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
	rd_kafka_t *owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	ck_assert_ptr_nonnull(owner);
	cluster = rd_kafka_mock_cluster_new(owner, 1);
	ck_assert_ptr_nonnull(cluster);
	snprintf(servers, sizeof servers, "kafka.bootstrap.servers=%s",
		rd_kafka_mock_cluster_bootstraps(cluster));
	const char *const settings[] = {servers, "log.level=error", "http.listen=off"};
	const struct config_overrides overrides = {.set = settings, .set_count = 3};
	unsetenv("CODEWORKER_CONFIG");
	ck_assert_msg(config_load(&overrides, &config, &err) == 0, "%s", err.text);
	log_setup(config);
	ck_assert_int_eq(rd_kafka_mock_topic_create(cluster, config->topics.retries, 1, 1), 0);
	conf = rd_kafka_conf_new();
	rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster), text,
		sizeof text);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	records_produce();
	ck_assert_int_eq(mailbox_open(&mailbox, &err), 0);
	ck_assert_msg(fetcher_new(config, SHORTS_MOST, &mailbox, &fetcher, &err) == 0, "%s", err.text);
}

static void teardown(void)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	ck_assert(fetcher_end(fetcher, &until));
	mailbox_close(&mailbox);
	config_free(config);
}

static void ask(int64_t offset)
{
	const struct broker_place place = {BROKER_RETRIES, 0, offset};
	fetcher_ask(fetcher, &place);
}

/* The next answer is about that offset. Returns whether the message is there, which it then is. */
static bool answered(int64_t offset)
{
	char value[16];
	struct mail *mail = NULL;
	for (int left_ms = PATIENCE_MS; !(mail = mailbox_take(&mailbox)) && left_ms > 0; left_ms--)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	ck_assert_msg(mail != NULL, "no answer about offset %d", (int)offset);
	const struct broker_event event = mail->event;
	free(mail);
	ck_assert_int_eq(event.type, BROKER_FETCHED);
	ck_assert_int_eq(event.place.offset, offset);
	if (event.missing)
		return false;
	snprintf(value, sizeof value, "body %d", (int)offset);
	ck_assert_int_eq(event.message.offset, offset);
	ck_assert_uint_eq(event.message.value_size, strlen(value));
	ck_assert_mem_eq(event.message.value, value, strlen(value));
	free(event.message.owner);
	return true;
}

START_TEST(messages_come_in_whatever_order_they_are_asked_for)
{
	static const int64_t offsets[] = {1, 2, 90, 5, 5, 99, 0, 40};
	const size_t count = sizeof offsets / sizeof *offsets;
	for (size_t i = 0; i < count; i++)
		ask(offsets[i]);
	for (size_t i = 0; i < count; i++)
		ck_assert(answered(offsets[i]));
}
END_TEST

/* As when the topic was made anew. */
START_TEST(what_is_beyond_the_end_is_missing_and_holds_up_no_other)
{
	ask(RECORDS + 50);
	ask(RECORDS - 1);
	ask(RECORDS);
	ask(3);
	ck_assert(!answered(RECORDS + 50));
	ck_assert(answered(RECORDS - 1));
	ck_assert(!answered(RECORDS));
	ck_assert(answered(3));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reading messages again");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, messages_come_in_whatever_order_they_are_asked_for);
	tcase_add_test(cases, what_is_beyond_the_end_is_missing_and_holds_up_no_other);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
