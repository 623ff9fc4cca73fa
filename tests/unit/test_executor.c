/* test_executor.c: requests on their way to a sandbox, and what comes back as records. No job is run. */
#include "../../worker/executor.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct config *config;
static struct executor *executor;
static struct arena *arena;
static struct request request;
static struct attempt attempt;
static struct err err;

static void open_with(const char *setting)
{
	const char *const settings[] = {"policy.isolation_floor=none", "worker.slots=1",
		"sandbox.pool=0", "sandbox.cgroup=false", setting};
	const struct config_overrides overrides = {.set = settings,
		.set_count = sizeof settings / sizeof *settings};
	ck_assert_msg(config_load(&overrides, &config, &err) == 0, "%s", err.text);
	ck_assert_msg(executor_new(config, "test", false, &executor, &err) == 0, "%s", err.text);
}

static void restart(const char *setting)
{
	executor_free(executor);
	config_free(config);
	config = NULL;
	open_with(setting);
}

static void set_up(void)
{
	unsetenv("CODEWORKER_CONFIG");
	open_with("http.listen=off");
	arena = arena_new(16u << 20);
	ck_assert_ptr_nonnull(arena);
	request = (struct request){.arena = arena, .execution_id = "e", .thread_id = "t",
		.node_id = "n", .script_type = "shell", .code = ":", .code_size = 1,
		.is_inline = true, .risk = RISK_HIGH, .source = {.topic = "code.requests"}};
	attempt = (struct attempt){.arena = arena, .request = &request, .number = 1};
}

static void tear_down(void)
{
	arena_free(arena);
	executor_free(executor);
	config_free(config);
}

static void refuses(const char *code, const char *field)
{
	struct error_record error;
	ck_assert_int_eq(executor_start(executor, &request, 1, 1, &error, &err), EXECUTOR_REFUSED);
	ck_assert_str_eq(error_code_name(error.code), code);
	ck_assert_str_eq(error.field, field);
}

START_TEST(what_is_out_of_bounds_is_malformed_in_its_field)
{
	request.working_directory = "../x";
	refuses("request.malformed", "workingDirectory");
	request.risk = RISK_LOW;
	refuses("code.security", "code.security");
	request.working_directory = "/etc";
	refuses("request.malformed", "workingDirectory");
	struct pair *pairs = arena_alloc(arena, 1001 * sizeof *pairs);
	for (size_t i = 0; i < 1001; i++)
		pairs[i] = (struct pair){"A", "b"};
	request.working_directory = NULL;
	request.environment = (struct map){pairs, 1001};
	refuses("request.malformed", "environment");
}
END_TEST

START_TEST(a_script_that_can_not_be_used_will_not_be_tried_again)
{
	char path[] = "/tmp/test-executor-XXXXXX";
	struct error_record error;
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "\xff", 1), 1);
	close(fd);
	restart("scripts.directory=/tmp");
	request.is_inline = false;
	request.code = NULL;
	request.script_name = path + 5;
	ck_assert_int_eq(executor_start(executor, &request, 1, 1, &error, &err), EXECUTOR_REFUSED);
	unlink(path);
	ck_assert_str_eq(error_code_name(error.code), "unexpected");
	struct error_event event;
	ck_assert_int_eq(executor_error_event(executor, arena, &request, 1, true, REQUEST_TIME_NONE,
		&error, NULL, &event, &err), 0);
	ck_assert(event.error.never_retried);
}
END_TEST

static const char *tail_of(char *text, size_t size)
{
	static const struct error_record error = {.code = ERROR_EXECUTION_EXIT, .message = "m"};
	struct error_event event;
	attempt.sandbox.err = (struct sandbox_buffer){.data = text, .size = size};
	ck_assert_int_eq(executor_error_event(executor, arena, &request, 1, true, REQUEST_TIME_NONE,
		&error, &attempt, &event, &err), 0);
	return event.stderr_tail;
}

START_TEST(the_tail_of_much_stderr_takes_little_memory)
{
	size_t size = 8u << 20;
	char *text = malloc(size + 1);
	ck_assert_ptr_nonnull(text);
	memset(text, 'x', size);
	strcpy(text + size - 3, "end");
	const char *tail = tail_of(text, size);
	ck_assert_uint_eq(strlen(tail), 4096);
	ck_assert_str_eq(tail + 4093, "end");
	ck_assert_uint_lt(arena_used(arena), 65536);
	free(text);
}
END_TEST

START_TEST(the_tail_begins_with_a_whole_character)
{
	static const char *const characters[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	for (size_t c = 0; c < 3; c++)
		for (size_t shift = 0; shift < 4; shift++) {
			char text[12001] = "";
			size_t length = strlen(characters[c]), size = 0;
			while (size + length + shift < 12000) {
				memcpy(text + size, characters[c], length);
				size += length;
			}
			memset(text + size, 'x', shift);
			const char *tail = tail_of(text, size + shift);
			ck_assert_uint_le(strlen(tail), 4096);
			ck_assert_uint_gt(strlen(tail), 4096 - length);
			ck_assert(strncmp(tail, characters[c], length) == 0);
		}
}
END_TEST

START_TEST(memory_that_was_never_sampled_is_unknown)
{
	struct result result;
	ck_assert_int_eq(executor_result(executor, arena, &request, 1, STATUS_COMPLETED, NULL,
		&attempt, 0, &result, &err), 0);
	ck_assert_int_eq(result.usage->memory_peak_bytes, -1);
	attempt.sandbox.memory_peak_bytes = 5;
	ck_assert_int_eq(executor_result(executor, arena, &request, 1, STATUS_COMPLETED, NULL,
		&attempt, 0, &result, &err), 0);
	ck_assert_int_eq(result.usage->memory_peak_bytes, 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("executor");
	TCase *tests = tcase_create("executor");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_out_of_bounds_is_malformed_in_its_field);
	tcase_add_test(tests, a_script_that_can_not_be_used_will_not_be_tried_again);
	tcase_add_test(tests, the_tail_of_much_stderr_takes_little_memory);
	tcase_add_test(tests, the_tail_begins_with_a_whole_character);
	tcase_add_test(tests, memory_that_was_never_sampled_is_unknown);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
