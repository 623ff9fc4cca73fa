/* test_worker_priorities.c: the loop with several topics of requests: see worker_fixture.h. */
#include "worker_fixture.h"

#define URGENT BROKER_FURTHER

static void set_up(void)
{
	static const char *const more[] = {"topics.priorities.code.urgent=8",
		"topics.priorities.code.requests=1", "worker.queue=100"};
	setup_with(more, sizeof more / sizeof *more);
}

static int64_t produce_urgent(const char *thread, const char *execution, const char *code,
	const char *more)
{
	char text[600];
	snprintf(text, sizeof text, "{\"threadId\":\"%s\",\"nodeId\":\"n\",\"executionId\":\"%s\","
		"\"scriptType\":\"shell\",\"code\":\"%s\"%s}", thread, execution, code, more);
	return memory_store_produce_to(store, URGENT, 0, thread, text);
}

/* Of one cost, whatever the machine does meanwhile. */
static void produce_urgents(int count)
{
	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof name, "u%d", i);
		produce_urgent(name, name, "cpu 20", "");
	}
}

static void produce_slow(int count, const char *code, const char *more)
{
	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		produce(name, name, code, more);
	}
}

static double counted(const struct fixture *fixture, enum metric metric, int label)
{
	return metrics_value(fixture->metrics, metric, label);
}

/* Where it was started, among all starts; -1: it was not. */
static int place_of(struct fixture *fixture, const char *attempt)
{
	int found = -1;
	pthread_mutex_lock(&fixture->executor->lock);
	for (size_t i = 0; i < fixture->executor->started_count && found < 0; i++)
		if (strcmp(fixture->executor->started[i], attempt) == 0)
			found = (int)i;
	pthread_mutex_unlock(&fixture->executor->lock);
	return found;
}

static size_t results_of(const char *execution)
{
	char name[60];
	size_t found = 0;
	snprintf(name, sizeof name, "\"executionId\":\"%s\"", execution);
	for (size_t i = 0; i < results(); i++)
		found += has(config->topics.results, i, name);
	return found;
}

START_TEST(requests_of_all_topics_run_and_tell_where_they_came_from)
{
	produce("t", "x", "ok", "");
	produce_urgent("u", "y", "fail", "");
	start(&one);
	go(&one);
	wait_for(results() == 2);
	wait_for(memory_store_committed(store, 0) == 1);
	wait_for(memory_store_committed_of(store, URGENT, 0) == 1);
	ck_assert(has(config->topics.results, 0, "\"topic\":\"code.urgent\"") !=
		has(config->topics.results, 1, "\"topic\":\"code.urgent\""));
	const struct broker_record *dead = memory_store_record(store, config->topics.dead, 0);
	ck_assert_ptr_nonnull(dead);
	ck_assert_str_eq(dead->headers[0].value, "code.urgent");
	ck_assert_ptr_nonnull(memory_store_record(store, config->topics.state, 0));
	stop(&one);
}
END_TEST

/* Three windows full of the other, which was there first. */
START_TEST(an_urgent_backlog_overtakes_and_does_not_starve_the_other)
{
	produce("t", "first", "hold", "");
	produce("t2", "second", "hold", "");
	produce_slow(60, "cpu 20", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 2 && counted(&one, METRIC_PAUSED, METRIC_UNLABELLED) == 1);
	produce_urgents(18);
	wait_for(counted(&one, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 36);
	release(&one);
	wait_for(results() == 80);
	int last = 0;
	for (int i = 0; i < 18; i++) {
		char name[16];
		snprintf(name, sizeof name, "u%d/1", i);
		int place = place_of(&one, name);
		ck_assert_int_ge(place, 0);
		if (place > last)
			last = place;
	}
	int slow = last + 1 - 18 - 2;	/* that were started between them: 18 / 8, and what was estimated */
	ck_assert_int_ge(slow, 1);
	ck_assert_int_le(slow, 6);
	stop(&one);
}
END_TEST

/* One share of worker.queue each, so a topic that fills its own leaves room for the others. */
START_TEST(a_topic_that_fills_its_share_does_not_keep_others_from_being_read)
{
	teardown();
	static const char *const more[] = {"topics.priorities.code.urgent=8", "worker.queue=10"};
	setup_with(more, 2);
	produce_slow(30, "hold", "");
	start(&one);
	go(&one);
	wait_for(counted(&one, METRIC_PAUSED, METRIC_UNLABELLED) == 1);
	ck_assert(counted(&one, METRIC_REQUESTS, ENCODING_JSON) == 5);
	produce_urgents(3);
	wait_for(counted(&one, METRIC_REQUESTS, ENCODING_JSON) == 8);
	wait_for(counted(&one, METRIC_TOPIC_BACKLOG, 1) == 3);
	wait_for(counted(&one, METRIC_TOPIC_BACKLOG, 0) == 28);
	ck_assert(counted(&one, METRIC_BACKLOG, METRIC_UNLABELLED) == 31);
	release(&one);
	wait_for(results() == 33);
	stop(&one);
}
END_TEST

START_TEST(bytes_are_shared_too)
{
	teardown();
	static const char *const more[] = {"topics.priorities.code.urgent=8", "worker.window=10000",
		"worker.queue=100000"};
	setup_with(more, 3);
	char padding[4000];
	snprintf(padding, sizeof padding, ",\"input\":\"%03800d\"", 0);
	produce_slow(400, "hold", padding);
	start(&one);
	go(&one);
	wait_for(counted(&one, METRIC_PAUSED, METRIC_UNLABELLED) == 1);
	int read = (int)counted(&one, METRIC_REQUESTS, ENCODING_JSON);
	ck_assert_int_lt(read, 140);
	produce_urgents(3);
	wait_for((int)counted(&one, METRIC_REQUESTS, ENCODING_JSON) == read + 3);
	release(&one);
	wait_for(results() == 403);
	stop(&one);
}
END_TEST

START_TEST(a_retry_keeps_the_priority_of_its_topic)
{
	produce_urgent("u", "u", "fail 1, cpu 20", ",\"retries\":1,\"retryDelayMs\":300");
	start(&one);
	go(&one);
	wait_for(memory_store_count(store, config->topics.retries) == 1);
	produce("t", "first", "hold", "");
	produce("t2", "second", "hold", "");
	wait_for(started(&one) == 3);
	produce_slow(18, "cpu 20", "");
	wait_for(counted(&one, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 19);
	release(&one);
	wait_for(results() == 21);
	/* Behind the first attempts, one by one, it would be the last. */
	ck_assert_int_ge(place_of(&one, "u/2"), 3);
	ck_assert_int_le(place_of(&one, "u/2"), 8);
	stop(&one);
}
END_TEST

/* The same offsets of the same partition number, in two topics: what is said of one is not said of the other. */
START_TEST(a_crash_loses_and_doubles_nothing_of_either_topic)
{
	teardown();
	static const char *const more[] = {"topics.priorities.code.urgent=8", "worker.slots=4"};
	setup_with(more, 2);
	produce("a", "a", "hold", "");
	produce("b", "b", "ok", "");
	produce_urgent("c", "c", "ok", "");
	produce_urgent("d", "d", "hold", "");
	start(&one);
	go(&one);
	wait_for(results() == 2 && started(&one) == 4);
	wait_for(memory_store_committed_of(store, URGENT, 0) == 1);
	crash(&one);
	start(&two);
	two.executor->released = true;
	go(&two);
	wait_for(results() == 4);
	wait_for(memory_store_committed(store, 0) == 2);
	wait_for(memory_store_committed_of(store, URGENT, 0) == 2);
	for (const char *name = "abcd"; *name; name++)
		ck_assert_uint_eq(results_of((char[]){*name, '\0'}), 1);
	ck_assert_uint_eq(started(&two), 2);
	stop(&two);
}
END_TEST

START_TEST(what_is_finished_beyond_the_oldest_is_so_in_its_own_topic)
{
	produce("a", "a", "hold", "");
	produce("b", "b", "ok", "");
	start(&one);
	go(&one);
	wait_for(results() == 1 && started(&one) == 2);
	wait_for(memory_store_committed(store, 0) == 0);
	crash(&one);
	produce_urgent("c", "c", "ok", "");
	produce_urgent("d", "d", "ok", "");
	start(&two);
	two.executor->released = true;
	go(&two);
	wait_for(results() == 4);
	ck_assert_int_eq(place_of(&two, "b/1"), -1);
	ck_assert_int_ge(place_of(&two, "d/1"), 0);
	stop(&two);
}
END_TEST

/* What can't be read is known by its offset alone. */
START_TEST(an_offset_is_finished_in_its_own_topic_alone)
{
	teardown();
	static const char *const more[] = {"topics.priorities.code.urgent=8", "worker.slots=4"};
	setup_with(more, 2);
	produce("a", "a", "hold", "");
	produce_urgent("b", "b", "hold", "");
	memory_store_produce_to(store, URGENT, 0, "c", "{");
	start(&one);
	go(&one);
	wait_for(memory_store_count(store, config->topics.errors) == 1 && started(&one) == 2);
	wait_for(memory_store_committed(store, 0) == 0);
	wait_for(memory_store_committed_of(store, URGENT, 0) == 0);
	crash(&one);
	memory_store_produce(store, 0, "d", "{", NULL, 0);
	start(&two);
	two.executor->released = true;
	go(&two);
	wait_for(memory_store_committed(store, 0) == 2);
	wait_for(memory_store_committed_of(store, URGENT, 0) == 2);
	ck_assert_uint_eq(memory_store_count(store, config->topics.errors), 2);
	ck_assert(has(config->topics.errors, 0, "\"topic\":\"code.urgent\""));
	ck_assert(has(config->topics.errors, 1, "\"topic\":\"code.requests\""));
	ck_assert_uint_eq(results(), 2);
	stop(&two);
}
END_TEST

static void check_deaths(enum broker_source source)
{
	static const char hold[] = "{\"threadId\":\"t\",\"nodeId\":\"n\",\"executionId\":\"x\","
		"\"scriptType\":\"shell\",\"code\":\"hold\"}";
	memory_store_produce_to(store, source, 0, "t", hold);
	for (int i = 0; i < 3; i++) {
		start(&one);
		go(&one);
		wait_for(started(&one) == 1);
		wait_for(counted(&one, METRIC_JOBS_RUNNING, METRIC_UNLABELLED) > 0);
		crash(&one);
	}
	if (source == URGENT)
		produce("u", "y", "ok", "");
	else
		produce_urgent("u", "y", "ok", "");
	start(&two);
	go(&two);
	wait_for(results() == 2);
	ck_assert_uint_eq(started(&two), 1);
	ck_assert_int_eq(place_of(&two, "y/1"), 0);
	ck_assert(has(config->topics.results, 0, "\"execution.lost\"") !=
		has(config->topics.results, 1, "\"execution.lost\""));
	stop(&two);
}

START_TEST(deaths_are_counted_for_the_job_of_that_topic)
{
	check_deaths(BROKER_REQUESTS);
}
END_TEST

START_TEST(deaths_are_counted_in_further_topics_too)
{
	check_deaths(URGENT);
}
END_TEST

/* Read late, it is a copy all the same: the other topic's time does not make it be forgotten. */
START_TEST(a_copy_that_waited_in_a_further_topic_is_still_a_copy)
{
	static const char text[] = "{\"threadId\":\"t\",\"nodeId\":\"n\",\"executionId\":\"x\","
		"\"scriptType\":\"shell\",\"code\":\"ok\"}";
	teardown();
	static const char *const more[] = {"topics.priorities.code.urgent=8", "worker.dedupe_window=1ms"};
	setup_with(more, 2);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t begin_ms = now.tv_sec * 1000ll - 3600000;
	/* Urgent is an hour behind, the other is read as far as can be. */
	memory_store_produce_to_at(store, URGENT, 0, "t", text, begin_ms);
	memory_store_produce_to_at(store, URGENT, 0, "h", "{\"threadId\":\"h\",\"nodeId\":\"n\","
		"\"executionId\":\"h\",\"scriptType\":\"shell\",\"code\":\"hold\"}", begin_ms);
	start(&one);
	go(&one);
	wait_for(results() == 1 && started(&one) == 2);
	memory_store_produce_at(store, 0, "new", "{\"threadId\":\"new\",\"nodeId\":\"n\","
		"\"executionId\":\"new\",\"scriptType\":\"shell\",\"code\":\"ok\"}", begin_ms + 7200000);
	wait_for(results() == 2);
	size_t before = turns(&one);
	wait_for(turns(&one) > before + 10);
	memory_store_produce_to_at(store, URGENT, 0, "t", text, begin_ms + 50);
	release(&one);
	wait_for(memory_store_committed_of(store, URGENT, 0) == 3);
	ck_assert_uint_eq(results_of("x"), 1);
	ck_assert(counted(&one, METRIC_DEDUPED, METRIC_UNLABELLED) == 1);
	stop(&one);
}
END_TEST

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Or a successor would read code.state from when the idle one was last busy. */
START_TEST(an_idle_topic_does_not_keep_a_successor_reading_what_others_did)
{
	static const char text[] = "{\"threadId\":\"u\",\"nodeId\":\"n\",\"executionId\":\"u\","
		"\"scriptType\":\"shell\",\"code\":\"ok\"}";
	int64_t window_ms = config->worker.dedupe_window_ms, begin_ms = now_ms();
	memory_store_produce_to_at(store, URGENT, 0, "u", text, begin_ms - 3 * 3600000);
	start(&one);
	go(&one);
	wait_for(memory_store_committed_of(store, URGENT, 0) == 1);
	ck_assert_int_lt(memory_store_since_of(store, URGENT, 0), begin_ms - 2 * 3600000);
	broker_memory_tell_ends(one.broker, URGENT);
	for (int i = 1; i <= 4; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		size_t before = turns(&one);
		wait_for(turns(&one) > before + 2);
		produce(name, name, "ok", "");
		wait_for(memory_store_committed(store, 0) == i);
	}
	ck_assert_int_eq(memory_store_committed_of(store, URGENT, 0), 1);
	ck_assert_int_ge(memory_store_since_of(store, URGENT, 0), begin_ms - window_ms - 61000);
	ck_assert_int_le(memory_store_since_of(store, URGENT, 0), now_ms() - window_ms - 59000);
	stop(&one);
}
END_TEST

#define BURST 150			/* more than are taken in a turn of the loop */

/* It was at its end, then paused for more than a minute, and brings what was written meanwhile. */
START_TEST(what_was_written_during_a_pause_is_a_copy_all_the_same)
{
	teardown();
	static const char *const more[] = {"topics.priorities.code.urgent=8", "worker.window=1000",
		"worker.queue=1000"};
	setup_with(more, 3);
	int64_t begin_ms = now_ms(), end_ms = begin_ms - 70000;
	char mark[300], name[16], text[200];
	snprintf(mark, sizeof mark, "{\"type\":\"final\",\"topic\":\"code.requests\",\"offset\":9999,"
		"\"at\":%lld,\"threadId\":\"t\",\"nodeId\":\"n\",\"executionId\":\"x\"}",
		(long long)(end_ms - config->worker.dedupe_window_ms));
	start(&one);
	one.broker->functions->mark(one.broker, 0, mark, 0);
	broker_memory_hold(one.broker, true);
	broker_memory_tell_ends(one.broker, URGENT);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof name, "a%d", i);
		snprintf(text, sizeof text, "{\"threadId\":\"%s\",\"nodeId\":\"n\",\"executionId\":\"%s\","
			"\"scriptType\":\"shell\",\"code\":\"ok\"}", name, name);
		memory_store_produce_at(store, 0, name, text, begin_ms - 3600000);
	}
	go(&one);
	wait_for(counted(&one, METRIC_PAUSED, METRIC_UNLABELLED) == 2);
	for (int i = 0; i < BURST; i++) {
		snprintf(name, sizeof name, "b%d", i);
		snprintf(text, sizeof text, "{\"threadId\":\"%s\",\"nodeId\":\"n\",\"executionId\":\"%s\","
			"\"scriptType\":\"shell\",\"code\":\"ok\"}", name, name);
		memory_store_produce_at(store, 0, name, text, begin_ms + 3600000);
	}
	memory_store_produce_to_at(store, URGENT, 0, "t", "{\"threadId\":\"t\",\"nodeId\":\"n\","
		"\"executionId\":\"x\",\"scriptType\":\"shell\",\"code\":\"ok\"}", end_ms - 10000);
	broker_memory_hold(one.broker, false);
	wait_for(memory_store_committed_of(store, URGENT, 0) == 1);
	wait_for(memory_store_committed(store, 0) == 60 + BURST);
	ck_assert_uint_eq(results_of("x"), 0);
	ck_assert(counted(&one, METRIC_DEDUPED, METRIC_UNLABELLED) == 1);
	stop(&one);
}
END_TEST

START_TEST(an_execution_runs_once_whatever_topics_it_comes_in)
{
	produce("t", "x", "ok", "");
	start(&one);
	go(&one);
	wait_for(results() == 1);
	produce_urgent("t", "x", "ok", "");
	wait_for(memory_store_committed_of(store, URGENT, 0) == 1);
	ck_assert(counted(&one, METRIC_DEDUPED, METRIC_UNLABELLED) == 1);
	stop(&one);
	produce_urgent("t", "x", "ok", "");
	start(&two);
	go(&two);
	wait_for(memory_store_committed_of(store, URGENT, 0) == 2);
	ck_assert_uint_eq(results(), 1);
	ck_assert_uint_eq(started(&two), 0);
	stop(&two);
}
END_TEST

START_TEST(a_key_does_not_run_in_two_topics_at_once)
{
	produce("t", "x", "hold", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	produce_urgent("t", "y", "ok", "");
	produce_urgent("other", "z", "ok", "");
	wait_for(results() == 1);
	ck_assert_uint_eq(results_of("z"), 1);
	release(&one);
	wait_for(results() == 3);
	ck_assert_int_gt(place_of(&one, "y/1"), place_of(&one, "z/1"));
	stop(&one);
}
END_TEST

START_TEST(a_cancel_reaches_all_topics)
{
	static const char cancel[] = "{\"action\":\"cancel\",\"threadId\":\"t\"}";
	struct timespec now;
	produce("t", "x", "hold", "");
	produce_urgent("t", "y", "hold", "");
	produce_urgent("t", "z", "fail", ",\"retries\":1,\"retryDelayMs\":60000");
	start(&one);
	go(&one);
	wait_for(started(&one) == 1);
	wait_for(counted(&one, METRIC_JOBS_QUEUED, METRIC_UNLABELLED) == 2);
	clock_gettime(CLOCK_REALTIME, &now);
	memory_store_control(store, cancel, sizeof cancel - 1, now.tv_sec * 1000ll + 1000);
	wait_for(results() == 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert(has(config->topics.results, i, "\"CANCELLED\""));
	stop(&one);
}
END_TEST

START_TEST(a_cancel_reaches_retries_of_all_topics)
{
	static const char cancel[] = "{\"action\":\"cancel\",\"threadId\":\"t\"}";
	struct timespec now;
	produce("t", "x", "fail", ",\"retries\":1,\"retryDelayMs\":60000");
	produce_urgent("t", "y", "fail", ",\"retries\":1,\"retryDelayMs\":60000");
	start(&one);
	go(&one);
	wait_for(counted(&one, METRIC_RETRIES_WAITING, METRIC_UNLABELLED) == 2);
	clock_gettime(CLOCK_REALTIME, &now);
	memory_store_control(store, cancel, sizeof cancel - 1, now.tv_sec * 1000ll + 1000);
	wait_for(results() == 2);
	ck_assert(has(config->topics.results, 0, "\"CANCELLED\""));
	ck_assert(has(config->topics.results, 1, "\"CANCELLED\""));
	stop(&one);
}
END_TEST

START_TEST(what_is_left_out_is_not_read_and_comes_when_it_is_ours)
{
	produce("t", "x", "ok", "");
	produce_urgent("u", "y", "ok", "");
	start(&one);
	broker_memory_leave_out(one.broker, URGENT);
	go(&one);
	wait_for(results() == 1);
	wait_for(counted(&one, METRIC_LEFT_OUT, METRIC_UNLABELLED) == 1);
	ck_assert_uint_eq(results_of("y"), 0);
	stop(&one);
	ck_assert_int_eq(memory_store_committed_of(store, URGENT, 0), -1);
	start(&two);
	go(&two);
	wait_for(results() == 2);
	ck_assert(counted(&two, METRIC_LEFT_OUT, METRIC_UNLABELLED) == 0);
	stop(&two);
}
END_TEST

/* It was urgent's, and urgent is no topic of requests any more. */
START_TEST(a_retry_of_a_topic_that_is_gone_runs)
{
	produce_urgent("u", "y", "fail 1", ",\"retries\":1,\"retryDelayMs\":100");
	start(&one);
	go(&one);
	wait_for(memory_store_count(store, config->topics.retries) == 1);
	crash(&one);
	config->topics.further_count = 0;
	start(&two);
	go(&two);
	wait_for(results() == 1);
	ck_assert(has(config->topics.results, 0, "\"topic\":\"code.urgent\""));
	ck_assert(has(config->topics.results, 0, "\"attempt\":2"));
	stop(&two);
	config->topics.further_count = 1;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("priorities");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, set_up, teardown);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, requests_of_all_topics_run_and_tell_where_they_came_from);
	tcase_add_test(cases, an_urgent_backlog_overtakes_and_does_not_starve_the_other);
	tcase_add_test(cases, a_topic_that_fills_its_share_does_not_keep_others_from_being_read);
	tcase_add_test(cases, bytes_are_shared_too);
	tcase_add_test(cases, a_retry_keeps_the_priority_of_its_topic);
	tcase_add_test(cases, a_crash_loses_and_doubles_nothing_of_either_topic);
	tcase_add_test(cases, what_is_finished_beyond_the_oldest_is_so_in_its_own_topic);
	tcase_add_test(cases, an_offset_is_finished_in_its_own_topic_alone);
	tcase_add_test(cases, deaths_are_counted_for_the_job_of_that_topic);
	tcase_add_test(cases, deaths_are_counted_in_further_topics_too);
	tcase_add_test(cases, a_copy_that_waited_in_a_further_topic_is_still_a_copy);
	tcase_add_test(cases, an_idle_topic_does_not_keep_a_successor_reading_what_others_did);
	tcase_add_test(cases, what_was_written_during_a_pause_is_a_copy_all_the_same);
	tcase_add_test(cases, a_cancel_reaches_retries_of_all_topics);
	tcase_add_test(cases, an_execution_runs_once_whatever_topics_it_comes_in);
	tcase_add_test(cases, a_key_does_not_run_in_two_topics_at_once);
	tcase_add_test(cases, a_cancel_reaches_all_topics);
	tcase_add_test(cases, what_is_left_out_is_not_read_and_comes_when_it_is_ours);
	tcase_add_test(cases, a_retry_of_a_topic_that_is_gone_runs);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
