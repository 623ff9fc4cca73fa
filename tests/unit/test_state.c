/* test_state.c: what is remembered of executions, in code.state and in memory. */
#include "../../worker/state.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define PENDING (INT64_MAX / 2)

static struct dedupe *dedupe;

static void setup(void)
{
	dedupe = dedupe_new(1000);
	ck_assert_ptr_nonnull(dedupe);
}

static void teardown(void)
{
	dedupe_free(dedupe);
}

static bool same(struct execution_name a, struct execution_name b)
{
	return a.low == b.low && a.high == b.high;
}

START_TEST(a_final_record_comes_back_as_it_was_written)
{
	struct arena *arena = arena_new(4096);
	const char *text = state_final(arena, "t\"\n", "n\xc3\xa9", "x", 42, 1234567890123);
	struct execution_name name;
	int64_t offset, at_ms;
	ck_assert_ptr_nonnull(text);
	ck_assert(state_read_final(text, strlen(text), &name, &offset, &at_ms));
	ck_assert(same(name, execution_name("t\"\n", "n\xc3\xa9", "x")));
	ck_assert_int_eq(offset, 42);
	ck_assert_int_eq(at_ms, 1234567890123);
	arena_free(arena);
}
END_TEST

START_TEST(one_without_ids_stands_for_its_offset)
{
	struct arena *arena = arena_new(4096);
	const char *text = state_final(arena, NULL, NULL, NULL, 7, 1);
	struct execution_name name;
	int64_t offset, at_ms;
	ck_assert(state_read_final(text, strlen(text), &name, &offset, &at_ms));
	ck_assert(same(name, offset_name(7)));
	ck_assert_int_eq(offset, 7);
	arena_free(arena);
}
END_TEST

START_TEST(records_of_other_kinds_and_rubbish_are_passed_over)
{
	static const char *const texts[] = {"", "{", "[]", "null", "{\"type\":\"final\"}",
		"{\"type\":\"started\",\"offset\":1,\"at\":1}", "\xff\xfe",
		"{\"type\":\"final\",\"offset\":\"1\",\"at\":1}"};
	struct execution_name name;
	int64_t offset, at_ms;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ck_assert_msg(!state_read_final(texts[i], strlen(texts[i]), &name, &offset, &at_ms),
			"%s", texts[i]);
	ck_assert(!state_read_final(NULL, 0, &name, &offset, &at_ms));
}
END_TEST

START_TEST(names_are_told_apart_by_where_their_parts_end)
{
	struct execution_name name = execution_name("a", "bc", "d");
	ck_assert(same(name, execution_name("a", "bc", "d")));
	ck_assert(!same(name, execution_name("ab", "c", "d")));
	ck_assert(!same(name, execution_name("a", "b", "cd")));
	ck_assert(!same(name, execution_name("bc", "a", "d")));
	ck_assert(!same(execution_name("", "", "a"), execution_name("a", "", "")));
}
END_TEST

START_TEST(an_execution_is_remembered_for_the_window_and_by_partition)
{
	struct execution_name name = execution_name("t", "n", "x");
	ck_assert_int_eq(dedupe_add(dedupe, 3, name, 5000), 0);
	ck_assert(dedupe_has(dedupe, 3, name, 5999));
	ck_assert(!dedupe_has(dedupe, 3, name, 6000));
	ck_assert(!dedupe_has(dedupe, 4, name, 5001));
	dedupe_expire(dedupe, 5999);
	ck_assert_uint_eq(dedupe_count(dedupe), 1);
	dedupe_expire(dedupe, 6000);
	ck_assert_uint_eq(dedupe_count(dedupe), 0);
}
END_TEST

START_TEST(the_later_time_counts_and_a_copy_that_runs_again_is_remembered_anew)
{
	struct execution_name name = execution_name("t", "n", "x"), other = execution_name("t", "n", "y");
	ck_assert_int_eq(dedupe_add(dedupe, 3, name, 5000), 0);
	ck_assert_int_eq(dedupe_add(dedupe, 3, other, 5500), 0);
	ck_assert_int_eq(dedupe_add(dedupe, 3, name, 7000), 0);
	ck_assert_int_eq(dedupe_add(dedupe, 3, name, 6000), 0);
	ck_assert(dedupe_has(dedupe, 3, name, 7999));
	dedupe_expire(dedupe, 7500);
	ck_assert_uint_eq(dedupe_count(dedupe), 1);
	ck_assert(!dedupe_has(dedupe, 3, name, 8000));
	ck_assert_int_eq(dedupe_add(dedupe, 3, name, DEDUPE_PENDING), 0);
	ck_assert(dedupe_has(dedupe, 3, name, 100000));
	dedupe_clear(dedupe);
}
END_TEST

START_TEST(what_is_not_final_never_expires_and_hides_nothing_that_does)
{
	struct execution_name pending = execution_name("t", "n", "pending");
	ck_assert_int_eq(dedupe_add(dedupe, 0, pending, PENDING), 0);
	for (int i = 0; i < 50; i++) {
		char id[16];
		snprintf(id, sizeof id, "x%d", i);
		ck_assert_int_eq(dedupe_add(dedupe, 0, execution_name("t", "n", id), 100), 0);
	}
	dedupe_expire(dedupe, 100000);
	ck_assert_uint_eq(dedupe_count(dedupe), 1);
	ck_assert(dedupe_has(dedupe, 0, pending, 100000));
	dedupe_remove(dedupe, 0, pending);
	ck_assert(!dedupe_has(dedupe, 0, pending, 0));
	dedupe_remove(dedupe, 0, pending);
	dedupe_clear(dedupe);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_final_record_comes_back_as_it_was_written);
	tcase_add_test(cases, one_without_ids_stands_for_its_offset);
	tcase_add_test(cases, records_of_other_kinds_and_rubbish_are_passed_over);
	tcase_add_test(cases, names_are_told_apart_by_where_their_parts_end);
	tcase_add_test(cases, an_execution_is_remembered_for_the_window_and_by_partition);
	tcase_add_test(cases,
		the_later_time_counts_and_a_copy_that_runs_again_is_remembered_anew);
	tcase_add_test(cases, what_is_not_final_never_expires_and_hides_nothing_that_does);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
