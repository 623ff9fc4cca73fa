/* test_worker_retries.c: attempts that follow, over crashes too, and jobs that take their worker down. */
#include "worker_fixture.h"

static const char *header(const struct broker_record *record, const char *name)
{
	for (size_t i = 0; i < record->header_count; i++)
		if (strcmp(record->headers[i].name, name) == 0)
			return record->headers[i].value;
	return "";
}

static size_t retries(void)
{
	return memory_store_count(store, config->topics.retries);
}

static size_t events(void)
{
	return memory_store_count(store, config->topics.errors);
}

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	return time.tv_sec * 1000ll + time.tv_nsec / 1000000;
}

START_TEST(a_failed_attempt_goes_to_the_retries_and_frees_its_offset)
{
	const struct broker_header own = {"codeworker-attempt", "77", 2};
	memory_store_produce(store, 0, "k", "{\"threadId\":\"t\",\"nodeId\":\"n\",\"executionId\":\"x\","
		"\"scriptType\":\"shell\",\"code\":\"fail\",\"retries\":1,\"retryDelayMs\":60000}", &own, 1);
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert_uint_eq(retries(), 1);
	ck_assert_uint_eq(events(), 1);
	ck_assert_uint_eq(results(), 0);
	const struct broker_record *record = memory_store_record(store, config->topics.retries, 0);
	ck_assert_uint_eq(record->header_count, 6);
	ck_assert_str_eq(record->headers[0].value, "77");
	ck_assert_str_eq(record->headers[1].value, "2");
	ck_assert_str_eq(header(record, "codeworker-origin"), "code.requests/0/0");
	int64_t due = strtoll(header(record, "codeworker-due-ms"), NULL, 10);
	ck_assert_int_ge(due, now() + 50000);
	ck_assert_int_le(due, now() + 60000);
	ck_assert_int_eq(record->partition, 0);
	ck_assert_uint_eq(record->key_size, 1);
	wait_for(metrics_value(one.metrics, METRIC_RETRIES_WAITING, METRIC_UNLABELLED) == 1);
	stop(&one);
}
END_TEST

START_TEST(attempts_are_numbered_on_over_a_crash_and_no_sooner_than_due)
{
	produce("t", "x", "fail", ",\"retries\":2,\"retryDelayMs\":300");
	int64_t begin = now();
	start(&one);
	go(&one);
	wait_for(retries() == 1);
	crash(&one);
	start(&two);
	go(&two);
	wait_for(results() == 1);
	ck_assert_int_ge(now() - begin, 600);
	ck_assert_uint_eq(started(&two), 2);
	ck_assert_str_eq(two.executor->started[0], "x/2");
	ck_assert_str_eq(two.executor->started[1], "x/3");
	ck_assert_uint_eq(events(), 3);
	ck_assert(has(config->topics.results, 0, "\"attempt\":3"));
	ck_assert(has(config->topics.results, 0, "\"topic\":\"code.requests\""));
	const struct broker_record *dead = memory_store_record(store, config->topics.dead, 0);
	ck_assert_str_eq(header(dead, "__dlq.errors.topic"), "code.requests");
	ck_assert_str_eq(header(dead, "codeworker-attempt"), "");
	wait_for(memory_store_retries_committed(store, 0) == 2);
	stop(&two);
}
END_TEST

START_TEST(what_is_not_due_for_long_is_fetched_again_when_it_is)
{
	produce("t", "x", "fail 1", ",\"retries\":1,\"retryDelayMs\":60000");
	start(&one);
	go(&one);
	wait_for(retries() == 1);
	crash(&one);
	int64_t due = strtoll(header(memory_store_record(store, config->topics.retries, 0),
		"codeworker-due-ms"), NULL, 10);
	memory_store_hurry(store, due - now() - 11000);
	due = now() + 11000;		/* too far away to be kept */
	start(&two);
	go(&two);
	wait_for(metrics_value(two.metrics, METRIC_RETRIES_WAITING, METRIC_UNLABELLED) == 1);
	ck_assert_uint_eq(broker_memory_fetches(two.broker), 0);
	while (now() < due - 2100)
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	wait_for(broker_memory_fetches(two.broker) == 1);
	ck_assert_uint_eq(started(&two), 0);
	wait_for(results() == 1);
	ck_assert_int_ge(now(), due);
	ck_assert(has(config->topics.results, 0, "\"COMPLETED\""));
	stop(&two);
}
END_TEST

START_TEST(a_copy_of_what_waits_for_a_retry_runs_nothing_over_a_crash_too)
{
	produce("t", "x", "fail", ",\"retries\":1,\"retryDelayMs\":60000");
	start(&one);
	go(&one);
	wait_for(retries() == 1);
	produce("t", "x", "ok", "");
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert_uint_eq(started(&one), 1);
	crash(&one);
	produce("t", "x", "ok", "");
	start(&two);
	go(&two);
	wait_for(memory_store_committed(store, 0) == 3);
	ck_assert_uint_eq(started(&two), 0);
	ck_assert_uint_eq(results(), 0);
	stop(&two);
}
END_TEST

START_TEST(a_retry_that_ended_beyond_the_watermark_is_not_run_again)
{
	produce("a", "a", "fail", ",\"retries\":1,\"retryDelayMs\":60000");
	start(&one);
	go(&one);
	wait_for(retries() == 1);
	produce("b", "b", "fail 1", ",\"retries\":1,\"retryDelayMs\":1");
	wait_for(results() == 1);
	ck_assert_int_eq(memory_store_retries_committed(store, 0), 0);
	crash(&one);
	start(&two);
	go(&two);
	wait_for(metrics_value(two.metrics, METRIC_RETRIES_WAITING, METRIC_UNLABELLED) == 1);
	produce("c", "c", "ok", "");
	wait_for(results() == 2);
	ck_assert_uint_eq(started(&two), 1);
	stop(&two);
}
END_TEST

START_TEST(a_deadline_between_attempts_fails_with_the_error_of_the_attempt_before)
{
	char more[100];
	snprintf(more, sizeof more, ",\"retries\":1,\"retryDelayMs\":200,\"deadline\":%lld",
		(long long)now() + 700);
	produce("t", "x", "fail", more);
	start(&one);
	go(&one);
	wait_for(retries() == 1);
	crash(&one);
	produce("h", "h1", "hold", "");
	produce("i", "h2", "hold", "");		/* no slot is free when it is due */
	start(&two);
	go(&two);
	wait_for(results() == 1);
	ck_assert_uint_eq(started(&two), 2);
	ck_assert(has(config->topics.results, 0, "\"FAILED\""));
	ck_assert(has(config->topics.results, 0, "\"execution.exit\""));
	ck_assert(has(config->topics.results, 0, "as asked"));
	ck_assert(has(config->topics.results, 0, "\"attempt\":1"));
	release(&two);
	stop(&two);
}
END_TEST

START_TEST(delays_grow_and_spread_but_are_never_shorter_than_asked_for)
{
	config->policy.retry_growth = 300;
	config->policy.retry_jitter = 50;
	produce("t", "x", "fail", ",\"retries\":3,\"retryDelayMs\":50");
	int64_t begin = now();
	start(&one);
	go(&one);
	wait_for(results() == 1);
	int64_t least = 50, before = begin;
	for (size_t i = 0; i < 3; i++, least *= 3) {
		const struct broker_record *record = memory_store_record(store, config->topics.retries, i);
		int64_t due = strtoll(header(record, "codeworker-due-ms"), NULL, 10);
		ck_assert_int_ge(due, before + least);
		before = due;
	}
	ck_assert_uint_eq(retries(), 3);
	stop(&one);
}
END_TEST

static int64_t due_of(size_t retry)
{
	return strtoll(header(memory_store_record(store, config->topics.retries, retry),
		"codeworker-due-ms"), NULL, 10);
}

START_TEST(delays_grow_to_the_longest_that_is_allowed)
{
	config->policy.retry_growth = 1000;
	config->policy.max_retry_delay_ms = 5000;
	produce("t", "x", "fail", ",\"retries\":3,\"retryDelayMs\":1000");
	start(&one);
	go(&one);
	wait_for(retries() == 2);
	ck_assert_int_ge(due_of(1), due_of(0) + 5000);
	ck_assert_int_le(due_of(1), now() + 5000);	/* and not ten seconds */
	stop(&one);
}
END_TEST

#define SPREAD 20

START_TEST(delays_are_spread_over_what_is_configured)
{
	config->policy.retry_jitter = 50;
	config->policy.max_retry_delay_ms = 1400000;
	int64_t begin = now(), least = INT64_MAX, most = 0;
	for (int i = 0; i < SPREAD; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		produce(name, name, "fail", ",\"retries\":1,\"retryDelayMs\":1000000");
	}
	start(&one);
	go(&one);
	wait_for(retries() == SPREAD);
	int64_t end = now();
	for (size_t i = 0; i < SPREAD; i++) {
		least = due_of(i) < least ? due_of(i) : least;
		most = due_of(i) > most ? due_of(i) : most;
	}
	ck_assert_int_ge(least, begin + 1000000);
	ck_assert_int_le(most, end + 1400000);
	ck_assert_int_ge(most - least, 100000);		/* of 400000 */
	stop(&one);
}
END_TEST

/* Three that one worker spreads, which draws as if no other had drawn before. */
static void spread_three(struct fixture *fixture, const char *name, int64_t spread_ms[3])
{
	size_t before = retries();
	srand48(5);
	for (int i = 0; i < 3; i++) {
		char id[16];
		snprintf(id, sizeof id, "%s%d", name, i);
		produce(id, id, "fail", ",\"retries\":1,\"retryDelayMs\":1000000");
	}
	int64_t begin = now();
	start(fixture);
	go(fixture);
	wait_for(retries() == before + 3);
	for (size_t i = 0; i < 3; i++)
		spread_ms[i] = due_of(before + i) - begin;
	crash(fixture);
}

START_TEST(no_two_workers_spread_alike)
{
	config->policy.retry_jitter = 50;
	int64_t first[3], second[3];
	int alike = 0;
	spread_three(&one, "x", first);
	spread_three(&two, "y", second);
	for (size_t i = 0; i < 3; i++)
		alike += llabs(first[i] - second[i]) < 2000;	/* of 500000 */
	ck_assert_int_lt(alike, 3);
}
END_TEST

START_TEST(what_others_write_to_the_retries_is_left_alone)
{
	memory_store_produce_retry(store, 0, "{\"threadId\":\"t\",\"nodeId\":\"n\",\"executionId\":\"x\","
		"\"scriptType\":\"shell\",\"code\":\"ok\"}");
	start(&one);
	go(&one);
	wait_for(memory_store_retries_committed(store, 0) == 1);
	ck_assert_uint_eq(started(&one), 0);
	stop(&one);
}
END_TEST

START_TEST(what_waits_for_long_is_written_anew_and_lets_offsets_go_on)
{
	config->worker.retry_carry_ms = 1000;
	produce("t", "x", "fail", ",\"retries\":1,\"retryDelayMs\":60000");
	start(&one);
	go(&one);
	wait_for(retries() == 3);
	wait_for(memory_store_retries_committed(store, 0) >= 2);
	const struct broker_record *first = memory_store_record(store, config->topics.retries, 0);
	const struct broker_record *last = memory_store_record(store, config->topics.retries, 2);
	ck_assert_uint_eq(first->header_count, last->header_count);
	for (size_t i = 0; i < first->header_count; i++)
		ck_assert_str_eq(first->headers[i].value, last->headers[i].value);
	ck_assert_str_eq(first->value, last->value);
	ck_assert_uint_eq(events(), 1);
	ck_assert_uint_eq(results(), 0);
	crash(&one);
	config->worker.retry_carry_ms = 600000;
	memory_store_hurry(store, 60000);
	start(&two);
	go(&two);
	wait_for(results() == 1);
	ck_assert_uint_eq(started(&two), 1);
	ck_assert_str_eq(two.executor->started[0], "x/2");
	stop(&two);
}
END_TEST

START_TEST(large_retries_that_are_due_soon_are_kept_within_the_bytes_of_the_queue)
{
	static char padding[4100];
	snprintf(padding, sizeof padding, ",\"retries\":1,\"retryDelayMs\":1500,\"metadata\":"
		"{\"a\":\"%04000d\"}", 0);
	config->worker.queue = 10000;
	config->worker.window = 10000;
	start(&one);
	go(&one);
	for (int i = 0; i < 250; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		produce(name, name, "fail 1", padding);
	}
	wait_for(results() == 250);
	ck_assert_uint_gt(broker_memory_fetches(one.broker), 0);
	stop(&one);
}
END_TEST

/* ---- jobs that take their worker down */

/* A worker that dies while it runs what it has. */
static void die(struct fixture *fixture, size_t jobs)
{
	start(fixture);
	go(fixture);
	wait_for(started(fixture) == jobs);
	wait_for(metrics_value(fixture->metrics, METRIC_JOBS_RUNNING, METRIC_UNLABELLED) > 0);
	crash(fixture);
}

START_TEST(a_job_under_which_three_workers_died_is_lost)
{
	produce("t", "x", "hold", ",\"retries\":5");
	for (int i = 0; i < 3; i++)
		die(&one, 1);
	start(&two);
	go(&two);
	wait_for(results() == 1);
	ck_assert_uint_eq(started(&two), 0);
	ck_assert(has(config->topics.results, 0, "\"execution.lost\""));
	ck_assert(has(config->topics.results, 0, "\"FAILED\""));
	ck_assert_uint_eq(events(), 1);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 1);
	wait_for(memory_store_committed(store, 0) == 1);
	stop(&two);
}
END_TEST

START_TEST(handing_back_is_no_death)
{
	produce("t", "x", "hold", "");
	for (int i = 0; i < 4; i++) {
		start(&one);
		go(&one);
		wait_for(started(&one) == 1);
		stop(&one);
	}
	for (int i = 0; i < 2; i++)
		die(&one, 1);
	start(&two);
	two.executor->released = true;
	go(&two);
	wait_for(results() == 1);
	ck_assert(has(config->topics.results, 0, "\"COMPLETED\""));
	stop(&two);
}
END_TEST

START_TEST(suspects_run_one_at_a_time_and_what_is_none_beside_them)
{
	produce("a", "a", "hold", "");
	produce("b", "b", "hold", "");
	die(&one, 2);
	produce("c", "c", "ok", "");
	start(&two);
	go(&two);
	wait_for(results() == 1);		/* c, beside a or b */
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	ck_assert_uint_eq(started(&two), 2);
	release(&two);
	wait_for(results() == 3);
	stop(&two);
}
END_TEST

START_TEST(one_that_the_next_death_would_end_runs_alone)
{
	produce("a", "a", "hold", "");
	die(&one, 1);
	die(&one, 1);
	start(&two);
	go(&two);
	wait_for(started(&two) == 1);
	produce("c", "c", "ok", "");
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	ck_assert_str_eq(two.executor->started[0], "a/1");
	ck_assert_uint_eq(started(&two), 1);
	release(&two);
	wait_for(results() == 2);
	stop(&two);
}
END_TEST

START_TEST(a_suspect_starts_only_once_its_mark_is_stored)
{
	produce("a", "a", "hold", "");
	die(&one, 1);
	start(&two);
	broker_memory_hold(two.broker, true);
	go(&two);
	wait_for(broker_memory_assigned(two.broker));
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	ck_assert_uint_eq(started(&two), 0);
	broker_memory_revoke(two.broker, false);
	wait_for(!broker_memory_assigned(two.broker));
	broker_memory_hold(two.broker, false);
	broker_memory_assign(two.broker);
	wait_for(started(&two) == 1);
	release(&two);
	wait_for(results() == 1);
	stop(&two);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retries and suspects");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, a_failed_attempt_goes_to_the_retries_and_frees_its_offset);
	tcase_add_test(cases, attempts_are_numbered_on_over_a_crash_and_no_sooner_than_due);
	tcase_add_test(cases, what_is_not_due_for_long_is_fetched_again_when_it_is);
	tcase_add_test(cases, a_copy_of_what_waits_for_a_retry_runs_nothing_over_a_crash_too);
	tcase_add_test(cases, a_retry_that_ended_beyond_the_watermark_is_not_run_again);
	tcase_add_test(cases, a_deadline_between_attempts_fails_with_the_error_of_the_attempt_before);
	tcase_add_test(cases, delays_grow_and_spread_but_are_never_shorter_than_asked_for);
	tcase_add_test(cases, delays_grow_to_the_longest_that_is_allowed);
	tcase_add_test(cases, delays_are_spread_over_what_is_configured);
	tcase_add_test(cases, no_two_workers_spread_alike);
	tcase_add_test(cases, what_others_write_to_the_retries_is_left_alone);
	tcase_add_test(cases, what_waits_for_long_is_written_anew_and_lets_offsets_go_on);
	tcase_add_test(cases, large_retries_that_are_due_soon_are_kept_within_the_bytes_of_the_queue);
	tcase_add_test(cases, a_job_under_which_three_workers_died_is_lost);
	tcase_add_test(cases, handing_back_is_no_death);
	tcase_add_test(cases, suspects_run_one_at_a_time_and_what_is_none_beside_them);
	tcase_add_test(cases, one_that_the_next_death_would_end_runs_alone);
	tcase_add_test(cases, a_suspect_starts_only_once_its_mark_is_stored);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
