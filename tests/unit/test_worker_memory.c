/* test_worker_memory.c: what a request becomes: results, marks and offsets, over crashes, revocations and refusals. */
#include "worker_fixture.h"

#include <sys/syscall.h>

static _Atomic int clock_ahead_s;

/* In place of libc's, so that the loop waits for long in no time. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	long result = syscall(SYS_clock_gettime, clock, now);
	if (result == 0 && clock == CLOCK_MONOTONIC)
		now->tv_sec += clock_ahead_s;
	return (int)result;
}

START_TEST(a_request_becomes_a_result_a_mark_and_an_offset_at_once)
{
	produce("t", "x", "ok", "");
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert_uint_eq(results(), 1);
	ck_assert(has(config->topics.results, 0, "\"COMPLETED\""));
	ck_assert(has(config->topics.state, 0, "\"started\""));
	ck_assert(has(config->topics.state, 1, "\"final\""));
	ck_assert_uint_eq(memory_store_count(store, config->topics.errors), 0);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 0);
	stop(&one);
}
END_TEST

START_TEST(what_is_finished_beyond_a_running_job_survives_a_crash)
{
	int64_t begin_ms = time(NULL) * 1000 - config->worker.dedupe_window_ms - 61000;
	produce("slow", "slow", "hold", "");
	produce_many(8);
	start(&one);
	go(&one);
	wait_for(results() == 8);
	ck_assert_int_eq(memory_store_committed(store, 0), 0);
	ck_assert_int_ge(memory_store_since(store, 0), begin_ms);
	ck_assert_int_le(memory_store_since(store, 0), time(NULL) * 1000 + 999);
	crash(&one);
	start(&two);
	two.executor->released = true;
	go(&two);
	wait_for(memory_store_committed(store, 0) == 9);
	ck_assert_uint_eq(started(&two), 1);
	ck_assert_str_eq(two.executor->started[0], "slow/1");
	ck_assert_uint_eq(results(), 9);
	stop(&two);
}
END_TEST

START_TEST(a_resubmission_runs_nothing_and_writes_nothing_over_a_crash_too)
{
	produce("t", "x", "ok", "");
	produce("t", "x", "ok", "");
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 2);
	crash(&one);
	produce("t", "x", "ok", "");
	produce("t", "y", "ok", "");
	start(&two);
	go(&two);
	wait_for(memory_store_committed(store, 0) == 4);
	ck_assert_uint_eq(started(&two), 1);
	ck_assert_uint_eq(results(), 2);
	stop(&two);
}
END_TEST

START_TEST(a_dropped_batch_is_run_again_and_nothing_is_committed_past_it)
{
	start(&one);
	broker_memory_drop_next(one.broker);
	produce_many(6);
	go(&one);
	wait_for(broker_memory_assigned(one.broker));
	broker_memory_drop_next(one.broker);
	produce("late", "late", "ok", "");
	wait_for(started(&one) >= 1);
	broker_memory_revoke(one.broker, true);
	wait_for(!broker_memory_assigned(one.broker));
	size_t before = results();
	ck_assert_int_le(memory_store_committed(store, 0), (int64_t)before);
	broker_memory_assign(one.broker);
	wait_for(memory_store_committed(store, 0) == 7);
	ck_assert_uint_eq(results(), 7);
	stop(&one);
}
END_TEST

static int counted(enum metric metric, int label)
{
	return (int)metrics_value(one.metrics, metric, label);
}

static void counts_are(int times)
{
	ck_assert_int_eq(counted(METRIC_RESULTS, STATUS_COMPLETED), times);
	ck_assert_int_eq(counted(METRIC_RESULTS, STATUS_FAILED), times);
	ck_assert_int_eq(counted(METRIC_ERRORS, ERROR_EXECUTION_EXIT), 2 * times);
	ck_assert_int_eq(counted(METRIC_ERRORS, ERROR_REQUEST_MALFORMED), times);
	ck_assert_int_eq(counted(METRIC_RETRIES, METRIC_UNLABELLED), times);
	ck_assert_int_eq(counted(METRIC_DEAD, METRIC_UNLABELLED), 2 * times);
}

START_TEST(what_is_counted_is_what_was_committed)
{
	config->worker.batch_ms = 60000;
	start(&one);
	broker_memory_hold_batches(one.broker, true);
	go(&one);
	wait_for(broker_memory_assigned(one.broker));
	produce("good", "good", "ok", "");
	produce("bad", "bad", "fail", "");
	produce("again", "again", "fail 1", ",\"retries\":1,\"retryDelayMs\":60000");
	memory_store_produce(store, 0, "k", "{}", NULL, 0);
	wait_for(started(&one) == 3 && counted(METRIC_MALFORMED, METRIC_UNLABELLED) == 1);
	wait_for(broker_memory_under_way(one.broker) > 0);
	counts_are(0);
	broker_memory_drop_next(one.broker);
	wait_for(counted(METRIC_ABORTS, METRIC_UNLABELLED) > 0);
	counts_are(0);
	broker_memory_revoke(one.broker, true);
	wait_for(!broker_memory_assigned(one.broker));
	broker_memory_hold_batches(one.broker, false);
	broker_memory_assign(one.broker);
	wait_for(memory_store_committed(store, 0) == 4);
	wait_for(counted(METRIC_DEAD, METRIC_UNLABELLED) >= 2);
	size_t turn = turns(&one);
	wait_for(turns(&one) > turn + 1);
	counts_are(1);
	stop(&one);
}
END_TEST

START_TEST(a_takeover_that_stands_still_is_told_with_its_age)
{
	produce("a", "a", "ok", "");
	start(&one);
	broker_memory_hold_takeover(one.broker, true);
	go(&one);
	wait_for(counted(METRIC_TAKEOVER_PARTITIONS, METRIC_UNLABELLED) == 1);
	clock_ahead_s += 300;
	wait_for(counted(METRIC_TAKEOVER_SECONDS, METRIC_UNLABELLED) >= 300);
	ck_assert_str_eq(one.health.takeover_step, "reading");
	ck_assert_str_eq(one.health.takeover_reason, "held");
	ck_assert_uint_eq(started(&one), 0);
	broker_memory_hold_takeover(one.broker, false);
	wait_for(memory_store_committed(store, 0) == 1);
	wait_for(counted(METRIC_TAKEOVER_PARTITIONS, METRIC_UNLABELLED) == 0);
	ck_assert_int_eq(counted(METRIC_TAKEOVER_SECONDS, METRIC_UNLABELLED), 0);
	ck_assert_ptr_null(one.health.takeover_step);
	ck_assert_ptr_null(one.health.takeover_reason);
	stop(&one);
}
END_TEST

START_TEST(little_is_begun_while_nothing_can_be_committed)
{
	start(&one);
	broker_memory_hold(one.broker, true);
	produce_many(400);
	go(&one);
	wait_for(started(&one) >= 10);
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	ck_assert_uint_lt(started(&one), 60);
	broker_memory_hold(one.broker, false);
	wait_for(memory_store_committed(store, 0) == 400);
	ck_assert_uint_eq(results(), 400);
	stop(&one);
}
END_TEST

/* A worker that has committed something already begins these requests after so long; all but `waiting` of them
 * start. */
static void load_after(int waited_s, int count, int waiting, void (*requests)(void))
{
	produce("z", "z", "ok", "");
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	broker_memory_silence(one.broker, 1000, 1000);	/* nothing is begun */
	size_t turn = turns(&one);
	wait_for(turns(&one) > turn + 1);
	requests();
	wait_for(metrics_value(one.metrics, METRIC_REQUESTS, ENCODING_JSON) == count + 1);
	clock_ahead_s += waited_s;
	broker_memory_silence(one.broker, 0, 1000);
	wait_for(started(&one) == (size_t)(1 + count - waiting));
}

static void three_of_which_one_ends(void)
{
	produce("a", "a", "ok", "");
	produce("b", "b", "hold", "");
	produce("c", "c", "hold", "");
}

static void four_of_which_one_ends(void)
{
	three_of_which_one_ends();
	produce("d", "d", "ok", "");
}

static void six_of_which_three_end(void)
{
	produce("x", "x", "ok", "");
	produce("y", "y", "ok", "");
	four_of_which_one_ends();
}

/* The result of the one that ended waits so long, no more and no less. */
static void waits_for(int seconds)
{
	clock_ahead_s += seconds - 2;
	usleep(50000);
	ck_assert_uint_eq(results(), 1);
	clock_ahead_s += 3;
	wait_for(results() == 2);
	release(&one);
	wait_for(memory_store_committed(store, 0) == 5);
	stop(&one);
}

START_TEST(a_result_waits_for_more_while_requests_wait_for_a_slot)
{
	config->worker.batch_ms = 60000;
	load_after(600, 4, 1, four_of_which_one_ends);
	waits_for(60);
}
END_TEST

START_TEST(a_result_waits_no_longer_than_a_quarter_of_what_its_request_did)
{
	config->worker.batch_ms = 600000;
	load_after(400, 4, 1, four_of_which_one_ends);
	waits_for(100);
}
END_TEST

START_TEST(a_result_does_not_wait_while_no_request_waits_for_a_slot)
{
	config->worker.batch_ms = 60000;
	load_after(600, 3, 0, three_of_which_one_ends);
	wait_for(results() == 2);
	release(&one);
	stop(&one);
}
END_TEST

static void one_that_ends_and_two_of_one_key(void)
{
	produce("a", "a", "ok", "");
	produce("b", "b", "hold", "");
	produce("b", "c", "ok", "");
}

START_TEST(a_result_does_not_wait_while_a_slot_is_free)
{
	config->worker.batch_ms = 60000;
	load_after(600, 3, 1, one_that_ends_and_two_of_one_key);
	wait_for(results() == 2);
	release(&one);
	stop(&one);
}
END_TEST

START_TEST(a_batch_that_is_full_does_not_wait)
{
	config->worker.batch_ms = 60000;
	config->worker.batch_records = 2;
	load_after(600, 6, 1, six_of_which_three_end);
	wait_for(results() == 4);
	release(&one);
	stop(&one);
}
END_TEST

START_TEST(the_first_result_of_a_partition_does_not_wait)
{
	config->worker.batch_ms = 60000;
	start(&one);
	broker_memory_hold_controls(one.broker, true);	/* nothing is begun */
	go(&one);
	four_of_which_one_ends();
	wait_for(metrics_value(one.metrics, METRIC_REQUESTS, ENCODING_JSON) == 4);
	clock_ahead_s += 600;
	broker_memory_hold_controls(one.broker, false);
	wait_for(results() == 1);
	ck_assert_uint_eq(started(&one), 3);
	release(&one);
	stop(&one);
}
END_TEST

/* In code.state. */
static size_t starts_marked(void)
{
	size_t count = 0;
	for (size_t i = 0; i < memory_store_count(store, config->topics.state); i++)
		count += has(config->topics.state, i, "\"started\"");
	return count;
}

START_TEST(of_short_jobs_those_before_the_first_commit_are_marked_as_started)
{
	start(&one);
	broker_memory_hold_batches(one.broker, true);
	go(&one);
	produce_many(10);
	wait_for(started(&one) == 10);
	wait_for(starts_marked() == 10);
	broker_memory_hold_batches(one.broker, false);
	wait_for(memory_store_committed(store, 0) == 10);
	produce_many(40);		/* the first ten again, which run nothing */
	wait_for(memory_store_committed(store, 0) == 50);
	ck_assert_uint_lt(starts_marked(), 25);	/* none, unless this machine stood still */
	stop(&one);
}
END_TEST

START_TEST(a_full_window_waits_for_its_oldest)
{
	produce("slow", "slow", "hold", "");
	produce_many(60);
	start(&one);
	go(&one);
	wait_for(results() == 19);	/* the window has 20 */
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	ck_assert_uint_eq(results(), 19);
	release(&one);
	wait_for(memory_store_committed(store, 0) == 61);
	stop(&one);
}
END_TEST

START_TEST(a_pause_for_want_of_room_ends_with_it_however_full_the_window_is)
{
	produce("slow", "slow", "hold", "");
	produce_many(15);		/* of a window of 20 */
	start(&one);
	broker_memory_hold(one.broker, true);
	go(&one);
	wait_for(metrics_value(one.metrics, METRIC_PAUSED, METRIC_UNLABELLED) == 1);
	for (int i = 0; i < 10; i++) {
		char name[16];
		snprintf(name, sizeof name, "more%d", i);
		produce(name, name, "ok", "");
	}
	broker_memory_hold(one.broker, false);
	wait_for(results() == 19);
	release(&one);
	wait_for(memory_store_committed(store, 0) == 26);
	stop(&one);
}
END_TEST

START_TEST(a_gap_longer_than_the_window_holds_one_message_back)
{
	produce("slow", "slow", "hold", "");
	memory_store_skip(store, 0, 500);
	produce("after", "after", "ok", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	ck_assert_uint_eq(results(), 0);
	release(&one);
	wait_for(memory_store_committed(store, 0) == 502);
	ck_assert_uint_eq(results(), 2);
	stop(&one);
}
END_TEST

START_TEST(revocation_lets_jobs_end_and_commits_them)
{
	produce("a", "a", "hold", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	broker_memory_revoke(one.broker, false);
	release(&one);
	wait_for(!broker_memory_assigned(one.broker));
	ck_assert_uint_eq(results(), 1);
	ck_assert_int_eq(memory_store_committed(store, 0), 1);
	stop(&one);
}
END_TEST

START_TEST(revocation_kills_what_runs_too_long_and_counts_no_attempt)
{
	produce("a", "a", "hold", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	broker_memory_revoke(one.broker, false);
	wait_for(!broker_memory_assigned(one.broker));
	ck_assert_uint_eq(results(), 0);
	broker_memory_assign(one.broker);
	wait_for(started(&one) == 2);
	ck_assert_str_eq(one.executor->started[1], "a/1");
	release(&one);
	wait_for(results() == 1);
	stop(&one);
}
END_TEST

START_TEST(a_lost_assignment_publishes_nothing)
{
	produce("a", "a", "ok", "");
	start(&one);
	broker_memory_hold(one.broker, true);
	go(&one);
	wait_for(started(&one) == 1);
	broker_memory_revoke(one.broker, true);
	wait_for(!broker_memory_assigned(one.broker));
	broker_memory_hold(one.broker, false);
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	ck_assert_uint_eq(results(), 0);
	ck_assert_int_eq(memory_store_committed(store, 0), -1);
	stop(&one);
}
END_TEST

START_TEST(a_sandbox_that_fails_is_tried_again_three_times_in_one_attempt)
{
	produce("a", "a", "sandbox", ",\"retries\":5");
	start(&one);
	go(&one);
	wait_for(results() == 1);
	ck_assert_uint_eq(started(&one), 4);
	ck_assert_str_eq(one.executor->started[3], "a/1");
	ck_assert(has(config->topics.results, 0, "sandbox.unavailable"));
	ck_assert_uint_eq(memory_store_count(store, config->topics.errors), 1);
	ck_assert(has(config->topics.errors, 0, "\"final\":true"));
	stop(&one);
}
END_TEST

START_TEST(retries_are_told_and_the_last_failure_is_a_dead_letter)
{
	produce("a", "a", "fail", ",\"retries\":2,\"retryDelayMs\":20");
	produce("b", "b", "fail 1", ",\"retries\":2,\"retryDelayMs\":20");
	start(&one);
	go(&one);
	wait_for(results() == 2);
	ck_assert_int_eq(memory_store_committed(store, 0), 2);
	ck_assert_uint_eq(memory_store_count(store, config->topics.errors), 4);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 1);
	ck_assert(has(config->topics.dead, 0, "\"executionId\":\"a\""));
	stop(&one);
}
END_TEST

START_TEST(one_key_runs_one_at_a_time_in_order)
{
	produce("same", "a", "hold", "");
	produce("same", "b", "ok", "");
	produce("other", "c", "ok", "");
	start(&one);
	go(&one);
	wait_for(results() == 1);
	ck_assert(has(config->topics.results, 0, "\"executionId\":\"c\""));
	release(&one);
	wait_for(results() == 3);
	ck_assert(has(config->topics.results, 1, "\"executionId\":\"a\""));
	ck_assert(has(config->topics.results, 2, "\"executionId\":\"b\""));
	stop(&one);
}
END_TEST

static size_t idle(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->executor->lock);
	size_t count = fixture->executor->idle_count;
	pthread_mutex_unlock(&fixture->executor->lock);
	return count;
}

START_TEST(a_slot_is_idle_only_when_no_request_waits_for_it)
{
	produce("a", "a", "hold", "");
	produce("b", "b", "hold", "");
	produce("c", "c", "ok", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 2);
	size_t before = idle(&one);
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	ck_assert_uint_eq(idle(&one), before);
	release(&one);
	wait_for(results() == 3);
	wait_for(idle(&one) > before);
	stop(&one);
}
END_TEST

START_TEST(a_slot_is_idle_when_what_waits_waits_for_its_key)
{
	produce("a", "a", "hold", "");
	produce("a", "b", "ok", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	size_t before = idle(&one);
	produce("c", "c", "ok", "");
	wait_for(results() == 1);
	wait_for(idle(&one) > before);
	release(&one);
	stop(&one);
}
END_TEST

START_TEST(a_malformed_request_waits_for_its_key)
{
	produce("same", "a", "hold", "");
	produce("same", "b", "ok", ",\"retries\":-1");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	ck_assert_uint_eq(results(), 0);
	release(&one);
	wait_for(results() == 2);
	ck_assert(has(config->topics.results, 1, "request.malformed"));
	stop(&one);
}
END_TEST

START_TEST(what_cannot_be_read_is_told_once_even_over_a_crash)
{
	produce("slow", "slow", "hold", "");
	memory_store_produce(store, 0, "k", "{broken", NULL, 0);
	start(&one);
	go(&one);
	wait_for(memory_store_count(store, config->topics.dead) == 1);
	crash(&one);
	start(&two);
	two.executor->released = true;
	go(&two);
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 1);
	ck_assert_uint_eq(memory_store_count(store, config->topics.errors), 1);
	ck_assert_uint_eq(results(), 1);
	stop(&two);
}
END_TEST

START_TEST(a_refused_dead_letter_goes_without_its_value)
{
	static const struct broker_header headers[] = {{"mine", "1", 1}};
	char text[4000], padding[3000];
	memset(padding, 'y', sizeof padding - 1);
	padding[sizeof padding - 1] = '\0';
	snprintf(text, sizeof text, "{\"threadId\":\"t\",\"nodeId\":\"n\",\"executionId\":\"big\","
		"\"scriptType\":\"shell\",\"code\":\"fail\",\"unknown\":\"%s\"}", padding);
	memory_store_produce(store, 0, "t:n", text, headers, 1);
	start(&one);
	broker_memory_refuse_above(one.broker, 2500);
	go(&one);
	wait_for(results() == 1);
	const struct broker_record *letter = memory_store_record(store, config->topics.dead, 0);
	ck_assert_ptr_nonnull(letter);
	ck_assert_ptr_null(letter->value);
	ck_assert_str_eq(letter->key, "t:n");
	ck_assert_str_eq(letter->headers[0].name, "mine");
	ck_assert_str_eq(letter->headers[letter->header_count - 1].name, "codeworker-dead-value");
	stop(&one);
}
END_TEST

START_TEST(a_value_that_the_topic_does_not_take_is_a_failure_of_the_attempt)
{
	produce("t", "x", "value", "");
	start(&one);
	one.publisher.result_bytes = 2600;
	go(&one);
	wait_for(results() == 1);
	ck_assert(has(config->topics.results, 0, "limit.output"));
	ck_assert(has(config->topics.results, 0, "\"limit\":\"output\",\"value\":\"2600\","
		"\"peak\":\"2002\",\"unit\":\"bytes\""));
	ck_assert_uint_eq(memory_store_count(store, config->topics.errors), 1);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 1);
	stop(&one);
}
END_TEST

START_TEST(silence_of_the_group_ends_jobs_until_it_is_heard_again)
{
	produce("a", "a", "hold", "");
	start(&one);
	broker_memory_silence(one.broker, 0, 400);
	go(&one);
	wait_for(started(&one) == 1);
	broker_memory_silence(one.broker, 200, 400);
	wait_for(one.executor->count == 0);
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	ck_assert_uint_eq(started(&one), 1);
	release(&one);
	broker_memory_silence(one.broker, 10, 400);
	wait_for(results() == 1);
	ck_assert_str_eq(one.executor->started[1], "a/1");
	ck_assert_uint_eq(memory_store_count(store, config->topics.errors), 0);
	stop(&one);
}
END_TEST

START_TEST(a_stop_hands_back_what_does_not_end_in_time)
{
	produce("a", "a", "hold", "");
	produce("b", "b", "ok", "");
	start(&one);
	go(&one);
	wait_for(results() == 1);
	stop(&one);
	ck_assert_int_lt(memory_store_committed(store, 0), 1);
	ck_assert_uint_eq(results(), 1);
}
END_TEST

START_TEST(a_fatal_error_of_the_broker_ends_the_worker)
{
	start(&one);
	go(&one);
	broker_memory_fatal(one.broker, "another live worker has the same worker.id");
	gather(&one);
	ck_assert_int_eq(one.result, -1);
	ck_assert_str_eq(one.err.text, "another live worker has the same worker.id");
}
END_TEST

START_TEST(nothing_is_committed_once_a_result_could_not_be_published)
{
	produce("t", "x", "refuse", "");
	start(&one);
	one.executor->results_fail = true;
	go(&one);
	gather(&one);
	ck_assert_int_eq(one.result, -1);
	ck_assert_int_lt(memory_store_committed(store, 0), 1);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 0);
	start(&two);
	go(&two);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert_uint_eq(results(), 1);
	stop(&two);
}
END_TEST

START_TEST(nothing_is_committed_once_the_result_of_a_run_was_lost)
{
	produce("t", "x", "hold", "");
	start(&one);
	one.executor->results_fail = true;
	go(&one);
	wait_for(started(&one) == 1);
	release(&one);
	gather(&one);
	ck_assert_int_eq(one.result, -1);
	ck_assert_int_lt(memory_store_committed(store, 0), 1);
}
END_TEST

START_TEST(a_partition_that_was_paused_when_taken_away_goes_on_when_it_comes_back)
{
	produce("slow", "slow", "hold", "");
	produce_many(60);
	start(&one);
	go(&one);
	wait_for(results() == 19);	/* the window is full */
	broker_memory_revoke(one.broker, false);
	wait_for(!broker_memory_assigned(one.broker));
	release(&one);
	broker_memory_assign(one.broker);
	wait_for(memory_store_committed(store, 0) == 61);
	stop(&one);
}
END_TEST

START_TEST(what_a_request_takes_when_decoded_and_its_headers_count_as_held)
{
	char *padding = malloc(200001);
	struct broker_header header = {"big", padding, 200000};
	memset(padding, 'y', 200000);
	padding[200000] = '\0';
	for (int i = 0; i < 15; i++) {
		char text[200];
		snprintf(text, sizeof text, "{\"threadId\":\"t%d\",\"nodeId\":\"n\",\"executionId\":"
			"\"x%d\",\"scriptType\":\"shell\",\"code\":\"hold\"}", i, i);
		memory_store_produce(store, 0, NULL, text, &header, 1);
	}
	start(&one);
	go(&one);
	wait_for(metrics_value(one.metrics, METRIC_PAUSED, METRIC_UNLABELLED) == 1);
	ck_assert_int_lt((int64_t)metrics_value(one.metrics, METRIC_JOBS_QUEUED, METRIC_UNLABELLED),
		6);
	release(&one);
	wait_for(memory_store_committed(store, 0) == 15);
	stop(&one);
	free(padding);
}
END_TEST

START_TEST(little_is_taken_of_what_is_malformed_while_nothing_can_be_committed)
{
	static char text[100001] = "{broken ";
	memset(text + 8, 'x', sizeof text - 9);
	config->worker.batch_records = 1000;
	start(&one);
	broker_memory_hold(one.broker, true);
	for (int i = 0; i < 100; i++)
		memory_store_produce(store, 0, NULL, text, NULL, 0);
	go(&one);
	wait_for(metrics_value(one.metrics, METRIC_PAUSED, METRIC_UNLABELLED) == 1);
	ck_assert_int_lt((int)metrics_value(one.metrics, METRIC_MALFORMED, METRIC_UNLABELLED), 12);
	broker_memory_hold(one.broker, false);
	wait_for(memory_store_committed(store, 0) == 100);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 100);
	stop(&one);
}
END_TEST

START_TEST(many_failures_that_wait_for_a_transaction_do_not_use_up_its_memory)
{
	config->worker.batch_records = 1000;
	config->worker.queue_bytes = 64 << 20;
	start(&one);
	broker_memory_hold(one.broker, true);
	for (int i = 0; i < 300; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		produce(name, name, "refuse", "");
	}
	go(&one);
	wait_for(metrics_value(one.metrics, METRIC_REQUESTS, ENCODING_JSON) == 300);
	size_t turn = turns(&one);
	wait_for(turns(&one) > turn + 1 &&
		metrics_value(one.metrics, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 0);
	broker_memory_hold(one.broker, false);
	wait_for(memory_store_committed(store, 0) == 300);
	stop(&one);
}
END_TEST

/* A request's member of so many bytes. */
static const char *metadata(int bytes)
{
	static char text[4000];
	snprintf(text, sizeof text, ",\"metadata\":{\"m\":\"%0*d\"}", bytes, 0);
	return text;
}

START_TEST(a_failure_that_the_topic_does_not_take_goes_without_its_metadata)
{
	produce("t", "x", "fail", metadata(3000));
	produce("t", "y", "fail", metadata(30));
	start(&one);
	one.publisher.result_bytes = one.publisher.error_bytes = 2600;
	go(&one);
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert_uint_eq(results(), 2);
	ck_assert(has(config->topics.results, 0, "\"FAILED\""));
	ck_assert(has(config->topics.results, 0, "execution.exit"));
	ck_assert(has(config->topics.results, 0, "\"omitted\":\"what is long, and the metadata, since the "
		"topic takes 2600 bytes\""));
	ck_assert(has(config->topics.results, 0, "\"metadata\":{}"));
	ck_assert(has(config->topics.errors, 0, "\"metadata\":{}"));
	ck_assert(!has(config->topics.results, 1, "\"metadata\":{}"));
	ck_assert(!has(config->topics.errors, 1, "omitted"));
	stop(&one);
}
END_TEST

START_TEST(a_success_whose_metadata_the_topic_does_not_take_is_a_failure_not_the_end)
{
	produce("t", "x", "ok", metadata(3000));
	start(&one);
	one.publisher.result_bytes = one.publisher.error_bytes = 2600;
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(has(config->topics.results, 0, "limit.output"));
	stop(&one);
}
END_TEST

START_TEST(an_event_that_the_topic_does_not_take_goes_without_its_stderr)
{
	produce("t", "x", "fail loudly", metadata(30));
	start(&one);
	one.publisher.error_bytes = 2000;
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(has(config->topics.errors, 0, "\"stderrTail\":null"));
	ck_assert(!has(config->topics.errors, 0, "\"metadata\":{}"));
	stop(&one);
}
END_TEST

START_TEST(the_event_of_a_malformed_message_has_the_messages_key)
{
	static const char text[] = "{\"threadId\":\"t\",\"nodeId\":\"n\",\"retries\":-1,"
		"\"scriptType\":\"shell\"}";
	memory_store_produce(store, 0, "mine", text, NULL, 0);
	memory_store_produce(store, 0, NULL, text, NULL, 0);
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 2);
	const struct broker_record *event = memory_store_record(store, config->topics.errors, 0);
	ck_assert_str_eq(event->key, "mine");
	ck_assert_ptr_null(memory_store_record(store, config->topics.errors, 1)->key);
	ck_assert_str_eq(memory_store_record(store, config->topics.results, 0)->key, "t:n");
	stop(&one);
}
END_TEST

START_TEST(trace_headers_pass_whatever_their_size)
{
	static char state[6001];
	memset(state, 's', sizeof state - 1);
	const struct broker_header headers[] = {{"tracestate", state, sizeof state - 1}};
	memory_store_produce(store, 0, "t:n", "{\"threadId\":\"t\",\"nodeId\":\"n\",\"code\":\"fail\","
		"\"scriptType\":\"shell\"}", headers, 1);
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	const char *const topics[] = {config->topics.results, config->topics.errors};
	for (size_t t = 0; t < 2; t++) {
		const struct broker_record *record = memory_store_record(store, topics[t], 0);
		size_t i = 0;
		while (i < record->header_count &&
				strcmp(record->headers[i].name, "tracestate") != 0)
			i++;
		ck_assert_uint_lt(i, record->header_count);
		ck_assert_uint_eq(record->headers[i].size, sizeof state - 1);
		ck_assert_str_eq(record->headers[i].value, state);
	}
	stop(&one);
}
END_TEST

START_TEST(a_dead_letter_that_its_topic_cannot_take_goes_without_its_value_at_once)
{
	static char text[5000] = "{broken ";
	memset(text + 8, 'x', sizeof text - 9);
	memory_store_produce(store, 0, "k", text, NULL, 0);
	memory_store_produce(store, 0, "k", "{broken", NULL, 0);
	start(&one);
	one.publisher.dead_bytes = 4000;
	go(&one);
	wait_for(memory_store_committed(store, 0) == 2);
	const struct broker_record *letter = memory_store_record(store, config->topics.dead, 0);
	ck_assert_ptr_null(letter->value);
	ck_assert_str_eq(letter->key, "k");
	ck_assert_str_eq(letter->headers[letter->header_count - 1].name, "codeworker-dead-value");
	ck_assert_str_eq(memory_store_record(store, config->topics.dead, 1)->value, "{broken");
	stop(&one);
}
END_TEST

START_TEST(requests_of_a_topic_that_was_made_anew_are_run)
{
	produce_many(8);
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 8);
	stop(&one);
	memory_store_recreate(store, BROKER_REQUESTS);
	produce("slow", "slow", "hold", "");
	start(&two);
	go(&two);
	wait_for(memory_store_committed(store, 0) == 0 && started(&two) == 1);
	crash(&two);
	for (int i = 0; i < 4; i++)
		produce("after", (const char *[]){"c0", "c1", "c2", "c3"}[i], "ok", "");
	memory_store_produce(store, 0, NULL, "{broken", NULL, 0);
	start(&one);
	one.executor->released = true;
	go(&one);
	wait_for(memory_store_committed(store, 0) == 6);
	ck_assert_uint_eq(results(), 8 + 5);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 1);
	stop(&one);
}
END_TEST

START_TEST(a_copy_counts_from_when_it_was_submitted_not_from_when_it_is_read)
{
	static const char text[] = "{\"threadId\":\"t\",\"nodeId\":\"n\",\"executionId\":\"x\","
		"\"scriptType\":\"shell\",\"code\":\"ok\"}";
	config->worker.dedupe_window_ms = 100;
	produce("t", "x", "ok", "");
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t now_ms = now.tv_sec * 1000ll + now.tv_nsec / 1000000;
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	memory_store_produce_at(store, 0, "t:n", text, now_ms);
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert_uint_eq(results(), 1);
	stop(&one);
	memory_store_produce_at(store, 0, "t:n", text, now_ms);
	memory_store_produce_at(store, 0, "t:n", text, now_ms + 200);
	start(&two);
	go(&two);
	wait_for(memory_store_committed(store, 0) == 4);
	ck_assert_uint_eq(results(), 2);
	stop(&two);
}
END_TEST

START_TEST(a_sandbox_that_fails_holds_its_key_until_the_attempt_has_ended)
{
	produce("same", "a", "sandbox", "");
	produce("same", "b", "ok", "");
	start(&one);
	go(&one);
	wait_for(results() == 2);
	ck_assert(has(config->topics.results, 0, "sandbox.unavailable"));
	ck_assert(has(config->topics.results, 1, "\"executionId\":\"b\""));
	stop(&one);
}
END_TEST

START_TEST(silence_of_the_group_ends_jobs_while_draining_too)
{
	config->worker.shutdown_grace_ms = 60000;
	produce("a", "a", "hold", "");
	start(&one);
	broker_memory_silence(one.broker, 0, 400);
	go(&one);
	wait_for(started(&one) == 1);
	broker_memory_silence(one.broker, 200, 400);
	stop(&one);			/* the test would time out */
	ck_assert_uint_eq(results(), 0);
}
END_TEST

START_TEST(a_result_that_is_refused_is_not_lost)
{
	produce("t", "x", "large", metadata(10));
	start(&one);
	broker_memory_refuse_above(one.broker, 2500);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert_uint_eq(results(), 1);
	ck_assert(has(config->topics.results, 0, "\"FAILED\""));
	ck_assert(has(config->topics.results, 0, "limit.output"));
	stop(&one);
}
END_TEST

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static const char *with_deadline(int64_t in_ms, const char *more)
{
	static char text[200];
	snprintf(text, sizeof text, ",\"deadline\":%lld%s", (long long)(now_ms() + in_ms), more);
	return text;
}

START_TEST(a_deadline_passes_behind_a_busy_key_and_without_a_free_slot)
{
	produce("same", "a", "hold", "");
	produce("other", "b", "hold", "");
	produce("same", "c", "ok", with_deadline(100, ""));
	produce("third", "d", "ok", with_deadline(50, ""));
	start(&one);
	go(&one);
	wait_for(results() == 2);
	ck_assert(has(config->topics.results, 0, "\"executionId\":\"d\""));
	ck_assert(has(config->topics.results, 1, "\"executionId\":\"c\""));
	ck_assert(has(config->topics.results, 1, "\"SKIPPED\""));
	ck_assert(has(config->topics.results, 1, "\"expired\""));
	release(&one);
	wait_for(memory_store_committed(store, 0) == 4);
	ck_assert_uint_eq(started(&one), 2);
	stop(&one);
}
END_TEST

START_TEST(no_attempt_follows_that_could_not_begin_before_the_deadline)
{
	produce("a", "a", "fail", with_deadline(100, ",\"retries\":3,\"retryDelayMs\":60000"));
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert_uint_eq(started(&one), 1);
	ck_assert(has(config->topics.results, 0, "\"FAILED\""));
	ck_assert(has(config->topics.results, 0, "execution.exit"));
	ck_assert(has(config->topics.results, 0, "\"attempt\":1"));
	stop(&one);
}
END_TEST

START_TEST(what_is_malformed_does_not_expire)
{
	produce("same", "a", "hold", "");
	produce("same", "b", "ok", with_deadline(-1000, ",\"retries\":-1"));
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	ck_assert_uint_eq(results(), 0);
	release(&one);
	wait_for(results() == 2);
	ck_assert(has(config->topics.results, 1, "request.malformed"));
	stop(&one);
}
END_TEST

START_TEST(slots_do_not_wait_until_a_backlog_has_been_read)
{
	config->worker.window = config->worker.queue = 10000;
	config->worker.slots = 1;
	for (int i = 0; i < 500; i++)
		produce("same", "x", "ok", "");
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 500);
	ck_assert_int_lt(one.executor->read_at_start, 200);
	stop(&one);
}
END_TEST

static bool metrics_have(const char *line)
{
	size_t size;
	char *text = metrics_render(one.metrics, &size);
	bool found = text && strstr(text, line);
	free(text);
	return found;
}

START_TEST(time_in_the_queue_is_that_of_first_attempts_with_their_time_in_the_topic)
{
	memory_store_produce_at(store, 0, "t", "{\"threadId\":\"t\",\"nodeId\":\"n\",\"scriptType\":\"shell\","
		"\"code\":\"fail\",\"retries\":1,\"retryDelayMs\":50}", now_ms() - 20000);
	start(&one);
	go(&one);
	wait_for(results() == 1);
	ck_assert(metrics_have("codeworker_queue_seconds_count 1\n"));
	ck_assert(metrics_have("codeworker_queue_seconds_bucket{le=\"10\"} 0\n"));
	ck_assert(metrics_have("codeworker_queue_seconds_bucket{le=\"30\"} 1\n"));
	stop(&one);
}
END_TEST

START_TEST(the_backlog_is_what_has_not_been_started_read_or_not)
{
	config->worker.window = 5;
	for (int i = 0; i < 12; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		produce(name, name, "hold", "");
	}
	start(&one);
	go(&one);
	wait_for(metrics_value(one.metrics, METRIC_BACKLOG, METRIC_UNLABELLED) == 10);
	wait_for(metrics_value(one.metrics, METRIC_LAG, 0) == 12);
	ck_assert(metrics_value(one.metrics, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 3);
	release(&one);
	wait_for(metrics_value(one.metrics, METRIC_LAG, 0) == 0);
	ck_assert(metrics_value(one.metrics, METRIC_BACKLOG, METRIC_UNLABELLED) == 0);
	stop(&one);
}
END_TEST

START_TEST(tenants_take_turns)
{
	char name[16];
	config->worker.slots = 1;
	config->worker.window = 100;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "a%d", i);
		produce(name, name, "cpu 10", ",\"tenant\":\"a\"");
	}
	produce("b0", "b0", "cpu 10", ",\"tenant\":\"b\"");
	produce("b1", "b1", "cpu 10", ",\"tenant\":\"b\"");
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 42);
	int last_of_b = 0;
	for (int i = 0; i < 42; i++)
		if (one.executor->started[i][0] == 'b')
			last_of_b = i;
	ck_assert_int_lt(last_of_b, 10);
	stop(&one);
}
END_TEST

START_TEST(a_tenant_above_its_budget_waits_and_others_go_on)
{
	config->fairness.cpu_ms_per_minute = 1000;
	produce("a0", "a0", "cpu 5000", ",\"tenant\":\"a\"");
	start(&one);
	go(&one);
	wait_for(results() == 1);
	produce("a1", "a1", "ok", ",\"tenant\":\"a\"");
	produce("a2", "a2", "ok", with_deadline(100, ",\"tenant\":\"a\""));
	produce("b0", "b0", "ok", ",\"tenant\":\"b\"");
	wait_for(results() == 3);
	ck_assert_uint_eq(started(&one), 2);
	ck_assert_str_eq(one.executor->started[1], "b0/1");
	ck_assert(has(config->topics.results, 2, "\"SKIPPED\""));
	wait_for(metrics_value(one.metrics, METRIC_TENANTS_HELD, METRIC_UNLABELLED) == 1);
	stop(&one);
	ck_assert_uint_eq(results(), 3);
}
END_TEST

static size_t holders(struct fixture *fixture, json_t **report)
{
	json_decref(*report);
	*report = watermark_report_json(fixture->parts.watermarks);
	return json_array_size(*report);
}

START_TEST(the_request_that_a_full_window_waits_for_is_named)
{
	json_t *report = NULL;
	int64_t offset = produce("slow", "slow-1", "hold", "");
	produce_many(60);
	start(&one);
	one.parts.watermarks = watermark_report_new();
	ck_assert_uint_eq(holders(&one, &report), 0);
	go(&one);
	wait_for(holders(&one, &report) == 1);
	const json_t *holder = json_array_get(report, 0);
	ck_assert_int_eq(json_integer_value(json_object_get(holder, "offset")), offset);
	ck_assert_int_eq(json_integer_value(json_object_get(holder, "partition")), 0);
	ck_assert_str_eq(json_string_value(json_object_get(holder, "topic")),
		config->topics.requests);
	ck_assert_str_eq(json_string_value(json_object_get(holder, "threadId")), "slow");
	ck_assert_str_eq(json_string_value(json_object_get(holder, "nodeId")), "n");
	ck_assert_str_eq(json_string_value(json_object_get(holder, "executionId")), "slow-1");
	ck_assert_str_eq(json_string_value(json_object_get(holder, "state")), "running");
	wait_for(holders(&one, &report) == 1 && json_integer_value(json_object_get(
		json_array_get(report, 0), "heldMs")) >= 1000);
	wait_for(metrics_value(one.metrics, METRIC_WATERMARK_AGE, 0) >= 1);
	release(&one);
	wait_for(holders(&one, &report) == 0);
	wait_for(metrics_value(one.metrics, METRIC_WATERMARK_AGE, 0) == 0);
	stop(&one);
	json_decref(report);
	watermark_report_free(one.parts.watermarks);
}
END_TEST

START_TEST(nothing_is_told_of_partitions_that_are_gone)
{
	json_t *report = NULL;
	produce("slow", "slow", "hold", "");
	produce_many(60);
	start(&one);
	one.parts.watermarks = watermark_report_new();
	go(&one);
	wait_for(holders(&one, &report) == 1);
	broker_memory_revoke(one.broker, true);
	wait_for(!broker_memory_assigned(one.broker));
	wait_for(holders(&one, &report) == 0);
	ck_assert(metrics_value(one.metrics, METRIC_WATERMARK_AGE, 0) == 0);
	broker_memory_assign(one.broker);
	wait_for(holders(&one, &report) == 1);
	release(&one);
	wait_for(memory_store_committed(store, 0) == 61);
	stop(&one);
	json_decref(report);
	watermark_report_free(one.parts.watermarks);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker in memory");
	TCase *cases = tcase_create("all");
	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_request_becomes_a_result_a_mark_and_an_offset_at_once);
	tcase_add_test(cases, what_is_finished_beyond_a_running_job_survives_a_crash);
	tcase_add_test(cases, a_resubmission_runs_nothing_and_writes_nothing_over_a_crash_too);
	tcase_add_test(cases, a_dropped_batch_is_run_again_and_nothing_is_committed_past_it);
	tcase_add_test(cases, what_is_counted_is_what_was_committed);
	tcase_add_test(cases, a_takeover_that_stands_still_is_told_with_its_age);
	tcase_add_test(cases, little_is_begun_while_nothing_can_be_committed);
	tcase_add_test(cases, a_result_waits_for_more_while_requests_wait_for_a_slot);
	tcase_add_test(cases, a_result_waits_no_longer_than_a_quarter_of_what_its_request_did);
	tcase_add_test(cases, a_result_does_not_wait_while_no_request_waits_for_a_slot);
	tcase_add_test(cases, the_first_result_of_a_partition_does_not_wait);
	tcase_add_test(cases, of_short_jobs_those_before_the_first_commit_are_marked_as_started);
	tcase_add_test(cases, a_result_does_not_wait_while_a_slot_is_free);
	tcase_add_test(cases, a_batch_that_is_full_does_not_wait);
	tcase_add_test(cases, a_full_window_waits_for_its_oldest);
	tcase_add_test(cases, a_pause_for_want_of_room_ends_with_it_however_full_the_window_is);
	tcase_add_test(cases, a_gap_longer_than_the_window_holds_one_message_back);
	tcase_add_test(cases, revocation_lets_jobs_end_and_commits_them);
	tcase_add_test(cases, revocation_kills_what_runs_too_long_and_counts_no_attempt);
	tcase_add_test(cases, a_lost_assignment_publishes_nothing);
	tcase_add_test(cases, a_sandbox_that_fails_is_tried_again_three_times_in_one_attempt);
	tcase_add_test(cases, retries_are_told_and_the_last_failure_is_a_dead_letter);
	tcase_add_test(cases, one_key_runs_one_at_a_time_in_order);
	tcase_add_test(cases, a_slot_is_idle_only_when_no_request_waits_for_it);
	tcase_add_test(cases, a_slot_is_idle_when_what_waits_waits_for_its_key);
	tcase_add_test(cases, a_malformed_request_waits_for_its_key);
	tcase_add_test(cases, what_cannot_be_read_is_told_once_even_over_a_crash);
	tcase_add_test(cases, a_refused_dead_letter_goes_without_its_value);
	tcase_add_test(cases, a_value_that_the_topic_does_not_take_is_a_failure_of_the_attempt);
	tcase_add_test(cases, silence_of_the_group_ends_jobs_until_it_is_heard_again);
	tcase_add_test(cases, a_stop_hands_back_what_does_not_end_in_time);
	tcase_add_test(cases, a_fatal_error_of_the_broker_ends_the_worker);
	tcase_add_test(cases, nothing_is_committed_once_a_result_could_not_be_published);
	tcase_add_test(cases, nothing_is_committed_once_the_result_of_a_run_was_lost);
	tcase_add_test(cases,
		a_partition_that_was_paused_when_taken_away_goes_on_when_it_comes_back);
	tcase_add_test(cases, what_a_request_takes_when_decoded_and_its_headers_count_as_held);
	tcase_add_test(cases, little_is_taken_of_what_is_malformed_while_nothing_can_be_committed);
	tcase_add_test(cases, many_failures_that_wait_for_a_transaction_do_not_use_up_its_memory);
	tcase_add_test(cases,
		a_failure_that_the_topic_does_not_take_goes_without_its_metadata);
	tcase_add_test(cases,
		a_success_whose_metadata_the_topic_does_not_take_is_a_failure_not_the_end);
	tcase_add_test(cases,
		an_event_that_the_topic_does_not_take_goes_without_its_stderr);
	tcase_add_test(cases, the_event_of_a_malformed_message_has_the_messages_key);
	tcase_add_test(cases, trace_headers_pass_whatever_their_size);
	tcase_add_test(cases,
		a_dead_letter_that_its_topic_cannot_take_goes_without_its_value_at_once);
	tcase_add_test(cases, requests_of_a_topic_that_was_made_anew_are_run);
	tcase_add_test(cases, a_copy_counts_from_when_it_was_submitted_not_from_when_it_is_read);
	tcase_add_test(cases, a_sandbox_that_fails_holds_its_key_until_the_attempt_has_ended);
	tcase_add_test(cases, silence_of_the_group_ends_jobs_while_draining_too);
	tcase_add_test(cases, a_result_that_is_refused_is_not_lost);
	tcase_add_test(cases, a_deadline_passes_behind_a_busy_key_and_without_a_free_slot);
	tcase_add_test(cases, no_attempt_follows_that_could_not_begin_before_the_deadline);
	tcase_add_test(cases, what_is_malformed_does_not_expire);
	tcase_add_test(cases, slots_do_not_wait_until_a_backlog_has_been_read);
	tcase_add_test(cases, time_in_the_queue_is_that_of_first_attempts_with_their_time_in_the_topic);
	tcase_add_test(cases, the_backlog_is_what_has_not_been_started_read_or_not);
	tcase_add_test(cases, tenants_take_turns);
	tcase_add_test(cases, a_tenant_above_its_budget_waits_and_others_go_on);
	tcase_add_test(cases, the_request_that_a_full_window_waits_for_is_named);
	tcase_add_test(cases, nothing_is_told_of_partitions_that_are_gone);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
