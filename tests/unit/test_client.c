/* test_client.c: the library's polling, with descriptors that always have more. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>

#include "../../sandbox/client.c"

static struct running jobs[2];
static struct sandbox sandbox;

static void set_up(void)
{
	sandbox = (struct sandbox){.socket = -1, .slots = 2, .jobs = jobs};
	sandbox.epoll = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_ge(sandbox.epoll, 0);
	for (int i = 0; i < 2; i++)
		for (int s = 0; s < STREAMS; s++)
			jobs[i].streams[s].fd = -1;
}

static void tear_down(void)
{
	close(sandbox.epoll);
}

/* Nobody reads it, so epoll reports it each time, as if it were filled again at once. */
static void flood(int ends[2])
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(watch(&sandbox, ends[0], 0), 0);
}

START_TEST(polling_ends_in_time_whatever_comes)
{
	struct sandbox_result result;
	struct err err;
	int ends[2];
	flood(ends);
	int64_t begin = clock_ms(CLOCK_MONOTONIC);
	ck_assert_int_eq(sandbox_poll(&sandbox, 0, &result, &err), 0);
	ck_assert_int_eq(sandbox_poll(&sandbox, 60, &result, &err), 0);
	ck_assert_int_ge(clock_ms(CLOCK_MONOTONIC) - begin, 60);
	ck_assert_int_lt(clock_ms(CLOCK_MONOTONIC) - begin, 1000);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(an_ended_job_is_collected_though_another_writes_for_it)
{
	struct sandbox_result result;
	struct err err;
	jobs[1] = (struct running){.used = true, .ended = true, .output_fd = -1,
		.outcome = {.tag = 7, .limits = {.output_bytes = 1000}}};
	for (int s = 0; s < STREAMS; s++)
		jobs[1].streams[s] = (struct collector){.limit = 1000,
			.fd = s == STREAM_OUT ? open("/dev/zero", O_RDONLY | O_CLOEXEC) : -1};
	sandbox.count = 1;
	ck_assert_int_eq(sandbox_poll(&sandbox, 0, &result, &err), 1);
	ck_assert_uint_eq(result.tag, 7);
	ck_assert_uint_eq(result.out.size, 1000);
	ck_assert(result.out.truncated);
	sandbox_result_free(&result);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client");
	TCase *tests = tcase_create("polling");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, polling_ends_in_time_whatever_comes);
	tcase_add_test(tests, an_ended_job_is_collected_though_another_writes_for_it);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
