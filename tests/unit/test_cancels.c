/* test_cancels.c: what a cancel applies to, and for how long it is remembered. */
#include "../../worker/queue/cancels.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW 1000
#define REACH 3000

static struct cancels *cancels;

static void setup(void)
{
	cancels = cancels_new(WINDOW, REACH);
	ck_assert_ptr_nonnull(cancels);
}

static void teardown(void)
{
	cancels_free(cancels);
}

static void add(const char *thread, const char *node, const char *execution, int64_t at_ms)
{
	const struct cancel cancel = {thread, node, execution, at_ms};
	ck_assert_int_eq(cancels_add(cancels, &cancel), 0);
}

static bool has(const char *thread, const char *node, const char *execution, int64_t submitted_ms)
{
	return cancels_has(cancels, thread, node, execution, submitted_ms);
}

START_TEST(of_a_thread_all_that_is_no_younger_is_meant)
{
	add("t", NULL, NULL, 5000);
	ck_assert(has("t", "n", "x", 4999));
	ck_assert(has("t", "m", "y", 5000));
	ck_assert(!has("t", "n", "x", 5001));
	ck_assert(!has("u", "n", "x", 1));
	ck_assert(!has("n", "t", "x", 1));
	ck_assert(has("t", "n", "x", 0));
}
END_TEST

START_TEST(of_a_node_only_the_node_is_meant)
{
	add("t", "n", NULL, 5000);
	ck_assert(has("t", "n", "x", 5000));
	ck_assert(!has("t", "m", "x", 5000));
	ck_assert(!has("u", "n", "x", 5000));
	ck_assert(!has("t", "n", "x", 5001));
}
END_TEST

START_TEST(an_execution_is_meant_for_the_window_too)
{
	add(NULL, NULL, "x", 5000);
	ck_assert(has("t", "n", "x", 1));
	ck_assert(has("u", "m", "x", 5000 + WINDOW));
	ck_assert(!has("t", "n", "x", 5001 + WINDOW));
	ck_assert(!has("t", "n", "y", 1));
	ck_assert(!has("x", "x", "y", 1));
}
END_TEST

START_TEST(an_execution_with_its_thread_or_node_is_that_one_alone)
{
	add("t", NULL, "x", 5000);
	add("t", "n", "y", 5000);
	add(NULL, "n", "z", 5000);
	ck_assert(has("t", "n", "x", 5001));
	ck_assert(!has("u", "n", "x", 5000));
	ck_assert(has("t", "n", "y", 5001));
	ck_assert(!has("t", "m", "y", 5000));
	ck_assert(has("v", "n", "z", 5001));
	ck_assert(!has("v", "m", "z", 5000));
}
END_TEST

START_TEST(of_the_same_names_the_latest_counts)
{
	add("t", NULL, NULL, 5000);
	add("t", NULL, NULL, 7000);
	add("t", NULL, NULL, 6000);
	ck_assert(has("t", "n", "x", 7000));
	ck_assert(!has("t", "n", "x", 7001));
	ck_assert_uint_eq(cancels_count(cancels), 1);
}
END_TEST

START_TEST(one_cancel_applies_as_the_table_does)
{
	static const char *const names[] = {NULL, "a", "b"};
	for (int of = 0; of < 27; of++)
		for (int64_t submitted_ms = 4999; submitted_ms <= 5002 + WINDOW; submitted_ms++) {
			const struct cancel cancel = {names[of % 3], names[of / 3 % 3], names[of / 9],
				5000};
			if (!cancel.execution_id && !cancel.thread_id)
				continue;
			struct cancels *one = cancels_new(WINDOW, REACH);
			ck_assert_int_eq(cancels_add(one, &cancel), 0);
			ck_assert_int_eq(cancels_apply(one, &cancel, "a", "b", "a", submitted_ms),
				cancels_has(one, "a", "b", "a", submitted_ms));
			cancels_free(one);
		}
}
END_TEST

START_TEST(a_cancel_is_kept_while_a_request_may_come_that_it_applies_to)
{
	add("t", NULL, NULL, 5000);
	add(NULL, NULL, "x", 5000);
	cancels_expire(cancels, 5000 + REACH);
	ck_assert_uint_eq(cancels_count(cancels), 2);
	cancels_expire(cancels, 5001 + REACH);
	ck_assert_uint_eq(cancels_count(cancels), 0);
	ck_assert(!has("t", "n", "x", 1));
}
END_TEST

START_TEST(a_cancel_that_is_said_again_is_kept_from_then_on)
{
	add("t", NULL, NULL, 5000);
	add("u", NULL, NULL, 5001);
	add("t", NULL, NULL, 9000);
	cancels_expire(cancels, 5002 + REACH);
	ck_assert_uint_eq(cancels_count(cancels), 1);
	ck_assert(has("t", "n", "x", 9000));
	ck_assert(!has("u", "n", "x", 1));
}
END_TEST

START_TEST(many_cancels_go_little_by_little)
{
	for (int i = 0; i < 250; i++) {
		char name[16];
		snprintf(name, sizeof name, "t%d", i);
		add(name, NULL, NULL, 5000);
	}
	cancels_expire(cancels, 100000);
	ck_assert_uint_lt(cancels_count(cancels), 250);
	ck_assert_uint_gt(cancels_count(cancels), 0);
	for (int i = 0; i < 10; i++)
		cancels_expire(cancels, 100000);
	ck_assert_uint_eq(cancels_count(cancels), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cancels");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, of_a_thread_all_that_is_no_younger_is_meant);
	tcase_add_test(cases, of_a_node_only_the_node_is_meant);
	tcase_add_test(cases, an_execution_is_meant_for_the_window_too);
	tcase_add_test(cases, an_execution_with_its_thread_or_node_is_that_one_alone);
	tcase_add_test(cases, of_the_same_names_the_latest_counts);
	tcase_add_test(cases, one_cancel_applies_as_the_table_does);
	tcase_add_test(cases, a_cancel_is_kept_while_a_request_may_come_that_it_applies_to);
	tcase_add_test(cases, a_cancel_that_is_said_again_is_kept_from_then_on);
	tcase_add_test(cases, many_cancels_go_little_by_little);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
