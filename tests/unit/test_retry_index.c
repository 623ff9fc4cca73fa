/* test_retry_index.c: waiting retries come in the order of their due times, then of their offsets; and the table of
 * who died under what. */
#include "../../worker/queue/retry_index.h"

#include <check.h>
#include <stdlib.h>

#include "../../worker/queue/crash_marks.h"

START_TEST(order_is_that_of_due_times_whatever_that_of_arrival)
{
	struct retry_index *index = retry_index_new();
	struct waiting_retry retry, before = {.due_ms = -1};
	srand48(1);
	for (int i = 0; i < 5000; i++) {
		retry = (struct waiting_retry){.place = {BROKER_RETRIES, 0, i}, .due_ms = lrand48() % 500};
		ck_assert_int_eq(retry_index_add(index, &retry), 0);
	}
	for (int i = 0; i < 5000; i++) {
		int64_t due_ms = retry_index_due_ms(index);
		ck_assert(!retry_index_take(index, due_ms - 1, &retry));
		ck_assert(retry_index_take(index, due_ms, &retry));
		ck_assert_int_eq(retry.due_ms, due_ms);
		ck_assert(before.due_ms < due_ms || (before.due_ms == due_ms &&
			before.place.offset < retry.place.offset));
		before = retry;
	}
	ck_assert_uint_eq(retry_index_count(index), 0);
	ck_assert_int_eq(retry_index_due_ms(index), INT64_MAX);
	retry_index_free(index);
}
END_TEST

static bool odd(const struct waiting_retry *retry, void *context)
{
	(void)context;
	return retry->execution % 2 == 1;
}

START_TEST(those_that_are_hurried_come_first_and_the_others_in_order)
{
	struct retry_index *index = retry_index_new();
	struct waiting_retry retry;
	for (int i = 0; i < 100; i++) {
		retry = (struct waiting_retry){.place = {BROKER_RETRIES, 0, i},
			.due_ms = 1000 - i, .execution = (uint64_t)i};
		ck_assert_int_eq(retry_index_add(index, &retry), 0);
	}
	ck_assert_uint_eq(retry_index_hurry(index, odd, NULL), 50);
	for (int i = 0; i < 50; i++) {
		ck_assert(retry_index_take(index, 0, &retry));
		ck_assert_int_eq(retry.place.offset, 2 * i + 1);
	}
	ck_assert(!retry_index_take(index, 0, &retry));
	for (int i = 0; i < 50; i++) {
		ck_assert(retry_index_take(index, 1000, &retry));
		ck_assert_int_eq(retry.place.offset, 98 - 2 * i);
	}
	retry_index_free(index);
}
END_TEST

START_TEST(deaths_are_starts_of_different_workers_without_a_hand_back)
{
	struct crash_marks *marks = NULL;
	const struct broker_place place = {BROKER_REQUESTS, 3, 7}, retry = {BROKER_RETRIES, 3, 7};
	for (uint64_t worker = 1; worker <= 4; worker++) {
		ck_assert_int_eq(crash_marks_started(&marks, &place, worker), 0);
		ck_assert_int_eq(crash_marks_started(&marks, &place, worker), 0);
	}
	ck_assert_int_eq(crash_marks_deaths(marks, &place), 4);
	ck_assert_int_eq(crash_marks_deaths(marks, &retry), 0);
	crash_marks_handed_back(&marks, &place, 2);
	crash_marks_handed_back(&marks, &place, 2);
	crash_marks_handed_back(&marks, &retry, 3);
	ck_assert_int_eq(crash_marks_deaths(marks, &place), 3);
	crash_marks_remove(&marks, &place);
	ck_assert_int_eq(crash_marks_deaths(marks, &place), 0);
	ck_assert_int_eq(crash_marks_started(&marks, &retry, 1), 0);
	crash_marks_clear(&marks);
	ck_assert_ptr_null(marks);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("waiting retries, deaths");
	TCase *cases = tcase_create("all");
	tcase_add_test(cases, order_is_that_of_due_times_whatever_that_of_arrival);
	tcase_add_test(cases, those_that_are_hurried_come_first_and_the_others_in_order);
	tcase_add_test(cases, deaths_are_starts_of_different_workers_without_a_hand_back);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
