/* test_request_options.c: the options of exec and submit become a request. */
#include "../../worker/commands/request_options.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../worker/time_text.h"

static char rb[] = "ruby", rb_extension[] = ".rb", sh[] = "shell", sh_extension[] = ".sh";
static struct config_runtime runtimes[] = {{sh, {NULL, 0}, sh_extension}, {rb, {NULL, 0}, rb_extension}};
static const struct config config = {.runtimes = runtimes, .runtime_count = 2};

static struct request_options *options;
static struct request *request;
static struct err err;

static void set_up(void)
{
	options = request_options_new();
	ck_assert_ptr_nonnull(options);
}

static void tear_down(void)
{
	request_options_free(options);
}

static void take(int option, const char *argument)
{
	ck_assert_msg(request_options_take(options, option, argument, &err) == 0, "%s", err.text);
}

static void finish(const char *file)
{
	ck_assert_msg(request_options_finish(options, &config, file, &request, &err) == 0, "%s",
		err.text);
}

static void refuse(int option, const char *argument, const char *named)
{
	ck_assert_int_eq(request_options_take(options, option, argument, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_msg(strstr(err.text, named) != NULL, "%s", err.text);
}

static void finish_fails(const char *file, const char *named)
{
	ck_assert_int_eq(request_options_finish(options, &config, file, &request, &err), -1);
	ck_assert_msg(strstr(err.text, named) != NULL, "%s", err.text);
}

/* A file with this content, named PREFIX + random + suffix; the caller frees the name. */
static char *file_with(const char *text, size_t size, const char *suffix)
{
	char *name;
	ck_assert_int_gt(asprintf(&name, "/tmp/test-request-XXXXXX%s", suffix), 0);
	int fd = mkstemps(name, (int)strlen(suffix));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
	return name;
}

START_TEST(what_is_not_given_has_the_contracts_default)
{
	take(REQUEST_OPTION_TYPE, "shell");
	take(REQUEST_OPTION_CODE, "echo");
	finish(NULL);
	ck_assert_int_eq(request->risk, RISK_HIGH);
	ck_assert_int_eq(request->timeout_ms, 0);
	ck_assert_int_eq(request->retries, 0);
	ck_assert_int_eq(request->retry_delay_ms, 1000);
	ck_assert_int_eq(request->limits.memory_bytes, -1);
	ck_assert(request->deadline_ms == REQUEST_TIME_NONE);
	ck_assert(request->is_inline);
	ck_assert_ptr_null(request->input);
	ck_assert(!request_options_json(options));
}
END_TEST

START_TEST(every_option_reaches_its_field)
{
	take(REQUEST_OPTION_TYPE, "python");
	take(REQUEST_OPTION_RISK, "low");
	take(REQUEST_OPTION_TIMEOUT, "5s");
	take(REQUEST_OPTION_CPU, "250ms");
	take(REQUEST_OPTION_MEMORY, "128M");
	take(REQUEST_OPTION_DISK, "16M");
	take(REQUEST_OPTION_PROCESSES, "9");
	take(REQUEST_OPTION_OUTPUT_LIMIT, "1K");
	take(REQUEST_OPTION_INPUT, "[1,2]");
	take(REQUEST_OPTION_CONTEXT, "\"c\"");
	take(REQUEST_OPTION_ENV, "A=1");
	take(REQUEST_OPTION_ENV, "B=x=y");
	take(REQUEST_OPTION_CODE, "pass");
	take(REQUEST_OPTION_RETRIES, "3");
	take(REQUEST_OPTION_RETRY_DELAY, "2s");
	take(REQUEST_OPTION_DIRECTORY, "sub");
	take(REQUEST_OPTION_METADATA, "who=me");
	take(REQUEST_OPTION_WORKFLOW, "w");
	take(REQUEST_OPTION_TENANT, "t");
	take(REQUEST_OPTION_JSON, NULL);
	finish(NULL);
	ck_assert_str_eq(request->script_type, "python");
	ck_assert_int_eq(request->risk, RISK_LOW);
	ck_assert_int_eq(request->timeout_ms, 5000);
	ck_assert_int_eq(request->limits.cpu_ms, 250);
	ck_assert_int_eq(request->limits.memory_bytes, 128 << 20);
	ck_assert_int_eq(request->limits.disk_bytes, 16 << 20);
	ck_assert_int_eq(request->limits.processes, 9);
	ck_assert_int_eq(request->limits.output_bytes, 1024);
	ck_assert_str_eq(request->input, "[1,2]");
	ck_assert_str_eq(request->context, "\"c\"");
	ck_assert_uint_eq(request->environment.count, 2);
	ck_assert_str_eq(request->environment.pairs[0].name, "A");
	ck_assert_str_eq(request->environment.pairs[1].value, "x=y");
	ck_assert_str_eq(request->code, "pass");
	ck_assert_uint_eq(request->code_size, 4);
	ck_assert_int_eq(request->retries, 3);
	ck_assert_int_eq(request->retry_delay_ms, 2000);
	ck_assert_str_eq(request->working_directory, "sub");
	ck_assert_str_eq(request->metadata.pairs[0].value, "me");
	ck_assert_str_eq(request->workflow_id, "w");
	ck_assert_str_eq(request->tenant, "t");
	ck_assert(request_options_json(options));
}
END_TEST

START_TEST(a_wrong_value_names_its_option)
{
	refuse(REQUEST_OPTION_RISK, "huge", "--risk");
	refuse(REQUEST_OPTION_TIMEOUT, "soon", "--timeout");
	refuse(REQUEST_OPTION_MEMORY, "much", "--memory");
	refuse(REQUEST_OPTION_PROCESSES, "-1", "--processes");
	refuse(REQUEST_OPTION_PROCESSES, "2x", "--processes");
	refuse(REQUEST_OPTION_ENV, "NAME", "--env");
	refuse(REQUEST_OPTION_ENV, "=x", "--env");
	refuse(REQUEST_OPTION_DEADLINE, "later", "--deadline");
}
END_TEST

START_TEST(too_many_variables_are_refused_and_not_written_beyond_the_end)
{
	for (int i = 0; i < 256; i++)
		take(REQUEST_OPTION_ENV, "A=1");
	refuse(REQUEST_OPTION_ENV, "A=1", "--env");
}
END_TEST

START_TEST(a_deadline_is_ahead_or_a_point_in_time)
{
	int64_t before_ms = time_now_ms();
	take(REQUEST_OPTION_TYPE, "shell");
	take(REQUEST_OPTION_CODE, ":");
	take(REQUEST_OPTION_DEADLINE, "+10s");
	finish(NULL);
	ck_assert_int_ge(request->deadline_ms, before_ms + 10000);
	ck_assert_int_le(request->deadline_ms, time_now_ms() + 10000);
}
END_TEST

START_TEST(a_file_gives_code_and_type)
{
	char *name = file_with("puts 1\n", 7, ".rb");
	finish(name);
	ck_assert_str_eq(request->script_type, "ruby");
	ck_assert_str_eq(request->code, "puts 1\n");
	ck_assert_uint_eq(request->code_size, 7);
	unlink(name);
	free(name);
}
END_TEST

START_TEST(a_file_longer_than_a_buffer_is_read_whole)
{
	size_t size = 300001;
	char *text = malloc(size);
	ck_assert_ptr_nonnull(text);
	memset(text, '#', size);
	char *name = file_with(text, size, ".sh");
	finish(name);
	ck_assert_uint_eq(request->code_size, size);
	ck_assert_int_eq(memcmp(request->code, text, size), 0);
	unlink(name);
	free(name);
	free(text);
}
END_TEST

START_TEST(input_may_come_from_a_file)
{
	char *name = file_with("{\"a\":1}", 7, ".json"), *at;
	ck_assert_int_gt(asprintf(&at, "@%s", name), 0);
	take(REQUEST_OPTION_TYPE, "shell");
	take(REQUEST_OPTION_CODE, ":");
	take(REQUEST_OPTION_INPUT, at);
	finish(NULL);
	ck_assert_str_eq(request->input, "{\"a\":1}");
	unlink(name);
	free(name);
	free(at);
}
END_TEST

START_TEST(input_that_is_not_json_is_refused)
{
	take(REQUEST_OPTION_TYPE, "shell");
	take(REQUEST_OPTION_CODE, ":");
	take(REQUEST_OPTION_INPUT, "hello");
	finish_fails(NULL, "--input");
	take(REQUEST_OPTION_INPUT, "\"\xff\"");
	finish_fails(NULL, "UTF-8");
	take(REQUEST_OPTION_INPUT, "[1,]");
	finish_fails(NULL, "byte 3");
}
END_TEST

START_TEST(input_is_taken_as_it_is_in_a_request)
{
	static const char *const texts[] = {"123456789012345678901234567890", "\"\\u0000\"",
		"1e999", "{\"a\":1,\"a\":2}", " [1] "};
	take(REQUEST_OPTION_TYPE, "shell");
	take(REQUEST_OPTION_CODE, ":");
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		take(REQUEST_OPTION_INPUT, texts[i]);
		take(REQUEST_OPTION_CONTEXT, texts[i]);
		finish(NULL);
		ck_assert_str_eq(request->input, texts[i]);
		ck_assert_str_eq(request->context, texts[i]);
	}
}
END_TEST

START_TEST(code_is_given_once)
{
	finish_fails(NULL, "no code");
	take(REQUEST_OPTION_CODE, ":");
	finish_fails("x.sh", "one of");
}
END_TEST

START_TEST(a_type_that_nothing_tells_is_asked_for)
{
	take(REQUEST_OPTION_CODE, ":");
	finish_fails(NULL, "--type");
}
END_TEST

START_TEST(a_named_script_is_not_inline)
{
	take(REQUEST_OPTION_SCRIPT, "job.sh");
	finish(NULL);
	ck_assert(!request->is_inline);
	ck_assert_str_eq(request->script_name, "job.sh");
	ck_assert_str_eq(request->script_type, "shell");
	ck_assert_ptr_null(request->code);
}
END_TEST

START_TEST(a_file_that_is_no_text_is_refused)
{
	char *name = file_with("a\0b", 3, ".sh");
	finish_fails(name, "NUL");
	unlink(name);
	finish_fails(name, name);
	ck_assert_int_eq(err.code, ERR_INVALID);
	free(name);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("request_options");
	TCase *tests = tcase_create("request_options");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_not_given_has_the_contracts_default);
	tcase_add_test(tests, every_option_reaches_its_field);
	tcase_add_test(tests, a_wrong_value_names_its_option);
	tcase_add_test(tests, too_many_variables_are_refused_and_not_written_beyond_the_end);
	tcase_add_test(tests, a_deadline_is_ahead_or_a_point_in_time);
	tcase_add_test(tests, a_file_gives_code_and_type);
	tcase_add_test(tests, a_file_longer_than_a_buffer_is_read_whole);
	tcase_add_test(tests, input_may_come_from_a_file);
	tcase_add_test(tests, input_that_is_not_json_is_refused);
	tcase_add_test(tests, input_is_taken_as_it_is_in_a_request);
	tcase_add_test(tests, code_is_given_once);
	tcase_add_test(tests, a_type_that_nothing_tells_is_asked_for);
	tcase_add_test(tests, a_named_script_is_not_inline);
	tcase_add_test(tests, a_file_that_is_no_text_is_refused);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
