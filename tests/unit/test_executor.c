/* test_executor.c: requests on their way to a sandbox, what is compiled for those to come, and what comes back as
 * records. */
#include "../../worker/executor.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skips.h"

static struct config *config;
static struct executor *executor;
static struct arena *arena;
static struct request request;
static struct attempt attempt;
static struct err err;

static bool warm;

static int open_quietly(const char *setting)
{
	const char *const settings[] = {"policy.isolation_floor=none", "worker.slots=1",
		"sandbox.pool=0", "sandbox.cgroup=false", setting};
	const struct config_overrides overrides = {.set = settings,
		.set_count = sizeof settings / sizeof *settings};
	return config_load(&overrides, &config, &err) < 0 ? -1 :
		executor_new(config, "test", warm, &executor, &err);
}

static void open_with(const char *setting)
{
	ck_assert_msg(open_quietly(setting) == 0, "%s", err.text);
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

/* ---- compiled code */

static const char *no_warm_python(void)
{
	static char why[200];
	int found = -1;
	warm = true;
	unsetenv("CODEWORKER_CONFIG");
	if (open_quietly("http.listen=off") < 0)
		return err.text;
	for (size_t i = 0; i < config->runtime_count; i++)
		if (strcmp(config->runtimes[i].name, "python") == 0)
			found = (int)i;
	if (found < 0 || !sandbox_compiles(executor_sandbox(executor), (size_t)found))
		snprintf(why, sizeof why, "no warm Python: %s", found < 0 ? "none at all" :
			sandbox_self_test(executor_sandbox(executor))->runtime_reason[found]);
	executor_free(executor);
	config_free(config);
	warm = false;
	return *why ? why : NULL;
}

static void be_warm(void)
{
	warm = true;
	restart("http.listen=off");
	request.script_type = "python";
	request.limits = (struct job_limits){-1, -1, -1, -1, -1};
}

/* A script of some length: compiling it takes a while. */
static void code_set(const char *end)
{
	char *code = arena_alloc(arena, 400000);
	size_t size = 0;
	for (int i = 0; i < 3000; i++)
		size += (size_t)sprintf(code + size, "def f%d(x): return [x + %d, {'a': x * 2}]\n", i, i);
	strcpy(code + size, end);
	request.code = code;
	request.code_size = strlen(code);
}

/* Runs the request to its end; it never has to wait. */
static void run_to_end(struct attempt **ended)
{
	static uint64_t tag;
	struct error_record error;
	int got = 0;
	tag++;
	ck_assert_int_eq(executor_start(executor, &request, 1, tag, &error, &err), EXECUTOR_STARTED);
	while (got == 0)
		got = executor_poll(executor, 1000, ended, &err);
	ck_assert_int_eq(got, 1);
	ck_assert_uint_eq((*ended)->tag, tag);
}

static void runs(const char *value)
{
	struct attempt *ended;
	run_to_end(&ended);
	ck_assert_msg(!ended->failed, "%s: %s", ended->error.message, ended->sandbox.err.data);
	ck_assert(ended->sandbox.warm);
	ck_assert_str_eq(ended->sandbox.value.data, value);
	attempt_free(ended);
}

static void rest(void)
{
	struct attempt *none;
	while (sandbox_running(executor_sandbox(executor)) > 0)
		ck_assert_int_eq(executor_poll(executor, 1000, &none, &err), 0);
}

/* Waits for what is compiled; false: nothing is kept of it. */
static bool compiles(void)
{
	size_t before = executor_code_counts(executor)->bytes;
	executor_idle(executor);
	ck_assert_int_eq(sandbox_running(executor_sandbox(executor)), 1);
	rest();
	return executor_code_counts(executor)->bytes > before;
}

START_TEST(code_that_came_twice_is_handed_over_compiled)
{
	be_warm();
	code_set("def main(): return f1(1)\n");
	for (int i = 0; i < 2; i++) {
		executor_idle(executor);
		ck_assert_int_eq(sandbox_running(executor_sandbox(executor)), 0);
		runs("[2,{\"a\":2}]");
	}
	ck_assert(compiles());
	runs("[2,{\"a\":2}]");
	ck_assert_uint_eq(executor_code_counts(executor)->hits, 1);
	request.tenant = "another";
	runs("[2,{\"a\":2}]");
	ck_assert_uint_eq(executor_code_counts(executor)->hits, 1);
}
END_TEST

START_TEST(compiling_is_waited_for_by_nobody_and_ends_when_all_slots_are_taken)
{
	be_warm();
	code_set("def main(): return 1\n");
	runs("1");
	runs("1");
	executor_idle(executor);
	executor_idle(executor);
	ck_assert_int_eq(sandbox_running(executor_sandbox(executor)), 1);
	runs("1");
	rest();
	runs("1");
	ck_assert_uint_eq(executor_code_counts(executor)->hits, 0);
	ck_assert_uint_eq(executor_code_counts(executor)->misses, 4);
	ck_assert(compiles());
	runs("1");
	ck_assert_uint_eq(executor_code_counts(executor)->hits, 1);
}
END_TEST

START_TEST(code_with_an_error_is_not_compiled_again)
{
	struct attempt *ended;
	be_warm();
	code_set("def main(: return 1\n");
	for (int i = 0; i < 4; i++) {
		run_to_end(&ended);
		ck_assert_str_eq(error_code_name(ended->error.code), "execution.exit");
		ck_assert_ptr_nonnull(strstr(ended->sandbox.err.data, "line 3001"));
		attempt_free(ended);
		if (i == 1)
			ck_assert(!compiles());
		executor_idle(executor);
		ck_assert_int_eq(sandbox_running(executor_sandbox(executor)), 0);
	}
}
END_TEST

START_TEST(short_code_is_not_compiled_nor_any_without_room)
{
	be_warm();
	request.code = "def main(): return 1\n";
	request.code_size = strlen(request.code);
	for (int i = 0; i < 3; i++)
		runs("1");
	ck_assert_uint_eq(executor_code_counts(executor)->misses, 0);
	restart("cache.bytes=0");
	code_set("def main(): return 1\n");
	for (int i = 0; i < 3; i++) {
		runs("1");
		executor_idle(executor);
		ck_assert_int_eq(sandbox_running(executor_sandbox(executor)), 0);
	}
	ck_assert_uint_eq(executor_code_counts(executor)->bytes, 0);
}
END_TEST

int main(void)
{
	const char *missing = no_warm_python();
	const struct test_needing compiling[] = {{code_that_came_twice_is_handed_over_compiled, missing, 0},
		{compiling_is_waited_for_by_nobody_and_ends_when_all_slots_are_taken, missing, 0},
		{code_with_an_error_is_not_compiled_again, missing, 0},
		{short_code_is_not_compiled_nor_any_without_room, missing, 0}};
	Suite *suite = suite_create("executor");
	TCase *tests = tcase_create("executor");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_out_of_bounds_is_malformed_in_its_field);
	tcase_add_test(tests, a_script_that_can_not_be_used_will_not_be_tried_again);
	tcase_add_test(tests, the_tail_of_much_stderr_takes_little_memory);
	tcase_add_test(tests, the_tail_begins_with_a_whole_character);
	tcase_add_test(tests, memory_that_was_never_sampled_is_unknown);
	int skipped = tests_add(tests, compiling, sizeof compiling / sizeof *compiling);
	suite_add_tcase(suite, tests);
	return tests_run(suite, skipped);
}
