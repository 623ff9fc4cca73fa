/* test_broker_kafka_state.c: from when on code.state is read when a partition is taken over. */
#include "../../worker/broker_kafka_internal.h"

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

int main(void)
{
	Suite *suite = suite_create("taking over");
	TCase *cases = tcase_create("all");
	tcase_add_test(cases, where_nothing_was_committed_the_dedupe_window_is_read);
	tcase_add_test(cases, what_was_finished_beyond_the_watermark_earlier_is_read_too);
	tcase_add_test(cases, behind_a_commit_that_does_not_tell_all_is_read);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
