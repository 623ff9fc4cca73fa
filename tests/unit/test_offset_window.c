/* test_offset_window.c: the watermark never passes what is not done, and passes everything else. */
#include "../../worker/queue/offset_window.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct offset_window *window;

static void setup(void)
{
	window = offset_window_new(100, 8);
	ck_assert_ptr_nonnull(window);
}

static void teardown(void)
{
	offset_window_free(window);
}

static void add(int64_t offset)
{
	ck_assert_int_eq(offset_window_add(window, offset), OFFSET_NEW);
}

START_TEST(the_watermark_waits_for_the_lowest_open_offset)
{
	for (int64_t offset = 100; offset < 104; offset++)
		add(offset);
	offset_window_done(window, 101);
	offset_window_done(window, 103);
	ck_assert_int_eq(offset_window_watermark(window), 100);
	offset_window_done(window, 100);
	ck_assert_int_eq(offset_window_watermark(window), 102);
	offset_window_done(window, 102);
	ck_assert_int_eq(offset_window_watermark(window), 104);
	ck_assert_int_eq(offset_window_pending(window), 0);
}
END_TEST

START_TEST(gaps_count_as_done_once_a_later_offset_was_seen)
{
	add(100);
	add(104);
	offset_window_done(window, 100);
	ck_assert_int_eq(offset_window_watermark(window), 104);
	offset_window_done(window, 104);
	ck_assert_int_eq(offset_window_watermark(window), 105);
}
END_TEST

START_TEST(a_gap_longer_than_the_window_is_passed_when_nothing_is_open)
{
	add(100);
	ck_assert_int_eq(offset_window_add(window, 5000), OFFSET_FULL);
	ck_assert_int_eq(offset_window_fill(window), 1);
	offset_window_done(window, 100);
	ck_assert_int_eq(offset_window_watermark(window), 101);
	add(5000);
	ck_assert_int_eq(offset_window_watermark(window), 5000);
	offset_window_done(window, 5000);
	ck_assert_int_eq(offset_window_watermark(window), 5001);
}
END_TEST

START_TEST(a_full_window_takes_no_more_and_changes_nothing)
{
	for (int64_t offset = 100; offset < 108; offset++)
		add(offset);
	ck_assert_int_eq(offset_window_add(window, 108), OFFSET_FULL);
	offset_window_done(window, 107);
	ck_assert_int_eq(offset_window_add(window, 108), OFFSET_FULL);
	offset_window_done(window, 100);
	add(108);
	ck_assert_int_eq(offset_window_watermark(window), 101);
}
END_TEST

START_TEST(an_offset_that_comes_again_stays_as_it_was)
{
	add(100);
	add(101);
	ck_assert_int_eq(offset_window_add(window, 100), OFFSET_KNOWN);
	ck_assert_int_eq(offset_window_add(window, 7), OFFSET_KNOWN);
	ck_assert(offset_window_open(window, 100));
	offset_window_done(window, 101);
	ck_assert_int_eq(offset_window_add(window, 101), OFFSET_KNOWN);
	ck_assert(!offset_window_open(window, 101));
	ck_assert_int_eq(offset_window_watermark(window), 100);
}
END_TEST

START_TEST(what_is_done_twice_or_was_never_added_is_ignored)
{
	add(100);
	offset_window_done(window, 99);
	offset_window_done(window, 103);
	ck_assert_int_eq(offset_window_pending(window), 1);
	offset_window_done(window, 100);
	offset_window_done(window, 100);
	ck_assert_int_eq(offset_window_pending(window), 0);
	ck_assert_int_eq(offset_window_watermark(window), 101);
}
END_TEST

START_TEST(restored_offsets_are_finished_when_they_come)
{
	ck_assert_int_eq(offset_window_restore(window, 102), 0);
	ck_assert_int_eq(offset_window_restore(window, 103), 0);
	ck_assert_int_eq(offset_window_restore(window, 50), 0);
	add(100);
	add(101);
	ck_assert_int_eq(offset_window_add(window, 102), OFFSET_FINISHED);
	ck_assert_int_eq(offset_window_add(window, 103), OFFSET_FINISHED);
	add(104);
	offset_window_done(window, 100);
	offset_window_done(window, 101);
	ck_assert_int_eq(offset_window_watermark(window), 104);
}
END_TEST

START_TEST(restoring_more_than_the_window_makes_it_larger)
{
	for (int64_t offset = 101; offset < 164; offset++)
		ck_assert_int_eq(offset_window_restore(window, offset), 0);
	add(100);
	for (int64_t offset = 101; offset < 164; offset++)
		ck_assert_int_eq(offset_window_add(window, offset), OFFSET_FINISHED);
	ck_assert_int_eq(offset_window_watermark(window), 100);
	ck_assert_int_eq(offset_window_add(window, 164), OFFSET_FULL);
	offset_window_done(window, 100);
	ck_assert_int_eq(offset_window_watermark(window), 164);
	ck_assert_int_eq(offset_window_restore(window, INT64_MAX - 1), -1);
}
END_TEST

START_TEST(an_offset_that_was_restored_by_mistake_is_new)
{
	ck_assert_int_eq(offset_window_restore(window, 100), 0);
	ck_assert_int_eq(offset_window_restore(window, 101), 0);
	offset_window_unrestore(window, 100);
	offset_window_unrestore(window, 5000);
	ck_assert_int_eq(offset_window_add(window, 100), OFFSET_NEW);
	offset_window_unrestore(window, 100);
	ck_assert(offset_window_open(window, 100));
	ck_assert_int_eq(offset_window_add(window, 101), OFFSET_FINISHED);
	ck_assert_int_eq(offset_window_watermark(window), 100);
}
END_TEST

START_TEST(a_restored_offset_that_no_longer_exists_holds_nothing_up)
{
	ck_assert_int_eq(offset_window_restore(window, 101), 0);
	ck_assert_int_eq(offset_window_restore(window, 103), 0);
	add(100);
	add(102);
	offset_window_done(window, 100);
	ck_assert_int_eq(offset_window_watermark(window), 102);
	offset_window_done(window, 102);
	add(110);
	ck_assert_int_eq(offset_window_watermark(window), 110);
	add(111);		/* the mark of 103 was in this place of the ring */
	ck_assert(offset_window_open(window, 111));
}
END_TEST

START_TEST(it_grows_as_it_fills_up_to_its_size)
{
	struct offset_window *large = offset_window_new(100, 5000);
	for (int64_t offset = 100; offset < 5100; offset++)
		ck_assert_int_eq(offset_window_add(large, offset), OFFSET_NEW);
	ck_assert_int_eq(offset_window_add(large, 5100), OFFSET_FULL);
	for (int64_t offset = 101; offset < 5100; offset += 2)
		offset_window_done(large, offset);
	ck_assert_int_eq(offset_window_watermark(large), 100);
	for (int64_t offset = 100; offset < 5100; offset += 2) {
		ck_assert(offset_window_open(large, offset));
		offset_window_done(large, offset);
		ck_assert_int_eq(offset_window_watermark(large), offset + 2);
	}
	offset_window_free(large);
}
END_TEST

START_TEST(the_end_of_the_partition_moves_an_empty_window_only)
{
	add(100);
	offset_window_end(window, 120);
	ck_assert_int_eq(offset_window_watermark(window), 100);
	offset_window_done(window, 100);	/* what the end was told while it was open holds on */
	ck_assert_int_eq(offset_window_watermark(window), 120);
	offset_window_end(window, 110);
	ck_assert_int_eq(offset_window_watermark(window), 120);
	add(120);
}
END_TEST

START_TEST(the_time_to_look_back_to_follows_the_watermark)
{
	offset_window_since_set(window, 50);
	add(100);
	add(101);
	ck_assert_int_eq(offset_window_since(window, 1000), 50);
	offset_window_done(window, 101);		/* ended after 1000, perhaps before 2000 */
	add(102);
	ck_assert_int_eq(offset_window_since(window, 2000), 50);
	offset_window_done(window, 100);
	ck_assert_int_eq(offset_window_since(window, 3000), 1000);
	offset_window_done(window, 102);
	ck_assert_int_eq(offset_window_since(window, 4000), 3000);
}
END_TEST

/* Against a model that keeps every offset: 20,000 random steps, seeded. */
START_TEST(it_agrees_with_a_model_over_random_steps)
{
	enum { SPAN = 40000 };
	char *state = calloc(SPAN, 1);	/* 0 gap or unseen, 1 open, 2 done */
	int64_t next = 100, low = 100;
	srandom(4711);
	for (int step = 0; step < 20000; step++) {
		if (random() % 2) {
			int64_t offset = next + (random() % 8 == 0 ? random() % 3 : 0);
			enum offset_seen seen = offset_window_add(window, offset);
			if (seen == OFFSET_NEW) {
				state[offset] = 1;
				next = offset + 1;
			} else {
				ck_assert_int_eq(seen, OFFSET_FULL);
				ck_assert_int_ge(offset - low, 8);
			}
		} else if (next > low) {
			int64_t offset = low + random() % (next - low);
			offset_window_done(window, offset);
			if (state[offset] == 1)
				state[offset] = 2;
		}
		while (low < next && state[low] != 1)
			low++;
		ck_assert_int_eq(offset_window_watermark(window), low);
	}
	ck_assert_int_gt(low, 1000);
	free(state);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("offset window");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, the_watermark_waits_for_the_lowest_open_offset);
	tcase_add_test(cases, gaps_count_as_done_once_a_later_offset_was_seen);
	tcase_add_test(cases, a_gap_longer_than_the_window_is_passed_when_nothing_is_open);
	tcase_add_test(cases, a_full_window_takes_no_more_and_changes_nothing);
	tcase_add_test(cases, an_offset_that_comes_again_stays_as_it_was);
	tcase_add_test(cases, what_is_done_twice_or_was_never_added_is_ignored);
	tcase_add_test(cases, restored_offsets_are_finished_when_they_come);
	tcase_add_test(cases, an_offset_that_was_restored_by_mistake_is_new);
	tcase_add_test(cases, restoring_more_than_the_window_makes_it_larger);
	tcase_add_test(cases, a_restored_offset_that_no_longer_exists_holds_nothing_up);
	tcase_add_test(cases, it_grows_as_it_fills_up_to_its_size);
	tcase_add_test(cases, the_end_of_the_partition_moves_an_empty_window_only);
	tcase_add_test(cases, the_time_to_look_back_to_follows_the_watermark);
	tcase_add_test(cases, it_agrees_with_a_model_over_random_steps);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
