/* test_record_view.c: what people see of results and error events. */
#include "../../worker/commands/record_view.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct codec *codec;
static struct record_view view;
static struct err err;

static void set_up(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	ck_assert_msg(codec_new(NULL, &codec, &err) == 0, "%s", err.text);
}

static void tear_down(void)
{
	codec_free(codec);
}

static void open_view(const char *json)
{
	int opened = record_view_open(codec, json, strlen(json), &view, &err);
	ck_assert_msg(opened == 0, "%s", err.text);
}

START_TEST(a_success_shows_its_value)
{
	open_view("{\"executionId\":\"e\",\"threadId\":\"t\",\"nodeId\":\"n\",\"status\":\"COMPLETED\","
		"\"success\":true,\"output\":{\"a\":[1, 2]},\"stdout\":\"noise\",\"attempt\":2,"
		"\"executionTime\":31,\"timestamp\":5,\"error\":null}");
	ck_assert(!view.is_error && view.success);
	ck_assert_str_eq(view.detail, "{\"a\":[1,2]}");
	ck_assert_str_eq(view.execution_id, "e");
	ck_assert_int_eq(view.attempt, 2);
	ck_assert_int_eq(view.execution_time_ms, 31);
	ck_assert_int_eq(record_view_colour(&view), TABLE_GREEN);
	record_view_close(&view);
}
END_TEST

START_TEST(a_value_is_shown_whatever_size_its_numbers_have)
{
	open_view("{\"status\":\"COMPLETED\",\"success\":true,\"output\":[123456789012345678901234567890, 1e999],"
		"\"tenant\":\"red\",\"source\":{\"topic\":\"code.requests\",\"partition\":3,\"offset\":42}}");
	ck_assert_str_eq(view.output, "[123456789012345678901234567890,1e999]");
	ck_assert_str_eq(view.detail, view.output);
	ck_assert_str_eq(view.tenant, "red");
	ck_assert_str_eq(view.source.topic, "code.requests");
	ck_assert(view.source.partition == 3 && view.source.offset == 42);
	record_view_close(&view);
}
END_TEST

START_TEST(a_success_without_value_shows_what_it_printed)
{
	open_view("{\"status\":\"COMPLETED\",\"success\":true,\"output\":null,\"stdout\":\"two\\nlines\\n\"}");
	ck_assert_str_eq(view.detail, "two\nlines");
	ck_assert_ptr_null(view.execution_id);
	record_view_close(&view);
}
END_TEST

START_TEST(a_failure_shows_code_and_message)
{
	open_view("{\"status\":\"FAILED\",\"success\":false,"
		"\"error\":{\"code\":\"timeout\",\"message\":\"too slow\"}}");
	ck_assert_str_eq(view.detail, "timeout: too slow");
	ck_assert_str_eq(record_view_status(&view), "FAILED");
	ck_assert_int_eq(record_view_colour(&view), TABLE_RED);
	record_view_close(&view);
}
END_TEST

START_TEST(an_event_says_when_the_next_attempt_is)
{
	open_view("{\"attempt\":1,\"maxAttempts\":3,\"final\":false,\"nextAttemptAt\":1700000000007,"
		"\"error\":{\"code\":\"execution.exit\",\"message\":\"m\"}}");
	ck_assert(view.is_error);
	ck_assert_str_eq(view.detail, "execution.exit: m; attempt 1 of 3, next 22:13:20.007");
	ck_assert_str_eq(record_view_status(&view), "error");
	ck_assert_int_eq(record_view_colour(&view), TABLE_YELLOW);
	record_view_close(&view);
}
END_TEST

START_TEST(a_final_event_says_no_more_than_its_error)
{
	open_view("{\"attempt\":1,\"maxAttempts\":1,\"final\":true,\"nextAttemptAt\":null,"
		"\"error\":{\"code\":\"execution.exit\",\"message\":\"m\"}}");
	ck_assert_str_eq(view.detail, "execution.exit: m");
	ck_assert_int_eq(record_view_colour(&view), TABLE_RED);
	record_view_close(&view);
}
END_TEST

START_TEST(fields_of_wrong_types_are_taken_for_missing)
{
	open_view("{\"status\":7,\"threadId\":[],\"error\":\"x\",\"attempt\":\"1\",\"timestamp\":{}}");
	ck_assert(view.is_error);
	ck_assert_ptr_null(view.thread_id);
	ck_assert_str_eq(view.detail, "?: ; attempt 0 of 0, next soon");
	ck_assert_int_eq(view.timestamp_ms, -1);
	record_view_close(&view);
}
END_TEST

START_TEST(what_is_no_record_is_refused)
{
	static const char *const values[] = {"", "text", "[1]", "{\"a\":", "\xc3\x01 short"};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		ck_assert_int_eq(record_view_open(codec, values[i], strlen(values[i]), &view, &err), -1);
		ck_assert(err.text[0] != '\0');
	}
	ck_assert_int_eq(record_view_open(codec, NULL, 0, &view, &err), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record_view");
	TCase *tests = tcase_create("record_view");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_success_shows_its_value);
	tcase_add_test(tests, a_value_is_shown_whatever_size_its_numbers_have);
	tcase_add_test(tests, a_success_without_value_shows_what_it_printed);
	tcase_add_test(tests, a_failure_shows_code_and_message);
	tcase_add_test(tests, an_event_says_when_the_next_attempt_is);
	tcase_add_test(tests, a_final_event_says_no_more_than_its_error);
	tcase_add_test(tests, fields_of_wrong_types_are_taken_for_missing);
	tcase_add_test(tests, what_is_no_record_is_refused);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
