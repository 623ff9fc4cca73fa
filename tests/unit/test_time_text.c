/* test_time_text.c: points in time as people write them. */
#include "../../worker/time_text.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

static int64_t parsed(const char *text)
{
	int64_t time_ms = -1;
	ck_assert_msg(time_parse(text, 1000000, &time_ms) == 0, "%s is refused", text);
	return time_ms;
}

START_TEST(milliseconds_are_taken_as_they_are)
{
	ck_assert_int_eq(parsed("1700000000123"), 1700000000123);
	ck_assert_int_eq(parsed("0"), 0);
}
END_TEST

START_TEST(dates_are_utc_with_z_and_local_without)
{
	setenv("TZ", "UTC-2", 1);
	tzset();
	ck_assert_int_eq(parsed("2023-11-14T22:13:20.5Z"), 1700000000500);
	ck_assert_int_eq(parsed("2023-11-14 22:13:20Z"), 1700000000000);
	ck_assert_int_eq(parsed("2023-11-15T00:13:20"), 1700000000000);
	ck_assert_int_eq(parsed("2023-11-15T00:13"), 1699999980000);
	ck_assert_int_eq(parsed("2023-11-15"), 1699999200000);
}
END_TEST

START_TEST(a_duration_is_that_long_ago)
{
	ck_assert_int_eq(parsed("10s"), 990000);
	ck_assert_int_eq(parsed("500ms"), 999500);
}
END_TEST

START_TEST(anything_else_is_refused)
{
	static const char *const wrong[] = {"", "yesterday", "2023-13-01", "2023-11-14T", "10 s x",
		"2023-11-14T22:13:20ZZ", "-5s", "99999999999999999999", "12:00"};
	int64_t time_ms = 7;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		ck_assert_msg(time_parse(wrong[i], 0, &time_ms) == -1, "%s is taken", wrong[i]);
		ck_assert_int_eq(time_ms, 7);
	}
}
END_TEST

START_TEST(a_time_is_shown_with_its_milliseconds)
{
	char text[40];
	setenv("TZ", "UTC", 1);
	tzset();
	time_format(1700000000007, text, sizeof text);
	ck_assert_str_eq(text, "2023-11-14 22:13:20.007");
	time_format(-1, text, sizeof text);
	ck_assert_str_eq(text, "-");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("time_text");
	TCase *tests = tcase_create("time_text");
	tcase_add_test(tests, milliseconds_are_taken_as_they_are);
	tcase_add_test(tests, dates_are_utc_with_z_and_local_without);
	tcase_add_test(tests, a_duration_is_that_long_ago);
	tcase_add_test(tests, anything_else_is_refused);
	tcase_add_test(tests, a_time_is_shown_with_its_milliseconds);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
