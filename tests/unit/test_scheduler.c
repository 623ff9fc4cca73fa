/* test_scheduler.c: keys in order, different keys in turn, waiting retries out of the way. */
#include "../../worker/queue/scheduler.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scheduler *scheduler;
static struct scheduler_entry entries[64];
static const struct scheduler_terms plain = {.flow = {.tenant = "", .weight = 1},
	.deadline_ms = INT64_MAX};

static void setup(void)
{
	scheduler = scheduler_new();
	ck_assert_ptr_nonnull(scheduler);
	memset(entries, 0, sizeof entries);
}

static void teardown(void)
{
	scheduler_free(scheduler);
}

static void add(int index, int32_t partition, const char *key)
{
	ck_assert_int_eq(scheduler_add(scheduler, &entries[index], partition, key, strlen(key),
		&plain), 0);
}

/* Index of what runs next; -1: nothing. */
static int next(void)
{
	struct scheduler_entry *entry = scheduler_next(scheduler, 0);
	return entry ? (int)(entry - entries) : -1;
}

/* Its attempt ended, and it comes back for the next one. */
static void retry(int i, int32_t partition, const char *key, int64_t due_ms)
{
	scheduler_finish(scheduler, &entries[i]);
	ck_assert_int_eq(scheduler_add_waiting(scheduler, &entries[i], partition, key, strlen(key),
		&plain, due_ms), 0);
}

/* Returns when the next one is due. */
static int64_t tick(int64_t now_ms)
{
	scheduler_tick(scheduler, now_ms);
	return scheduler_due_ms(scheduler);
}

START_TEST(one_key_runs_one_at_a_time_in_order)
{
	add(0, 0, "a");
	add(1, 0, "a");
	add(2, 0, "a");
	ck_assert_int_eq(next(), 0);
	ck_assert_int_eq(next(), -1);
	scheduler_finish(scheduler, &entries[0]);
	ck_assert_int_eq(next(), 1);
	ck_assert_int_eq(next(), -1);
	scheduler_finish(scheduler, &entries[1]);
	ck_assert_int_eq(next(), 2);
	ck_assert_uint_eq(scheduler_queued(scheduler), 0);
}
END_TEST

START_TEST(different_keys_and_partitions_run_side_by_side)
{
	add(0, 0, "a");
	add(1, 0, "b");
	add(2, 1, "a");
	ck_assert_int_eq(next(), 0);
	ck_assert_int_eq(next(), 1);
	ck_assert_int_eq(next(), 2);
	ck_assert_int_eq(next(), -1);
}
END_TEST

START_TEST(a_key_with_a_long_queue_takes_turns_with_others)
{
	for (int i = 0; i < 10; i++)
		add(i, 0, "a");
	add(10, 0, "b");
	ck_assert_int_eq(next(), 0);
	scheduler_finish(scheduler, &entries[0]);
	ck_assert_int_eq(next(), 10);
	ck_assert_int_eq(next(), 1);
}
END_TEST

START_TEST(a_waiting_retry_frees_its_key_and_comes_first_when_due)
{
	add(0, 0, "a");
	add(1, 0, "a");
	add(2, 0, "a");
	ck_assert_int_eq(next(), 0);
	retry(0, 0, "a", 1000);
	ck_assert_uint_eq(scheduler_waiting(scheduler), 1);
	ck_assert_int_eq(next(), 1);
	ck_assert_int_eq(tick(999), 1000);
	ck_assert_int_eq(tick(1000), INT64_MAX);
	ck_assert_int_eq(next(), -1);	/* attempts of one key do not overlap */
	scheduler_finish(scheduler, &entries[1]);
	ck_assert_int_eq(next(), 0);
	scheduler_finish(scheduler, &entries[0]);
	ck_assert_int_eq(next(), 2);
}
END_TEST

START_TEST(retries_come_due_in_order_of_time_whatever_the_order_of_failure)
{
	static const int64_t due[] = {300, 100, 200, 100};
	for (int i = 0; i < 4; i++) {
		add(i, i, "k");
		ck_assert_int_eq(next(), i);
		retry(i, i, "k", due[i]);
	}
	ck_assert_int_eq(tick(0), 100);
	ck_assert_int_eq(tick(250), 300);
	ck_assert_int_eq(next(), 1);
	ck_assert_int_eq(next(), 3);
	ck_assert_int_eq(next(), 2);
	ck_assert_int_eq(next(), -1);
}
END_TEST

START_TEST(what_could_not_be_started_is_the_first_of_its_key_again)
{
	add(0, 0, "a");
	add(1, 0, "a");
	ck_assert_int_eq(next(), 0);
	scheduler_put_back(scheduler, &entries[0]);
	ck_assert_uint_eq(scheduler_queued(scheduler), 2);
	ck_assert_int_eq(next(), 0);
}
END_TEST

START_TEST(dropping_takes_all_but_what_runs)
{
	int dropped = 0;
	add(0, 0, "a");
	add(1, 0, "a");
	add(2, 0, "b");
	add(3, 0, "c");
	ck_assert_int_eq(next(), 0);
	ck_assert_int_eq(next(), 2);
	retry(2, 0, "b", 50);
	while (scheduler_drop(scheduler))
		dropped++;
	ck_assert_int_eq(dropped, 3);
	ck_assert_int_eq(next(), -1);
	ck_assert_uint_eq(scheduler_queued(scheduler) + scheduler_waiting(scheduler), 0);
	scheduler_finish(scheduler, &entries[0]);
	add(4, 0, "a");
	ck_assert_int_eq(next(), 4);
}
END_TEST

START_TEST(keys_with_bytes_in_common_are_different)
{
	ck_assert_int_eq(scheduler_add(scheduler, &entries[0], 0, "a\0b", 3, &plain), 0);
	ck_assert_int_eq(scheduler_add(scheduler, &entries[1], 0, "a\0c", 3, &plain), 0);
	add(2, 0, "a");
	add(3, 0, "");
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(next(), i);
}
END_TEST

START_TEST(what_is_suspended_holds_its_key_and_goes_on_first)
{
	add(0, 0, "a");
	add(1, 0, "a");
	add(2, 0, "b");
	ck_assert_int_eq(next(), 0);
	scheduler_suspend(scheduler, &entries[0], 100);
	ck_assert_int_eq(next(), 2);
	ck_assert_int_eq(next(), -1);
	ck_assert_int_eq(tick(99), 100);
	ck_assert_int_eq(next(), -1);
	scheduler_tick(scheduler, 100);
	ck_assert_int_eq(next(), 0);
	ck_assert_int_eq(next(), -1);
	scheduler_suspend(scheduler, &entries[0], 200);
	scheduler_finish(scheduler, &entries[2]);
	ck_assert_ptr_eq(scheduler_drop(scheduler), &entries[0]);
	ck_assert_ptr_eq(scheduler_drop(scheduler), &entries[1]);
	ck_assert_ptr_null(scheduler_drop(scheduler));
}
END_TEST

/* Those in a set of bits by index. */
static bool is_in(const struct scheduler_entry *entry, void *context)
{
	const unsigned *set = context;
	return *set >> (entry - entries) & 1;
}

/* Takes a set out and returns it as it was found. */
static unsigned extract(unsigned set)
{
	unsigned found = 0;
	struct scheduler_entry *entry = scheduler_extract(scheduler, is_in, &set);
	for (; entry; entry = entry->next)
		found |= 1u << (entry - entries);
	return found;
}

START_TEST(what_is_taken_out_of_a_queue_leaves_the_others_in_order)
{
	for (int i = 0; i < 5; i++)
		add(i, 0, "a");
	ck_assert_int_eq(next(), 0);
	ck_assert_uint_eq(extract(1 << 0 | 1 << 2 | 1 << 4), 1 << 2 | 1 << 4);
	ck_assert_uint_eq(scheduler_queued(scheduler), 2);
	add(5, 0, "a");
	scheduler_finish(scheduler, &entries[0]);
	ck_assert_int_eq(next(), 1);
	scheduler_finish(scheduler, &entries[1]);
	ck_assert_int_eq(next(), 3);
	scheduler_finish(scheduler, &entries[3]);
	ck_assert_int_eq(next(), 5);
}
END_TEST

START_TEST(a_key_of_which_all_is_taken_out_is_not_run_and_can_come_again)
{
	add(0, 0, "a");
	add(1, 0, "b");
	add(2, 0, "c");
	ck_assert_uint_eq(extract(1 << 0 | 1 << 2), 1 << 0 | 1 << 2);
	add(3, 0, "c");
	ck_assert_int_eq(next(), 1);
	ck_assert_int_eq(next(), 3);
	ck_assert_int_eq(next(), -1);
	ck_assert_uint_eq(extract(~0u), 0);
	scheduler_finish(scheduler, &entries[1]);
	scheduler_finish(scheduler, &entries[3]);
	add(4, 0, "a");
	ck_assert_int_eq(next(), 4);
}
END_TEST

START_TEST(waiting_retries_are_taken_out)
{
	for (int i = 0; i < 3; i += 2) {
		add(i, 0, i == 0 ? "a" : "b");
		ck_assert_int_eq(next(), i);
		retry(i, 0, i == 0 ? "a" : "b", 100 + i);
	}
	add(1, 0, "a");
	ck_assert_uint_eq(extract(1 << 0), 1 << 0);
	ck_assert_uint_eq(scheduler_waiting(scheduler), 1);
	ck_assert_int_eq(next(), 1);
	ck_assert_int_eq(tick(0), 102);
	scheduler_tick(scheduler, 102);
	ck_assert_int_eq(next(), 2);
	ck_assert_int_eq(next(), -1);
}
END_TEST

START_TEST(what_is_suspended_frees_its_key_when_it_is_taken_out)
{
	add(0, 0, "a");
	add(1, 0, "a");
	ck_assert_int_eq(next(), 0);
	scheduler_suspend(scheduler, &entries[0], 100);
	ck_assert_int_eq(next(), -1);
	ck_assert_uint_eq(extract(1 << 0), 1 << 0);
	ck_assert_int_eq(next(), 1);
	scheduler_finish(scheduler, &entries[1]);
	ck_assert_uint_eq(scheduler_waiting(scheduler), 0);
}
END_TEST

static void add_from(int index, int source, const char *key)
{
	const struct scheduler_terms terms = {.flow = {.source = source, .tenant = "", .weight = 1,
		.source_weight = source ? 8 : 1}, .deadline_ms = INT64_MAX};
	ck_assert_int_eq(scheduler_add(scheduler, &entries[index], 0, key, strlen(key), &terms), 0);
}

static void ran(int index)
{
	scheduler_measured(&entries[index], 10000, 0);
	scheduler_finish(scheduler, &entries[index]);
}

START_TEST(a_key_has_an_order_in_each_source_and_never_runs_in_two)
{
	for (int i = 0; i < 4; i++)
		add_from(i, 0, "a");
	ck_assert_int_eq(next(), 0);
	add_from(4, 2, "a");
	add_from(5, 2, "a");
	ck_assert_uint_eq(scheduler_queued(scheduler), 5);
	ck_assert_uint_eq(scheduler_queued_of(scheduler, 0), 3);
	ck_assert_uint_eq(scheduler_queued_of(scheduler, 2), 2);
	ck_assert_int_eq(next(), -1);
	ran(0);
	/* The other source comes between, in its order, and nothing beside it. */
	ck_assert_int_eq(next(), 4);
	ck_assert_int_eq(next(), -1);
	ran(4);
	ck_assert_int_eq(next(), 5);
	ck_assert_int_eq(next(), -1);
	scheduler_put_back(scheduler, &entries[5]);
	ck_assert_uint_eq(scheduler_queued_of(scheduler, 2), 1);
	ck_assert_int_eq(next(), 5);
	ran(5);
	ck_assert_int_eq(next(), 1);
	add_from(6, 2, "a");
	scheduler_suspend(scheduler, &entries[1], 100);
	ck_assert_int_eq(next(), -1);
	tick(100);
	ck_assert_int_eq(next(), 1);
	ran(1);
	ck_assert_int_eq(next(), 6);
	ran(6);
	for (int i = 2; i < 4; i++) {
		ck_assert_int_eq(next(), i);
		ck_assert_int_eq(next(), -1);
		ran(i);
	}
	ck_assert_int_eq(next(), -1);
	ck_assert_uint_eq(scheduler_queued(scheduler), 0);
}
END_TEST

START_TEST(sources_take_turns_by_their_weights)
{
	char key[16];
	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof key, "k%d", i);
		add_from(i, i < 30 ? 0 : 2, key);
	}
	int slow = 0;
	for (int i = 0; i < 27; i++) {
		int index = next();
		slow += index < 30;
		ran(index);
	}
	ck_assert_int_eq(slow, 3);
	int left = 0;
	while (scheduler_drop(scheduler))
		left++;
	ck_assert_int_eq(left, 33);
}
END_TEST

static void add_until(int index, const char *key, const char *tenant, int64_t deadline_ms)
{
	const struct scheduler_terms terms = {.flow = {.tenant = tenant, .weight = 1},
		.deadline_ms = deadline_ms};
	ck_assert_int_eq(scheduler_add(scheduler, &entries[index], 0, key, strlen(key), &terms), 0);
}

/* A retry. */
static void wait_until(int index, const char *key, int64_t deadline_ms, int64_t due_ms)
{
	const struct scheduler_terms terms = {.flow = {.tenant = "", .weight = 1},
		.deadline_ms = deadline_ms};
	ck_assert_int_eq(scheduler_add_waiting(scheduler, &entries[index], 0, key, strlen(key), &terms,
		due_ms), 0);
}

static int expired(int64_t now_ms)
{
	struct scheduler_entry *entry = scheduler_expire(scheduler, now_ms);
	return entry ? (int)(entry - entries) : -1;
}

START_TEST(what_waits_leaves_at_its_deadline_wherever_it_waits)
{
	add_until(0, "a", "", 300);
	add_until(1, "a", "", 200);
	add_until(2, "a", "", INT64_MAX);
	add_until(3, "b", "", 100);
	ck_assert_int_eq(next(), 0);
	ck_assert_int_eq(next(), 3);
	scheduler_finish(scheduler, &entries[3]);
	wait_until(3, "b", 100, 10000);
	ck_assert_int_eq(scheduler_due_ms(scheduler), 100);
	ck_assert_int_eq(expired(99), -1);
	ck_assert_int_eq(expired(100), 3);	/* waits for its retry */
	ck_assert_int_eq(tick(100), 200);
	ck_assert_int_eq(expired(1000), 1);	/* is behind its key */
	ck_assert_int_eq(expired(1000), -1);	/* runs, or has none */
	ck_assert_int_eq(tick(1000), INT64_MAX);
	scheduler_put_back(scheduler, &entries[0]);
	ck_assert_int_eq(expired(1000), 0);	/* was ready */
	ck_assert_int_eq(next(), 2);
	scheduler_finish(scheduler, &entries[2]);
	ck_assert_uint_eq(scheduler_queued(scheduler) + scheduler_waiting(scheduler), 0);
}
END_TEST

START_TEST(what_is_suspended_gives_its_key_free_when_it_expires)
{
	add_until(0, "a", "", 50);
	add(1, 0, "a");
	ck_assert_int_eq(next(), 0);
	scheduler_suspend(scheduler, &entries[0], 1000);
	ck_assert_int_eq(next(), -1);
	ck_assert_int_eq(expired(50), 0);
	ck_assert_int_eq(next(), 1);
}
END_TEST

START_TEST(a_key_takes_the_turn_of_whose_request_is_its_first)
{
	add_until(0, "shared", "a", 10);
	add_until(1, "shared", "b", INT64_MAX);
	add_until(2, "k1", "a", INT64_MAX);
	add_until(3, "k2", "a", INT64_MAX);
	ck_assert_int_eq(expired(10), 0);
	ck_assert_int_eq(next(), 2);		/* a was first */
	ck_assert_int_eq(next(), 1);		/* then b, which has had nothing */
	ck_assert_int_eq(next(), 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scheduler");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, one_key_runs_one_at_a_time_in_order);
	tcase_add_test(cases, a_key_has_an_order_in_each_source_and_never_runs_in_two);
	tcase_add_test(cases, sources_take_turns_by_their_weights);
	tcase_add_test(cases, different_keys_and_partitions_run_side_by_side);
	tcase_add_test(cases, a_key_with_a_long_queue_takes_turns_with_others);
	tcase_add_test(cases, a_waiting_retry_frees_its_key_and_comes_first_when_due);
	tcase_add_test(cases, retries_come_due_in_order_of_time_whatever_the_order_of_failure);
	tcase_add_test(cases, what_could_not_be_started_is_the_first_of_its_key_again);
	tcase_add_test(cases, what_is_suspended_holds_its_key_and_goes_on_first);
	tcase_add_test(cases, dropping_takes_all_but_what_runs);
	tcase_add_test(cases, keys_with_bytes_in_common_are_different);
	tcase_add_test(cases, what_is_taken_out_of_a_queue_leaves_the_others_in_order);
	tcase_add_test(cases, a_key_of_which_all_is_taken_out_is_not_run_and_can_come_again);
	tcase_add_test(cases, waiting_retries_are_taken_out);
	tcase_add_test(cases, what_is_suspended_frees_its_key_when_it_is_taken_out);
	tcase_add_test(cases, what_waits_leaves_at_its_deadline_wherever_it_waits);
	tcase_add_test(cases, what_is_suspended_gives_its_key_free_when_it_expires);
	tcase_add_test(cases, a_key_takes_the_turn_of_whose_request_is_its_first);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
