/* test_worker_cancel.c: the loop, and what is cancelled: see worker_fixture.h. */
#include "worker_fixture.h"

#define HOUR INT64_C(3600000)

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* A control record of what is given ("" for the rest), taken then. */
static void cancel_at(const char *thread, const char *node, const char *execution, int64_t at_ms)
{
	char text[400];
	snprintf(text, sizeof text, "{\"action\":\"cancel\"%s%s%s%s%s%s%s%s%s}",
		*thread ? ",\"threadId\":\"" : "", thread, *thread ? "\"" : "",
		*node ? ",\"nodeId\":\"" : "", node, *node ? "\"" : "",
		*execution ? ",\"executionId\":\"" : "", execution, *execution ? "\"" : "");
	memory_store_control(store, text, strlen(text), at_ms);
}

static void cancel(const char *thread, const char *node, const char *execution)
{
	cancel_at(thread, node, execution, now_ms());
}

static void produce_at(const char *thread, const char *execution, const char *code, const char *more,
	int64_t at_ms)
{
	char text[600];
	snprintf(text, sizeof text, "{\"threadId\":\"%s\",\"nodeId\":\"n\",\"executionId\":\"%s\","
		"\"scriptType\":\"shell\",\"code\":\"%s\"%s}", thread, execution, code, more);
	memory_store_produce_at(store, 0, thread, text, at_ms);
}

static double counted(const struct fixture *fixture, enum metric metric, int label)
{
	return metrics_value(fixture->metrics, metric, label);
}

/* Whether the only result of the execution has this status. */
static bool ended_as(const char *execution, const char *status)
{
	char name[80], wanted[40];
	int found = 0, right = 0;
	snprintf(name, sizeof name, "\"executionId\":\"%s\"", execution);
	snprintf(wanted, sizeof wanted, "\"status\":\"%s\"", status);
	for (size_t i = 0; i < results(); i++)
		if (has(config->topics.results, i, name)) {
			found++;
			right += has(config->topics.results, i, wanted);
		}
	return found == 1 && right == 1;
}

static size_t finals(void)
{
	size_t found = 0;
	for (size_t i = 0; i < memory_store_count(store, config->topics.state); i++)
		found += has(config->topics.state, i, "\"final\"");
	return found;
}

static void nothing_but_results(void)
{
	ck_assert_uint_eq(memory_store_count(store, config->topics.errors), 0);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 0);
	ck_assert_uint_eq(finals(), results());
}

START_TEST(what_runs_is_killed_and_answered)
{
	produce("t", "x", "hold", ",\"retries\":3");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	cancel("t", "", "");
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(has(config->topics.results, 0, "\"code\":\"cancelled\""));
	ck_assert(has(config->topics.results, 0, "\"type\":\"CancelledError\""));
	nothing_but_results();
	ck_assert(counted(&one, METRIC_RESULTS, STATUS_CANCELLED) == 1);
	ck_assert(counted(&one, METRIC_CONTROLS, METRIC_UNLABELLED) == 1);
	stop(&one);
}
END_TEST

START_TEST(what_waits_for_a_slot_or_its_key_is_never_started)
{
	produce("a", "a", "hold", "");
	produce("t", "t1", "hold", "");
	produce("t", "t2", "ok", "");
	produce("u", "u", "ok", "");
	produce("t", "t3", "ok", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 2);
	wait_for(counted(&one, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 3);
	cancel("", "", "t2");
	wait_for(results() == 1);
	cancel("t", "", "");
	wait_for(results() == 4);
	release(&one);
	wait_for(memory_store_committed(store, 0) == 5);
	for (int i = 1; i <= 3; i++)
		ck_assert(ended_as((const char *[]){"t1", "t2", "t3"}[i - 1], "CANCELLED"));
	ck_assert(ended_as("a", "COMPLETED") && ended_as("u", "COMPLETED"));
	ck_assert_uint_eq(started(&one), 3);
	nothing_but_results();
	stop(&one);
}
END_TEST

START_TEST(what_is_submitted_after_the_cancel_runs)
{
	int64_t base_ms = now_ms() - 1000;
	start(&one);
	go(&one);
	produce_at("t", "x", "hold", "", base_ms);
	wait_for(started(&one) == 1);
	produce_at("t", "y", "ok", "", base_ms + 1);
	cancel_at("t", "", "", base_ms);
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(ended_as("y", "COMPLETED"));
	stop(&one);
}
END_TEST

START_TEST(of_a_node_only_the_node_is_cancelled)
{
	produce("t", "x", "hold", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	cancel("t", "m", "");
	cancel("u", "n", "");
	cancel("t", "", "y");
	wait_for(counted(&one, METRIC_CONTROLS, METRIC_UNLABELLED) == 3);
	ck_assert_uint_eq(results(), 0);
	cancel("t", "n", "");
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(ended_as("x", "CANCELLED"));
	stop(&one);
}
END_TEST

START_TEST(a_waiting_retry_ends_as_the_attempt_that_failed)
{
	produce("t", "x", "fail", ",\"retries\":2,\"retryDelayMs\":3600000");
	start(&one);
	go(&one);
	wait_for(memory_store_count(store, config->topics.errors) == 1);
	cancel("", "", "x");
	wait_for(results() == 1);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(has(config->topics.results, 0, "\"attempt\":1,"));
	ck_assert_uint_eq(started(&one), 1);
	ck_assert_uint_eq(memory_store_count(store, config->topics.errors), 1);
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 0);
	ck_assert(counted(&one, METRIC_RETRIES_WAITING, METRIC_UNLABELLED) == 0);
	stop(&one);
}
END_TEST

START_TEST(what_waits_for_a_sandbox_frees_its_key)
{
	produce("t", "x", "sandbox", "");
	produce("t", "y", "ok", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	cancel("", "", "x");
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(ended_as("y", "COMPLETED"));
	stop(&one);
}
END_TEST

START_TEST(what_was_cancelled_before_the_worker_came_is_never_started)
{
	int64_t base_ms = now_ms() - 60000;
	produce_at("t", "old", "ok", "", base_ms);
	produce_at("t", "new", "ok", "", base_ms + 2);
	produce_at("u", "other", "ok", "", base_ms);
	cancel_at("t", "", "", base_ms + 1);
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 3);
	ck_assert(ended_as("old", "CANCELLED"));
	ck_assert(ended_as("new", "COMPLETED"));
	ck_assert(ended_as("other", "COMPLETED"));
	ck_assert_uint_eq(started(&one), 2);
	nothing_but_results();
	stop(&one);
}
END_TEST

START_TEST(an_execution_may_be_cancelled_before_it_is_submitted)
{
	int64_t base_ms = now_ms() - 2 * HOUR;
	cancel_at("", "", "x", base_ms);
	cancel_at("", "", "y", base_ms);
	produce_at("t", "x", "ok", "", base_ms + HOUR);
	produce_at("t", "y", "ok", "", base_ms + HOUR + 1);
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(ended_as("y", "COMPLETED"));
	stop(&one);
}
END_TEST

START_TEST(nothing_runs_before_the_cancels_are_read)
{
	produce("t", "x", "ok", "");
	produce("u", "y", "ok", "");
	cancel("t", "", "");
	start(&one);
	broker_memory_hold_controls(one.broker, true);
	go(&one);
	wait_for(counted(&one, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 2);
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	ck_assert_uint_eq(started(&one), 0);
	ck_assert(!one.health.controls_read);
	broker_memory_hold_controls(one.broker, false);
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert(one.health.controls_read);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(ended_as("y", "COMPLETED"));
	ck_assert_uint_eq(started(&one), 1);
	stop(&one);
}
END_TEST

START_TEST(malformed_control_records_are_counted_and_skipped)
{
	static const char *const wrong[] = {"", "no JSON", "{", "[]", "{}", "{\"action\":\"cancel\"}",
		"{\"action\":\"stop\",\"threadId\":\"t\"}", "{\"threadId\":\"t\"}",
		"{\"action\":\"cancel\",\"nodeId\":\"n\"}",
		"{\"action\":\"cancel\",\"threadId\":\"\"}",
		"{\"action\":\"cancel\",\"threadId\":7}",
		"{\"action\":\"cancel\",\"threadId\":\"t\",\"nodeId\":false}",
		"{\"action\":\"cancel\",\"threadId\":\"t\",\"threadId\":\"t\"}",
		"{\"action\":\"cancel\",\"threadId\":\"t\"} more",
		"{\"action\":\"cancel\",\"threadId\":\"t\\u0000\"}",
		"{\"action\":\"cancel\",\"threadId\":\"t\xff\"}", "\xc3\x01" "12345678 unknown",
		"\xc3\x01\x16\xdc\xa3\xed\xf4\x76\x7b\xbf\x0c" "canc", "\xef\xbb\xbf{}"};
	const int count = sizeof wrong / sizeof *wrong;
	produce("t", "x", "hold", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	memory_store_control(store, NULL, 0, now_ms());
	for (int i = 0; i < count; i++)
		memory_store_control(store, wrong[i], strlen(wrong[i]), now_ms());
	wait_for(counted(&one, METRIC_CONTROLS, METRIC_UNLABELLED) == count + 1);
	wait_for(counted(&one, METRIC_CONTROLS_MALFORMED, METRIC_UNLABELLED) == count + 1);
	ck_assert_uint_eq(results(), 0);
	static const char fine[] = "\n {\"action\":\"cancel\",\"threadId\":\"\\u0074\",\"nodeId\":null,"
		"\"executionId\":null,\"issuedAt\":1,\"reason\":[{}]}";
	memory_store_control(store, fine, strlen(fine), now_ms());
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(ended_as("x", "CANCELLED"));
	stop(&one);
}
END_TEST

START_TEST(a_cancel_may_be_avro)
{
	static const char record[] = "\xc3\x01\x16\xdc\xa3\xed\xf4\x76\x7b\xbf\x0c" "cancel"
		"\x02\x02" "x" "\0\0\0";
	produce("t", "x", "hold", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	memory_store_control(store, record, sizeof record - 1, now_ms());
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(counted(&one, METRIC_CONTROLS_MALFORMED, METRIC_UNLABELLED) == 0);
	stop(&one);
}
END_TEST

START_TEST(a_cancel_of_the_future_does_not_hold_for_ever)
{
	cancel_at("t", "", "", now_ms() + 100 * HOUR);
	produce_at("t", "x", "ok", "", now_ms());
	produce_at("t", "y", "ok", "", now_ms() + HOUR);
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(ended_as("y", "COMPLETED"));
	stop(&one);
}
END_TEST

START_TEST(what_is_malformed_is_answered_as_that)
{
	produce("t", "x", "hold", "");
	produce("t", "y", "ok", ",\"risk\":\"enormous\"");
	start(&one);
	go(&one);
	wait_for(counted(&one, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 1);
	cancel("t", "", "");
	wait_for(memory_store_committed(store, 0) == 2);
	produce_at("t", "z", "ok", ",\"risk\":\"enormous\"", now_ms() - 1000);
	wait_for(memory_store_committed(store, 0) == 3);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(ended_as("y", "FAILED"));
	ck_assert(ended_as("z", "FAILED"));
	ck_assert_uint_eq(memory_store_count(store, config->topics.dead), 2);
	stop(&one);
}
END_TEST

START_TEST(a_job_that_ends_while_it_is_killed_has_one_result)
{
	produce("t", "x", "deaf", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	cancel("t", "", "");
	cancel("t", "n", "");
	wait_for(counted(&one, METRIC_CONTROLS, METRIC_UNLABELLED) == 2);
	ck_assert_uint_eq(results(), 0);
	release(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(ended_as("x", "CANCELLED"));
	nothing_but_results();
	stop(&one);
}
END_TEST

START_TEST(a_result_that_is_being_committed_stands)
{
	produce("t", "x", "ok", "");
	start(&one);
	broker_memory_hold(one.broker, true);
	go(&one);
	wait_for(attempts_ended(&one) == 1);	/* what is under way may be positions alone */
	wait_for(broker_memory_under_way(one.broker) > 0);
	cancel("t", "", "");
	wait_for(counted(&one, METRIC_CONTROLS, METRIC_UNLABELLED) == 1);
	broker_memory_hold(one.broker, false);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(ended_as("x", "COMPLETED"));
	stop(&one);
}
END_TEST

START_TEST(cancelled_is_final_over_a_crash)
{
	produce("t", "x", "hold", "");
	produce("u", "y", "hold", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 2);
	cancel("", "", "y");
	wait_for(ended_as("y", "CANCELLED"));
	produce("u", "y", "ok", "");
	crash(&one);
	start(&two);
	two.executor->released = true;
	go(&two);
	wait_for(memory_store_committed(store, 0) == 3);
	ck_assert(ended_as("x", "COMPLETED"));
	ck_assert(ended_as("y", "CANCELLED"));
	ck_assert_uint_eq(started(&two), 1);
	stop(&two);
}
END_TEST

START_TEST(what_was_not_committed_before_a_crash_is_cancelled_after_it)
{
	produce("t", "x", "hold", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	broker_memory_hold(one.broker, true);
	cancel("t", "", "");
	wait_for(broker_memory_under_way(one.broker) > 0);
	crash(&one);
	ck_assert_uint_eq(results(), 0);
	start(&two);
	go(&two);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert_uint_eq(started(&two), 0);
	stop(&two);
}
END_TEST

START_TEST(a_cancel_counts_while_the_worker_drains)
{
	produce("t", "x", "hold", "");
	produce("a", "a", "hold", "");
	produce("t", "y", "ok", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 2);
	wait_for(counted(&one, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 1);
	uint64_t ask = 1;
	ck_assert_int_eq(write(one.parts.stop_fd, &ask, sizeof ask), sizeof ask);
	wait_for(one.health.draining);
	cancel("t", "", "");
	gather(&one);
	ck_assert_int_eq(one.result, 0);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert(ended_as("y", "CANCELLED"));
	ck_assert_uint_eq(results(), 2);
	ck_assert_int_eq(memory_store_committed(store, 0), 1);
}
END_TEST

START_TEST(a_cancel_holds_over_a_rebalance)
{
	produce("t", "x", "deaf", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	cancel("t", "", "");
	wait_for(counted(&one, METRIC_CONTROLS, METRIC_UNLABELLED) == 1);
	broker_memory_revoke(one.broker, true);
	release(&one);
	wait_for(!broker_memory_assigned(one.broker));
	ck_assert_uint_eq(results(), 0);
	broker_memory_assign(one.broker);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert(ended_as("x", "CANCELLED"));
	ck_assert_uint_eq(started(&one), 1);
	stop(&one);
}
END_TEST

START_TEST(many_waiting_requests_are_cancelled_at_once)
{
	produce("a", "a", "hold", "");
	for (int i = 0; i < 18; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		produce(i % 2 ? "t" : "a", name, "ok", "");
	}
	start(&one);
	go(&one);
	wait_for(counted(&one, METRIC_RESULTS, STATUS_COMPLETED) == 9);
	wait_for(counted(&one, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 9);
	cancel("a", "", "");
	wait_for(counted(&one, METRIC_RESULTS, STATUS_CANCELLED) == 10);
	ck_assert(counted(&one, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 0);
	wait_for(memory_store_committed(store, 0) == 19);
	ck_assert_uint_eq(results(), 19);
	stop(&one);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cancelling");
	TCase *cases = tcase_create("all");
	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, what_runs_is_killed_and_answered);
	tcase_add_test(cases, what_waits_for_a_slot_or_its_key_is_never_started);
	tcase_add_test(cases, what_is_submitted_after_the_cancel_runs);
	tcase_add_test(cases, of_a_node_only_the_node_is_cancelled);
	tcase_add_test(cases, a_waiting_retry_ends_as_the_attempt_that_failed);
	tcase_add_test(cases, what_waits_for_a_sandbox_frees_its_key);
	tcase_add_test(cases, what_was_cancelled_before_the_worker_came_is_never_started);
	tcase_add_test(cases, an_execution_may_be_cancelled_before_it_is_submitted);
	tcase_add_test(cases, nothing_runs_before_the_cancels_are_read);
	tcase_add_test(cases, malformed_control_records_are_counted_and_skipped);
	tcase_add_test(cases, a_cancel_may_be_avro);
	tcase_add_test(cases, a_cancel_of_the_future_does_not_hold_for_ever);
	tcase_add_test(cases, what_is_malformed_is_answered_as_that);
	tcase_add_test(cases, a_job_that_ends_while_it_is_killed_has_one_result);
	tcase_add_test(cases, a_result_that_is_being_committed_stands);
	tcase_add_test(cases, cancelled_is_final_over_a_crash);
	tcase_add_test(cases, what_was_not_committed_before_a_crash_is_cancelled_after_it);
	tcase_add_test(cases, a_cancel_counts_while_the_worker_drains);
	tcase_add_test(cases, a_cancel_holds_over_a_rebalance);
	tcase_add_test(cases, many_waiting_requests_are_cancelled_at_once);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
