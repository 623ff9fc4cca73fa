/* test_topic_plan.c: what create makes check accepts, and each fault is named. */
#include "../../worker/kafka/topic_plan.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

static struct config config;
static struct topic_plan plans[TOPICS_MOST];
static struct topic_found found[TOPICS_MOST];
static char faults[2048];

static void found_as_planned(int replication)
{
	for (enum topic_role role = 0; role < topic_plan_count(&config); role++) {
		topic_plan_make(&config, role, 8, 1048588, replication, &plans[role]);
		found[role] = (struct topic_found){true, plans[role].partitions, {NULL}};
		for (size_t i = 0; i < TOPIC_SETTINGS; i++)
			if (plans[role].values[i][0])
				found[role].values[i] = plans[role].values[i];
	}
	found[TOPIC_REQUESTS].values[TOPIC_BYTES] = "1048588";
}

static void set_up(void)
{
	config = (struct config){.topics = {"q", "s", "e", "r", "d", "c", "t"}};
	config.worker.dedupe_window_ms = 600000;
	config.worker.cancel_window_ms = HOUR_MS;
	config.policy.max_retry_delay_ms = 24 * HOUR_MS;
	found_as_planned(-1);
}

static enum topic_fault kind;		/* of the last */

static void note(void *context, enum topic_fault fault, const char *text)
{
	(void)context;
	kind = fault;
	strncat(faults, text, sizeof faults - strlen(faults) - 2);
	strcat(faults, "\n");
}

static size_t faults_of(enum topic_role role)
{
	faults[0] = '\0';
	return topic_plan_faults(&config, role, found, note, NULL);
}

static size_t faults_of_all(void)
{
	size_t count = 0;
	for (enum topic_role role = 0; role < topic_plan_count(&config); role++)
		count += faults_of(role);
	return count;
}

START_TEST(what_is_planned_has_no_fault)
{
	ck_assert_uint_eq(faults_of_all(), 0);
	found_as_planned(3);
	ck_assert_uint_eq(faults_of_all(), 0);
}
END_TEST

START_TEST(long_windows_lengthen_retention)
{
	config.worker.dedupe_window_ms = 100 * HOUR_MS;
	config.worker.cancel_window_ms = 200 * HOUR_MS;
	config.policy.max_retry_delay_ms = 1000 * HOUR_MS;
	ck_assert_uint_eq(faults_of_all(), 3);
	found_as_planned(-1);
	ck_assert_uint_eq(faults_of_all(), 0);
	ck_assert_int_eq(atoll(plans[TOPIC_STATE].values[TOPIC_RETENTION]), 200 * HOUR_MS);
	ck_assert_int_eq(atoll(plans[TOPIC_CONTROL].values[TOPIC_RETENTION]), 2000 * HOUR_MS);
}
END_TEST

START_TEST(marks_outlive_what_holds_an_offset_back)
{
	config.policy.max_timeout_ms = 48 * HOUR_MS;
	config.worker.retry_carry_ms = HOUR_MS;
	ck_assert_uint_eq(faults_of(TOPIC_STATE), 1);
	found_as_planned(-1);
	ck_assert_uint_eq(faults_of(TOPIC_STATE), 0);
	ck_assert_int_eq(atoll(plans[TOPIC_STATE].values[TOPIC_RETENTION]), 100 * HOUR_MS);
}
END_TEST

START_TEST(letters_have_room_for_headers)
{
	ck_assert_str_eq(plans[TOPIC_DEAD].values[TOPIC_BYTES], "1114124");
	ck_assert_str_eq(plans[TOPIC_RETRIES].values[TOPIC_BYTES], "1114124");
	ck_assert_str_eq(plans[TOPIC_RESULTS].values[TOPIC_BYTES], "");
	found[TOPIC_DEAD].values[TOPIC_BYTES] = "1114123";
	ck_assert_uint_eq(faults_of(TOPIC_DEAD), 1);
	ck_assert_ptr_nonnull(strstr(faults, "max.message.bytes is 1114123, should be at least 1114124"));
}
END_TEST

START_TEST(partitions_follow_the_requests)
{
	ck_assert_int_eq(plans[TOPIC_STATE].partitions, 8);
	ck_assert_int_eq(plans[TOPIC_RETRIES].partitions, 8);
	ck_assert_int_eq(plans[TOPIC_CONTROL].partitions, 1);
	found[TOPIC_REQUESTS].partitions = 9;
	ck_assert_uint_eq(faults_of(TOPIC_STATE), 1);
	ck_assert_ptr_nonnull(strstr(faults, "8 partitions, should be 9, as q has"));
	ck_assert_int_eq(kind, TOPIC_BREAKS);
	found[TOPIC_REQUESTS].partitions = 7;	/* partitions are being added */
	ck_assert_uint_eq(faults_of(TOPIC_STATE), 1);
	ck_assert_int_eq(kind, TOPIC_WEAKENS);
	found[TOPIC_REQUESTS].partitions = 9;
	ck_assert_uint_eq(faults_of(TOPIC_RETRIES), 1);
	ck_assert_uint_eq(faults_of(TOPIC_RESULTS), 0);
}
END_TEST

static struct config_priority further[] = {{(char *)"u", 8, "test"}, {(char *)"v", 2, "test"}};

START_TEST(further_topics_are_as_the_first)
{
	config.topics.further = further;
	config.topics.further_count = 2;
	ck_assert_uint_eq(topic_plan_count(&config), TOPIC_ROLES + 2);
	ck_assert_str_eq(topic_plan_name(&config, TOPIC_FURTHER), "u");
	ck_assert_str_eq(topic_plan_name(&config, TOPIC_FURTHER + 1), "v");
	found_as_planned(-1);
	ck_assert_uint_eq(faults_of_all(), 0);
	ck_assert_str_eq(plans[TOPIC_FURTHER].values[TOPIC_TIMESTAMPS], "LogAppendTime");
	ck_assert_int_eq(plans[TOPIC_FURTHER].partitions, 8);
	found[TOPIC_FURTHER + 1].values[TOPIC_TIMESTAMPS] = "CreateTime";
	ck_assert_uint_eq(faults_of(TOPIC_FURTHER + 1), 1);
	found[TOPIC_FURTHER] = (struct topic_found){0};
	ck_assert_uint_eq(faults_of(TOPIC_FURTHER), 1);
	ck_assert_int_eq(kind, TOPIC_MISSING);
}
END_TEST

START_TEST(another_number_of_partitions_breaks_in_both_directions)
{
	config.topics.further = further;
	config.topics.further_count = 1;
	found_as_planned(-1);
	for (int partitions = 7; partitions <= 9; partitions += 2) {
		found[TOPIC_FURTHER].partitions = partitions;
		ck_assert_uint_eq(faults_of(TOPIC_FURTHER), 1);
		ck_assert_int_eq(kind, TOPIC_BREAKS);
		ck_assert_ptr_nonnull(strstr(faults, " partitions, but q has 8"));
		ck_assert_ptr_nonnull(strstr(faults, "--alter --partitions"));
	}
}
END_TEST

START_TEST(letters_have_room_for_the_largest_of_all_topics_of_requests)
{
	config.topics.further = further;
	config.topics.further_count = 1;
	found_as_planned(-1);
	found[TOPIC_FURTHER].values[TOPIC_BYTES] = "2000000";
	ck_assert_int_eq(topic_plan_request_bytes(&config, found), 2000000);
	ck_assert_uint_eq(faults_of(TOPIC_DEAD), 1);
	ck_assert_uint_eq(faults_of(TOPIC_RETRIES), 1);
	ck_assert_ptr_nonnull(strstr(faults, "should be at least 2065536"));
}
END_TEST

START_TEST(times_that_cancels_compare_are_the_brokers)
{
	ck_assert_str_eq(plans[TOPIC_REQUESTS].values[TOPIC_TIMESTAMPS], "LogAppendTime");
	ck_assert_str_eq(plans[TOPIC_CONTROL].values[TOPIC_TIMESTAMPS], "LogAppendTime");
	found[TOPIC_CONTROL].values[TOPIC_TIMESTAMPS] = "CreateTime";
	ck_assert_uint_eq(faults_of(TOPIC_CONTROL), 1);
	ck_assert_ptr_nonnull(strstr(faults, "message.timestamp.type"));
}
END_TEST

START_TEST(compaction_is_a_fault)
{
	found[TOPIC_RESULTS].values[TOPIC_CLEANUP] = "compact,delete";
	ck_assert_uint_eq(faults_of(TOPIC_RESULTS), 1);
	ck_assert_ptr_nonnull(strstr(faults, "cleanup.policy"));
}
END_TEST

START_TEST(short_retention_is_a_fault_and_unlimited_is_none)
{
	found[TOPIC_STATE].values[TOPIC_RETENTION] = "599999";
	ck_assert_uint_eq(faults_of(TOPIC_STATE), 1);
	ck_assert_ptr_nonnull(strstr(faults, "retention.ms"));
	found[TOPIC_STATE].values[TOPIC_RETENTION] = "-1";
	ck_assert_uint_eq(faults_of(TOPIC_STATE), 0);
}
END_TEST

START_TEST(a_missing_topic_is_one_fault_with_its_remedy)
{
	found[TOPIC_REQUESTS] = (struct topic_found){0};
	ck_assert_uint_eq(faults_of(TOPIC_REQUESTS), 1);
	ck_assert_ptr_nonnull(strstr(faults, "topics create"));
	ck_assert_uint_eq(faults_of_all(), 1);
}
END_TEST

START_TEST(enough_replicas_make_writes_wait_for_two)
{
	ck_assert_str_eq(plans[TOPIC_RESULTS].values[TOPIC_INSYNC], "");
	found_as_planned(3);
	ck_assert_str_eq(plans[TOPIC_RESULTS].values[TOPIC_INSYNC], "2");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topic_plan");
	TCase *tests = tcase_create("topic_plan");
	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, what_is_planned_has_no_fault);
	tcase_add_test(tests, long_windows_lengthen_retention);
	tcase_add_test(tests, marks_outlive_what_holds_an_offset_back);
	tcase_add_test(tests, letters_have_room_for_headers);
	tcase_add_test(tests, partitions_follow_the_requests);
	tcase_add_test(tests, further_topics_are_as_the_first);
	tcase_add_test(tests, another_number_of_partitions_breaks_in_both_directions);
	tcase_add_test(tests, letters_have_room_for_the_largest_of_all_topics_of_requests);
	tcase_add_test(tests, times_that_cancels_compare_are_the_brokers);
	tcase_add_test(tests, compaction_is_a_fault);
	tcase_add_test(tests, short_retention_is_a_fault_and_unlimited_is_none);
	tcase_add_test(tests, a_missing_topic_is_one_fault_with_its_remedy);
	tcase_add_test(tests, enough_replicas_make_writes_wait_for_two);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
