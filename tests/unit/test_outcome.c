/* test_outcome.c: who ended a job, from what the kernel tells of it. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "../../sandbox/launcher/outcome.c"

#define EXIT(code) ((code) << 8)

static const struct sandbox_limits limits = {.wall_ms = 1000, .cpu_ms = 1000, .memory_bytes = 1 << 20,
	.disk_bytes = 1 << 20, .processes = 10};

static struct record_outcome judge(enum cause cause, const struct evidence *evidence)
{
	const struct cell cell = {.has_cgroup = true, .limits = limits, .cause = cause,
		.failed_errno = ENOSPC};
	struct record_outcome outcome = {0};
	outcome_judge(&cell, evidence, 2000, &outcome);
	return outcome;
}

static struct record_outcome after_denied_forks(uint64_t denied, uint64_t peak)
{
	const struct evidence evidence = {.has_status = true, .status = EXIT(1),
		.usage = {.pids_denied = denied, .pids_peak = peak}};
	return judge(CAUSE_NONE, &evidence);
}

START_TEST(a_job_fails_of_its_processes_only_at_its_own_limit)
{
	struct record_outcome outcome = after_denied_forks(3, 10);
	ck_assert_uint_eq(outcome.verdict, SANDBOX_LIMIT);
	ck_assert_uint_eq(outcome.limit, SANDBOX_LIMIT_PROCESSES);
	ck_assert_uint_eq(outcome.limit_value, 10);
	ck_assert_uint_eq(outcome.limit_peak, 10);
	outcome = after_denied_forks(3, 9);
	ck_assert_uint_eq(outcome.verdict, SANDBOX_EXITED);
	ck_assert_int_eq(outcome.exit_code, 1);
	outcome = after_denied_forks(0, 10);
	ck_assert_uint_eq(outcome.verdict, SANDBOX_EXITED);
}
END_TEST

START_TEST(a_kernel_that_keeps_no_peak_is_believed)
{
	struct record_outcome outcome = after_denied_forks(3, 0);
	ck_assert_uint_eq(outcome.limit, SANDBOX_LIMIT_PROCESSES);
	ck_assert_uint_eq(outcome.limit_peak, 10);
}
END_TEST

START_TEST(a_job_whose_files_find_no_room_fails_of_its_disk)
{
	const struct evidence evidence = {.has_status = true, .status = EXIT(1)};
	struct record_outcome outcome = judge(CAUSE_DISK, &evidence);
	ck_assert_uint_eq(outcome.verdict, SANDBOX_LIMIT);
	ck_assert_uint_eq(outcome.limit, SANDBOX_LIMIT_DISK);
	ck_assert_uint_eq(outcome.limit_value, 1 << 20);
	ck_assert_int_eq(outcome.exit_code, -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("outcome");
	TCase *tests = tcase_create("blame");
	tcase_add_test(tests, a_job_fails_of_its_processes_only_at_its_own_limit);
	tcase_add_test(tests, a_kernel_that_keeps_no_peak_is_believed);
	tcase_add_test(tests, a_job_whose_files_find_no_room_fails_of_its_disk);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
