/* test_executor_error.c: each end of a job as the contract's error record. */
#include "../../worker/executor_error.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;
static struct error_record error;
static const struct request request = {.thread_id = "t1", .node_id = "n1", .script_name = "report.py",
	.script_type = "python"};
static const struct request unnamed = {.thread_id = "t1", .node_id = "n1", .script_type = "shell"};

static void set_up(void)
{
	arena = arena_new(1u << 20);
	ck_assert_ptr_nonnull(arena);
}

static void tear_down(void)
{
	arena_free(arena);
}

static void fails(const struct sandbox_result *result)
{
	ck_assert(executor_error_from(arena, &request, 3, result, &error));
}

static const char *detail(const char *name)
{
	for (size_t i = 0; i < error.details.count; i++)
		if (strcmp(error.details.pairs[i].name, name) == 0)
			return error.details.pairs[i].value;
	return NULL;
}

/* code, message, hierarchy as "a>b>c". */
static void is(const char *code, const char *message, const char *hierarchy, bool retryable)
{
	const char *names[3];
	char joined[200] = "";
	size_t count = error_hierarchy(error.code, names);
	for (size_t i = 0; i < count; i++)
		strcat(strcat(joined, i ? ">" : ""), names[i]);
	ck_assert_str_eq(error_code_name(error.code), code);
	ck_assert_str_eq(error.message, message);
	ck_assert_str_eq(joined, hierarchy);
	ck_assert_str_eq(error_type(error.code), names[1]);
	ck_assert(error_retryable(error.code) == retryable);
	ck_assert_ptr_null(error.field);
}

static void has_context(void)
{
	ck_assert_str_eq(detail("threadId"), "t1");
	ck_assert_str_eq(detail("nodeId"), "n1");
	ck_assert_str_eq(detail("scriptName"), "report.py");
	ck_assert_str_eq(detail("scriptType"), "python");
	ck_assert_str_eq(detail("attempt"), "3");
}

#define EXECUTION "SDKError>ExecutionError>CodeExecutionError"

START_TEST(exit_0_is_no_error)
{
	struct sandbox_result result = {.verdict = SANDBOX_EXITED};
	ck_assert(!executor_error_from(arena, &request, 3, &result, &error));
}
END_TEST

START_TEST(another_exit_code_is_execution_exit)
{
	for (int code = 1; code < 256; code += 127) {
		char message[80];
		struct sandbox_result result = {.verdict = SANDBOX_EXITED, .exit_code = code};
		snprintf(message, sizeof message, "Script execution failed with exit code %d", code);
		fails(&result);
		is("execution.exit", message, EXECUTION, true);
		has_context();
		ck_assert_uint_eq(error.details.count, 5);
	}
}
END_TEST

START_TEST(a_signal_is_named)
{
	struct sandbox_result result = {.verdict = SANDBOX_SIGNALED, .exit_code = -1,
		.signal = SIGSEGV};
	fails(&result);
	is("execution.signal", "Script execution ended by signal SIGSEGV", EXECUTION, true);
	ck_assert_str_eq(detail("signal"), "SIGSEGV");
	has_context();
}
END_TEST

START_TEST(a_value_that_is_not_json_is_execution_output)
{
	struct sandbox_result result = {.verdict = SANDBOX_OUTPUT_INVALID, .reason = "NaN"};
	fails(&result);
	is("execution.output", "The script's value is not JSON: NaN", EXECUTION, true);
	has_context();
}
END_TEST

START_TEST(a_timeout_tells_its_seconds)
{
	static const struct { uint64_t ms; const char *message; } times[] = {
		{5000, "Script execution timeout after 5 seconds"},
		{1000, "Script execution timeout after 1 seconds"},
		{1500, "Script execution timeout after 1.5 seconds"},
		{3600000, "Script execution timeout after 3600 seconds"},
		{3600001, "Script execution timeout after 3600.001 seconds"},
		{1, "Script execution timeout after 0.001 seconds"}};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct sandbox_result result = {.verdict = SANDBOX_TIMEOUT,
			.limits.wall_ms = times[i].ms};
		fails(&result);
		is("timeout", times[i].message, "SDKError>TimeoutError", true);
		ck_assert_uint_eq(error.details.count, 0);
	}
}
END_TEST

START_TEST(a_limit_tells_value_and_peak)
{
	static const struct { enum sandbox_limit limit; const char *code, *name, *unit; } limits[] = {
		{SANDBOX_LIMIT_CPU, "limit.cpu", "cpu", "ms"},
		{SANDBOX_LIMIT_MEMORY, "limit.memory", "memory", "bytes"},
		{SANDBOX_LIMIT_DISK, "limit.disk", "disk", "bytes"},
		{SANDBOX_LIMIT_PROCESSES, "limit.processes", "processes", "count"},
		{SANDBOX_LIMIT_OUTPUT, "limit.output", "output", "bytes"}};
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct sandbox_result result = {.verdict = SANDBOX_LIMIT, .limit = limits[i].limit,
			.limit_value = 9007199254740993, .limit_peak = 12};
		fails(&result);
		is(limits[i].code, error.message, EXECUTION, true);
		ck_assert_ptr_nonnull(strstr(error.message, "9007199254740993"));
		ck_assert_str_eq(detail("limit"), limits[i].name);
		ck_assert_str_eq(detail("value"), "9007199254740993");
		ck_assert_str_eq(detail("peak"), "12");
		ck_assert_str_eq(detail("unit"), limits[i].unit);
		ck_assert_ptr_null(detail("evidence"));
		has_context();
	}
}
END_TEST

START_TEST(a_limits_message_has_its_unit_but_for_a_count)
{
	struct sandbox_result result = {.verdict = SANDBOX_LIMIT, .limit = SANDBOX_LIMIT_PROCESSES,
		.limit_value = 8};
	fails(&result);
	ck_assert_str_eq(error.message,
		"Script execution exceeded its limit of number of processes: 8");
	result.limit = SANDBOX_LIMIT_CPU;
	fails(&result);
	ck_assert_str_eq(error.message, "Script execution exceeded its limit of CPU time: 8 ms");
}
END_TEST

START_TEST(sampled_evidence_is_said_to_be_so)
{
	struct sandbox_result result = {.verdict = SANDBOX_LIMIT, .limit = SANDBOX_LIMIT_MEMORY,
		.limit_value = 1, .limit_peak = 2, .sampled = true};
	fails(&result);
	ck_assert_str_eq(detail("evidence"), "sampled");
}
END_TEST

START_TEST(a_violation_names_its_system_call)
{
	struct sandbox_result result = {.verdict = SANDBOX_VIOLATION, .syscall = "ptrace"};
	fails(&result);
	is("sandbox.violation", "Script execution was ended for the system call ptrace",
		"SDKError>SandboxError", false);
	ck_assert_str_eq(detail("syscall"), "ptrace");
	ck_assert_uint_eq(error.details.count, 1);
}
END_TEST

START_TEST(a_violation_without_a_name_is_unknown)
{
	struct sandbox_result result = {.verdict = SANDBOX_VIOLATION};
	fails(&result);
	ck_assert_str_eq(detail("syscall"), "unknown");
}
END_TEST

START_TEST(a_failed_sandbox_gives_its_reason)
{
	struct sandbox_result result = {.verdict = SANDBOX_FAILED, .reason = "mount: Operation not permitted"};
	fails(&result);
	is("sandbox.unavailable", "No sandbox could be had: mount: Operation not permitted",
		"SDKError>SandboxError", false);
}
END_TEST

START_TEST(a_kill_of_ours_is_cancelled_and_one_from_outside_unexpected)
{
	struct sandbox_result result = {.verdict = SANDBOX_KILLED};
	fails(&result);
	is("cancelled", "Script execution was cancelled", "SDKError>CancelledError", false);
	result.verdict = SANDBOX_KILLED_OUTSIDE;
	fails(&result);
	is("unexpected", error.message, "SDKError>CodeExecutionError", true);
	ck_assert_ptr_nonnull(strstr(error.message, "from outside"));
}
END_TEST

START_TEST(a_script_without_a_name_has_none_in_the_details)
{
	struct sandbox_result result = {.verdict = SANDBOX_EXITED, .exit_code = 1};
	ck_assert(executor_error_from(arena, &unnamed, 1, &result, &error));
	ck_assert_ptr_null(detail("scriptName"));
	ck_assert_str_eq(detail("attempt"), "1");
}
END_TEST

START_TEST(details_are_copied_and_bounded)
{
	char value[] = "value";
	executor_error_make(arena, &request, 1, ERROR_UNEXPECTED, &error, "%s", "text");
	executor_error_detail(arena, &error, "a", value);
	value[0] = 'X';
	ck_assert_str_eq(detail("a"), "value");
	for (int i = 0; i < 40; i++)
		executor_error_detail(arena, &error, "more", "x");
	ck_assert_uint_eq(error.details.count, 16);
}
END_TEST

START_TEST(without_memory_there_still_is_an_error)
{
	struct sandbox_result result = {.verdict = SANDBOX_EXITED, .exit_code = 1};
	for (long left = 0; left < 8; left++) {
		arena_fail_after(arena, left);
		fails(&result);
		ck_assert_int_eq(error.code, ERROR_EXECUTION_EXIT);
		ck_assert_ptr_nonnull(error.message);
		for (size_t i = 0; i < error.details.count; i++)
			ck_assert_ptr_nonnull(error.details.pairs[i].value);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("executor_error");
	TCase *cases = tcase_create("executor_error");
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, exit_0_is_no_error);
	tcase_add_test(cases, another_exit_code_is_execution_exit);
	tcase_add_test(cases, a_signal_is_named);
	tcase_add_test(cases, a_value_that_is_not_json_is_execution_output);
	tcase_add_test(cases, a_timeout_tells_its_seconds);
	tcase_add_test(cases, a_limit_tells_value_and_peak);
	tcase_add_test(cases, a_limits_message_has_its_unit_but_for_a_count);
	tcase_add_test(cases, sampled_evidence_is_said_to_be_so);
	tcase_add_test(cases, a_violation_names_its_system_call);
	tcase_add_test(cases, a_violation_without_a_name_is_unknown);
	tcase_add_test(cases, a_failed_sandbox_gives_its_reason);
	tcase_add_test(cases, a_kill_of_ours_is_cancelled_and_one_from_outside_unexpected);
	tcase_add_test(cases, a_script_without_a_name_has_none_in_the_details);
	tcase_add_test(cases, details_are_copied_and_bounded);
	tcase_add_test(cases, without_memory_there_still_is_an_error);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
