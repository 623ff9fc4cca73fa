/* test_result.c: what of a job's last words becomes a value, and what compiled code. */
#include "../../sandbox/result.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct record_outcome outcome;
static struct sandbox_result result;

static void set_up(void)
{
	outcome = (struct record_outcome){.verdict = SANDBOX_EXITED, .limits = {.output_bytes = 100}};
}

static void tear_down(void)
{
	sandbox_result_free(&result);
}

/* size: of what came; the rest of the frame was cut off. */
static void build(char kind, uint32_t length, size_t size, size_t compile_bytes)
{
	struct sandbox_buffer out = {0}, err = {0}, frame = {.data = calloc(1, size + 1), .size = size};
	char whole[1000] = {kind, (char)length, (char)(length >> 8)};
	memset(whole + VALUE_FRAME, '1', sizeof whole - VALUE_FRAME);
	memcpy(frame.data, whole, size);
	sandbox_result_free(&result);
	result_build(&outcome, &out, &err, &frame, -1, compile_bytes, &result);
	free(frame.data);
}

START_TEST(a_job_that_compiles_gives_compiled_code_alone)
{
	build('c', 3, VALUE_FRAME + 3, 3);
	ck_assert_uint_eq(result.compiled.size, 3);
	ck_assert_mem_eq(result.compiled.data, "111", 3);
	ck_assert_ptr_null(result.value.data);
	build('v', 3, VALUE_FRAME + 3, 3);
	ck_assert_ptr_null(result.compiled.data);
	ck_assert_ptr_null(result.value.data);
	build('e', 3, VALUE_FRAME + 3, 3);
	ck_assert_ptr_null(result.compiled.data);
	ck_assert_int_eq(result.verdict, SANDBOX_EXITED);
}
END_TEST

START_TEST(a_job_that_runs_gives_no_compiled_code)
{
	build('c', 3, VALUE_FRAME + 3, 0);
	ck_assert_ptr_null(result.compiled.data);
	ck_assert_ptr_null(result.value.data);
	ck_assert_int_eq(result.verdict, SANDBOX_OUTPUT_INVALID);
	build('v', 3, VALUE_FRAME + 3, 0);
	ck_assert_str_eq(result.value.data, "111");
}
END_TEST

START_TEST(compiled_code_is_whole_or_not_there)
{
	build('c', 300, VALUE_FRAME + 300, 300);
	ck_assert_uint_eq(result.compiled.size, 300);	/* output_bytes is for what runs */
	build('c', 301, VALUE_FRAME + 301, 300);
	ck_assert_ptr_null(result.compiled.data);
	for (size_t size = 0; size < VALUE_FRAME + 3; size++) {
		build('c', 3, size, 300);
		ck_assert_ptr_null(result.compiled.data);
	}
	build('c', 3, VALUE_FRAME + 4, 300);
	ck_assert_ptr_null(result.compiled.data);
	build('c', 0, VALUE_FRAME, 300);
	ck_assert_ptr_null(result.compiled.data);
}
END_TEST

START_TEST(a_compiler_that_ends_badly_gives_nothing)
{
	outcome.exit_code = 1;
	build('c', 3, VALUE_FRAME + 3, 300);
	ck_assert_ptr_null(result.compiled.data);
	outcome.exit_code = 0;
	outcome.verdict = SANDBOX_KILLED;
	build('c', 3, VALUE_FRAME + 3, 300);
	ck_assert_ptr_null(result.compiled.data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("result");
	TCase *tests = tcase_create("values");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_job_that_compiles_gives_compiled_code_alone);
	tcase_add_test(tests, a_job_that_runs_gives_no_compiled_code);
	tcase_add_test(tests, compiled_code_is_whole_or_not_there);
	tcase_add_test(tests, a_compiler_that_ends_badly_gives_nothing);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
