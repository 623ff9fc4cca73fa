/* test_broker_kafka_state.c: what of an assignment is taken up, and from when on code.state is read for it. */
#include "../../worker/broker/broker_kafka_internal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE INT64_C(60000)
#define WINDOW_BEGIN (100 * MINUTE)

static int64_t begin(int64_t offset, const char *metadata)
{
	struct broker_offset committed = {0, offset,
		commit_metadata_read(metadata, metadata ? strlen(metadata) : 0)};
	return state_begin_ms(&committed, WINDOW_BEGIN);
}

START_TEST(where_nothing_was_committed_the_dedupe_window_is_read)
{
	ck_assert_int_eq(begin(-1, NULL), 99 * MINUTE);
}
END_TEST

START_TEST(what_was_finished_beyond_the_watermark_earlier_is_read_too)
{
	ck_assert_int_eq(begin(7, "1 3000000 00ff-1"), 49 * MINUTE);
	ck_assert_int_eq(begin(7, "1 6600000 00ff-1"), 99 * MINUTE);
	ck_assert_int_eq(begin(7, "1 1 00ff-1"), 0);
}
END_TEST

START_TEST(behind_a_commit_that_does_not_tell_all_is_read)
{
	ck_assert_int_eq(begin(0, NULL), 0);
	ck_assert_int_eq(begin(7, ""), 0);
	ck_assert_int_eq(begin(7, "1 0 00ff-1"), 0);
	ck_assert_int_eq(begin(7, "somebody else's"), 0);
}
END_TEST

static struct config_priority further[] = {{(char *)"u", 8, "test"}, {(char *)"v", 2, "test"}};
static const struct config config = {.topics = {.requests = (char *)"q", .retries = (char *)"r",
	.further = further, .further_count = 2}};

struct given {
	const char *topic;
	int32_t partition;
};

static struct share share_of(const struct given *given, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, given[i].topic, given[i].partition);
	struct share share = share_take(&config, list);
	rd_kafka_topic_partition_list_destroy(list);
	return share;
}

static bool has(const struct share *share, enum broker_source source, int32_t partition)
{
	int found = 0;
	for (size_t i = 0; i < share->position_count; i++)
		found += share->positions[i].source == source &&
			share->positions[i].partition == partition && share->positions[i].offset == -1;
	ck_assert_int_le(found, 1);
	return found == 1;
}

START_TEST(a_partition_is_taken_up_in_all_topics_and_in_the_retries)
{
	static const struct given given[] = {{"u", 3}, {"q", 2}, {"v", 2}, {"u", 2}, {"q", 3}, {"v", 3}};
	struct share share = share_of(given, 6);
	ck_assert_uint_eq(share.partition_count, 2);
	ck_assert_int_eq(share.positions[0].source, BROKER_REQUESTS);
	ck_assert_int_eq(share.positions[1].source, BROKER_REQUESTS);
	ck_assert_uint_eq(share.position_count, 8);
	ck_assert_uint_eq(share.left_out + share.missing, 0);
	for (enum broker_source source = 0; source < BROKER_FURTHER + 2; source++)
		ck_assert(has(&share, source, 2) && has(&share, source, 3));
	free(share.positions);
}
END_TEST

START_TEST(what_belongs_to_the_number_of_another_worker_is_left_out)
{
	static const struct given given[] = {{"q", 1}, {"u", 1}, {"u", 2}, {"v", 7}, {"old", 1}, {"r", 1}};
	struct share share = share_of(given, 6);
	ck_assert_uint_eq(share.partition_count, 1);
	ck_assert_uint_eq(share.position_count, 3);
	ck_assert(has(&share, BROKER_REQUESTS, 1) && has(&share, BROKER_RETRIES, 1));
	ck_assert(has(&share, BROKER_FURTHER, 1));
	ck_assert_uint_eq(share.left_out, 2);
	ck_assert_uint_eq(share.missing, 1);
	free(share.positions);
	share = share_of(given + 1, 1);
	ck_assert_uint_eq(share.position_count, 0);
	ck_assert_uint_eq(share.left_out, 1);
	ck_assert_uint_eq(share.missing, 0);
	free(share.positions);
	share = share_of(NULL, 0);
	ck_assert_uint_eq(share.position_count + share.left_out + share.missing, 0);
	free(share.positions);
}
END_TEST

START_TEST(the_state_is_read_from_the_earliest_that_any_topic_needs)
{
	struct broker_offset positions[] = {{1, 9, 90 * MINUTE, BROKER_REQUESTS},
		{2, 9, 95 * MINUTE, BROKER_REQUESTS}, {1, -1, 0, BROKER_RETRIES},
		{2, 5, 80 * MINUTE, BROKER_RETRIES}, {2, 4, 85 * MINUTE, BROKER_FURTHER},
		{1, 3, 70 * MINUTE, BROKER_FURTHER + 1}};
	const struct share share = {positions, 6, 2, 0};
	int64_t begin_ms[2];
	state_begins(&share, WINDOW_BEGIN, begin_ms);
	ck_assert_int_eq(begin_ms[0], 69 * MINUTE);
	ck_assert_int_eq(begin_ms[1], 79 * MINUTE);
}
END_TEST

START_TEST(retries_are_assigned_where_they_were_committed_and_others_where_the_group_says)
{
	static const struct broker_offset positions[] = {{1, 5, 0, BROKER_REQUESTS},
		{1, 6, 0, BROKER_RETRIES}, {2, -1, 0, BROKER_RETRIES}, {1, 7, 0, BROKER_FURTHER + 1}};
	rd_kafka_topic_partition_list_t *list = share_assignment(&config, positions, 4);
	ck_assert_int_eq(list->cnt, 4);
	ck_assert_int_eq(rd_kafka_topic_partition_list_find(list, "q", 1)->offset, RD_KAFKA_OFFSET_INVALID);
	ck_assert_int_eq(rd_kafka_topic_partition_list_find(list, "v", 1)->offset, RD_KAFKA_OFFSET_INVALID);
	ck_assert_int_eq(rd_kafka_topic_partition_list_find(list, "r", 1)->offset, 6);
	ck_assert_int_eq(rd_kafka_topic_partition_list_find(list, "r", 2)->offset,
		RD_KAFKA_OFFSET_BEGINNING);
	rd_kafka_topic_partition_list_destroy(list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("taking over");
	TCase *cases = tcase_create("all");
	tcase_add_test(cases, where_nothing_was_committed_the_dedupe_window_is_read);
	tcase_add_test(cases, what_was_finished_beyond_the_watermark_earlier_is_read_too);
	tcase_add_test(cases, behind_a_commit_that_does_not_tell_all_is_read);
	tcase_add_test(cases, a_partition_is_taken_up_in_all_topics_and_in_the_retries);
	tcase_add_test(cases, what_belongs_to_the_number_of_another_worker_is_left_out);
	tcase_add_test(cases, the_state_is_read_from_the_earliest_that_any_topic_needs);
	tcase_add_test(cases, retries_are_assigned_where_they_were_committed_and_others_where_the_group_says);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
