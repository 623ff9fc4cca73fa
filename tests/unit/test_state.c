/* test_state.c: what is remembered of executions, in code.state and in memory. */
#include "../../worker/codec/state.h"

#include <check.h>
#include <stdio.h>
#include <string.h>


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

/* Writes the mark and reads it back. */
static struct state_mark over(const struct state_mark *mark)
{
	struct arena *arena = arena_new(4096);
	const char *text = state_write(arena, mark);
	struct state_mark found;
	ck_assert_ptr_nonnull(text);
	ck_assert(state_read(text, strlen(text), &found));
	ck_assert_int_eq(found.type, mark->type);
	ck_assert_int_eq(found.offset, mark->offset);
	ck_assert_int_eq(found.at_ms, mark->at_ms);
	ck_assert_str_eq(found.topic, mark->topic);
	arena_free(arena);
	return found;
}

START_TEST(a_final_mark_comes_back_as_it_was_written)
{
	const struct state_mark mark = {.type = STATE_FINAL, .thread_id = "t\"\n",
		.node_id = "n\xc3\xa9", .execution_id = "x", .topic = "code.requests", .offset = 42,
		.at_ms = 1234567890123};
	ck_assert(same(over(&mark).name, execution_name("t\"\n", "n\xc3\xa9", "x")));
}
END_TEST

START_TEST(one_without_ids_stands_for_its_offset)
{
	const struct state_mark mark = {.type = STATE_FINAL, .offset = 7, .at_ms = 1};
	ck_assert(same(over(&mark).name, offset_name(7)));
}
END_TEST

START_TEST(marks_of_retries_tell_when_and_marks_of_starts_tell_who)
{
	const struct state_mark retry = {.type = STATE_RETRY, .thread_id = "t", .node_id = "n",
		.execution_id = "x", .topic = "code.retries", .offset = 3, .at_ms = 5, .due_ms = 99};
	const struct state_mark started = {.type = STATE_STARTED, .topic = "code.requests", .offset = 4,
		.at_ms = 6, .incarnation = 0xfedcba9876543210};
	struct state_mark back = started;
	back.type = STATE_HANDED_BACK;
	ck_assert_int_eq(over(&retry).due_ms, 99);
	ck_assert_uint_eq(over(&started).incarnation, 0xfedcba9876543210);
	ck_assert_uint_eq(over(&back).incarnation, 0xfedcba9876543210);
}
END_TEST

START_TEST(marks_of_other_kinds_and_rubbish_are_passed_over)
{
	static const char *const texts[] = {"", "{", "[]", "null", "{\"type\":\"final\"}",
		"{\"type\":\"paused\",\"offset\":1,\"at\":1}", "\xff\xfe",
		"{\"type\":\"started\",\"offset\":1,\"at\":1}",
		"{\"type\":\"retry\",\"offset\":1,\"at\":1}",
		"{\"type\":\"final\",\"offset\":\"1\",\"at\":1}"};
	struct state_mark mark;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ck_assert_msg(!state_read(texts[i], strlen(texts[i]), &mark), "%s", texts[i]);
	ck_assert(!state_read(NULL, 0, &mark));
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
	ck_assert_int_eq(dedupe_pend(dedupe, 3, name), 0);
	ck_assert(dedupe_has(dedupe, 3, name, 100000));
	dedupe_clear(dedupe);
}
END_TEST

START_TEST(what_is_not_final_never_expires_and_hides_nothing_that_does)
{
	struct execution_name pending = execution_name("t", "n", "pending");
	ck_assert_int_eq(dedupe_pend(dedupe, 0, pending), 0);
	for (int i = 0; i < 50; i++) {
		char id[16];
		snprintf(id, sizeof id, "x%d", i);
		ck_assert_int_eq(dedupe_add(dedupe, 0, execution_name("t", "n", id), 100), 0);
	}
	dedupe_expire(dedupe, 100000);
	ck_assert_uint_eq(dedupe_count(dedupe), 1);
	ck_assert(dedupe_has(dedupe, 0, pending, 100000));
	ck_assert(!dedupe_is_final(dedupe, 0, pending, 0));
	ck_assert_int_eq(dedupe_add(dedupe, 0, pending, 100), 0);
	ck_assert(dedupe_is_final(dedupe, 0, pending, 1099));
	ck_assert(!dedupe_is_final(dedupe, 0, pending, 1100));
	dedupe_clear(dedupe);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_final_mark_comes_back_as_it_was_written);
	tcase_add_test(cases, one_without_ids_stands_for_its_offset);
	tcase_add_test(cases, marks_of_retries_tell_when_and_marks_of_starts_tell_who);
	tcase_add_test(cases, marks_of_other_kinds_and_rubbish_are_passed_over);
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
