/* test_broker_kafka_touch.c: when the group's coordinator was last heard of. */
#include "../../worker/broker/broker_kafka_internal.h"

#include <check.h>
#include <stdio.h>
#include <time.h>

static struct touch touch;

static void set_up(void)
{
	touch = (struct touch){0};
	ck_assert_int_eq(touch_silence_ms(&touch), -1);
	touch.woken_us = 0;		/* else nothing before this moment counts */
}

static void statistics(const char *state, int64_t made_ms_ago, int64_t idle_ms)
{
	char text[300];
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int size = snprintf(text, sizeof text, "{\"ts\":%lld,\"brokers\":{\"GroupCoordinator\":"
		"{\"state\":\"%s\",\"rxidle\":%lld}}}",
		(long long)(now.tv_sec * 1000000ll + now.tv_nsec / 1000 - made_ms_ago * 1000), state,
		(long long)idle_ms * 1000);
	touch_statistics(&touch, text, (size_t)size);
}

static void silent_for(int64_t least_ms)
{
	int64_t silence_ms = touch_silence_ms(&touch);
	ck_assert_int_ge(silence_ms, least_ms);
	ck_assert_int_lt(silence_ms, least_ms + 500);
}

START_TEST(nothing_is_known_before_it_is_up)
{
	ck_assert_int_eq(touch_silence_ms(&touch), -1);
	statistics("INIT", 0, -1);
	statistics("UP", 0, -1);
	touch_statistics(&touch, "{}", 2);
	touch_statistics(&touch, "not JSON", 8);
	ck_assert_int_eq(touch_silence_ms(&touch), -1);
}
END_TEST

START_TEST(the_last_answer_counts)
{
	statistics("UP", 0, 700);
	silent_for(700);
	statistics("UP", 0, 0);
	silent_for(0);
	statistics("DOWN", 0, 3000);
	silent_for(0);
}
END_TEST

START_TEST(statistics_that_waited_are_as_old_as_they_are)
{
	statistics("UP", 8000, 400);
	silent_for(8400);
}
END_TEST

START_TEST(what_was_heard_before_the_machine_slept_is_older_by_the_sleep)
{
	statistics("UP", 0, 0);
	touch.asleep_us -= 60000000;	/* as if the clocks had parted since */
	touch.heard_us -= 60000000;
	statistics("UP", 10, 10);
	silent_for(60000);
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	statistics("UP", 0, 0);
	silent_for(0);
}
END_TEST

START_TEST(an_assignment_is_an_answer_unless_the_loop_stood_still)
{
	statistics("UP", 0, 3000);
	silent_for(3000);
	touch_assigned(&touch);
	silent_for(0);
	statistics("UP", 900, 3000);	/* made before it */
	silent_for(0);
	touch.heard_us -= 8000000;
	touch.looked_us -= 8000000;	/* it lay in the queue while the process was stopped */
	touch_assigned(&touch);
	silent_for(8000);
}
END_TEST

static void wait_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

START_TEST(what_lay_in_the_socket_while_the_process_stood_still_is_no_answer)
{
	statistics("UP", 0, 0);
	silent_for(0);
	touch.heard_us -= 8000000;
	touch.looked_us -= 8000000;
	statistics("UP", 0, 0);			/* librdkafka has just read it */
	touch_assigned(&touch);
	silent_for(8000);
	wait_ms(50);
	statistics("UP", 0, 0);
	silent_for(8050);
	wait_ms(600);
	statistics("UP", 0, 600);		/* nothing came since */
	silent_for(8650);
	statistics("UP", 0, 0);
	silent_for(0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("touch");
	TCase *tests = tcase_create("touch");
	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, nothing_is_known_before_it_is_up);
	tcase_add_test(tests, the_last_answer_counts);
	tcase_add_test(tests, statistics_that_waited_are_as_old_as_they_are);
	tcase_add_test(tests, what_was_heard_before_the_machine_slept_is_older_by_the_sleep);
	tcase_add_test(tests, an_assignment_is_an_answer_unless_the_loop_stood_still);
	tcase_add_test(tests, what_lay_in_the_socket_while_the_process_stood_still_is_no_answer);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
