/* test_payload.c: which jobs are refused before any sandbox sees them, and why. */
#include "../../sandbox/payload.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../sandbox/shared/record.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static char *text(const char *start, size_t size)
{
	char *made = malloc(size + 1);
	ck_assert_ptr_nonnull(made);
	memset(made, 'x', size);
	memcpy(made, start, strlen(start));
	made[size] = '\0';
	return made;
}

/* member: NULL where the job is taken. */
static void judge(const struct sandbox_job *job, const char *member)
{
	const char *found = "";
	struct err err = {0};
	int result = sandbox_job_check(job, &found, &err);
	ck_assert_int_eq(result, member ? -1 : 0);
	ck_assert_pstr_eq(found, member);
	ck_assert_int_eq(err.code, member ? ERR_INVALID : ERR_NONE);
	ck_assert((strlen(err.text) > 0) == (member != NULL));
	char data[PAYLOAD_INLINE_BYTES];
	size_t size;
	int fd;
	result = payload_make(job, data, sizeof data, &size, &fd, &err);
	ck_assert((result < 0) == (member != NULL));
	ck_assert_int_eq(result == 0, (fd >= 0) + (size > 0));	/* the one or the other */
	if (fd >= 0)
		close(fd);
}

static struct sandbox_job job_make(void)
{
	return (struct sandbox_job){.code = "true", .code_size = 4};
}

START_TEST(a_job_has_code)
{
	struct sandbox_job job = job_make();
	judge(&job, NULL);
	job.code = NULL;
	judge(&job, "code");
}
END_TEST

START_TEST(a_working_directory_can_be_made_inside_the_jobs_own)
{
	static const char *const good[] = {"", "a", "a/b//c/", ".", "...", "a..b"};
	static const char *const bad[] = {"/", "/a", "..", "a/..", "a/../b", "../"};
	struct sandbox_job job = job_make();
	for (size_t i = 0; i < COUNT(good); i++) {
		job.working_directory = good[i];
		judge(&job, NULL);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		job.working_directory = bad[i];
		judge(&job, "working_directory");
	}
}
END_TEST

START_TEST(names_in_a_working_directory_are_no_longer_than_a_file_system_takes)
{
	struct sandbox_job job = job_make();
	for (size_t size = NAME_MAX - 1; size <= NAME_MAX + 2; size++) {
		char *path = text("a/", size + 2);
		job.working_directory = path;
		judge(&job, size > NAME_MAX ? "working_directory" : NULL);
		free(path);
	}
	char *path = text("", 4001);
	for (size_t i = 1; i < 4001; i += 2)
		path[i] = '/';
	job.working_directory = path;
	judge(&job, "working_directory");
	path[4000] = '\0';
	judge(&job, NULL);
	free(path);
}
END_TEST

START_TEST(a_variable_is_no_longer_than_a_program_can_be_started_with)
{
	struct sandbox_job job = job_make();
	for (size_t size = (128 << 10) - 2; size <= (128 << 10) + 1; size++) {
		char *entry = text("NAME=", size);
		const char *const environment[] = {"A=1", entry, NULL};
		job.environment = environment;
		judge(&job, size >= 128 << 10 ? "environment" : NULL);
		free(entry);
	}
}
END_TEST

START_TEST(an_environment_is_no_larger_than_a_program_can_be_started_with)
{
	struct sandbox_job job = job_make();
	char *entry = text("NAME=", (64 << 10) - 1);
	const char *environment[1002] = {NULL};
	job.environment = environment;
	for (int i = 0; i < 16; i++)
		environment[i] = entry;
	judge(&job, NULL);
	environment[16] = "A=1";
	judge(&job, "environment");
	for (int i = 0; i < 1001; i++)
		environment[i] = i < 1000 ? "A=1" : NULL;
	judge(&job, NULL);
	environment[1000] = "A=1";
	judge(&job, "environment");
	free(entry);
}
END_TEST

START_TEST(a_small_job_is_in_the_record_and_a_larger_one_behind_it)
{
	struct sandbox_job job = job_make();
	char data[PAYLOAD_INLINE_BYTES], *code = text("", PAYLOAD_INLINE_BYTES);
	struct err err = {0};
	size_t size, without;
	int fd;
	ck_assert_int_eq(payload_make(&job, data, sizeof data, &without, &fd, &err), 0);
	ck_assert_int_eq(fd, -1);
	job.code = code;
	job.code_size += sizeof data - without;
	ck_assert_int_eq(payload_make(&job, data, sizeof data, &size, &fd, &err), 0);
	ck_assert_int_eq(fd, -1);
	ck_assert_uint_eq(size, sizeof data);
	job.code_size++;
	ck_assert_int_eq(payload_make(&job, data, sizeof data, &size, &fd, &err), 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(size, 0);
	close(fd);
	free(code);
}
END_TEST

static off_t size_of(const struct sandbox_job *job)
{
	struct err err = {0};
	struct stat st;
	size_t size;
	int fd;
	ck_assert_msg(payload_make(job, NULL, 0, &size, &fd, &err) == 0, "%s", err.text);
	ck_assert_int_eq(fstat(fd, &st), 0);
	close(fd);
	return st.st_size;
}

START_TEST(compiled_code_that_does_not_fit_is_left_out)
{
	struct sandbox_job job = job_make();
	char *compiled = text("", 8 << 20), *code = text("", 64 << 20);
	off_t without = size_of(&job);
	job.compiled = compiled;
	job.compiled_size = 8 << 20;
	ck_assert_int_eq(size_of(&job), without + (8 << 20));
	job.code = code;
	job.code_size = (56u << 20) - 1024;
	ck_assert_int_gt(size_of(&job), (64 << 20) - 1024);
	job.code_size = 56u << 20;
	ck_assert_int_lt(size_of(&job), (56 << 20) + 1024);
	free(code);
	free(compiled);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("payload");
	TCase *tests = tcase_create("jobs");
	tcase_add_test(tests, a_job_has_code);
	tcase_add_test(tests, a_working_directory_can_be_made_inside_the_jobs_own);
	tcase_add_test(tests, names_in_a_working_directory_are_no_longer_than_a_file_system_takes);
	tcase_add_test(tests, a_variable_is_no_longer_than_a_program_can_be_started_with);
	tcase_add_test(tests, an_environment_is_no_larger_than_a_program_can_be_started_with);
	tcase_add_test(tests, a_small_job_is_in_the_record_and_a_larger_one_behind_it);
	tcase_add_test(tests, compiled_code_that_does_not_fit_is_left_out);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
