/* test_worker_hostile.c: what comes at the wrong time: suspects that wait for their turn, marks that are
 * lost, retries that find no room, brokers that are away meanwhile, topics that are made anew. */
#include "worker_fixture.h"

static size_t retries(void)
{
	return memory_store_count(store, config->topics.retries);
}

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	return time.tv_sec * 1000ll + time.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l}, NULL);
}

static bool waiting_are(struct fixture *fixture, int count)
{
	return metrics_value(fixture->metrics, METRIC_RETRIES_WAITING, METRIC_UNLABELLED) == count;
}

static void cancel(const char *thread)
{
	char text[100];
	snprintf(text, sizeof text, "{\"action\":\"cancel\",\"threadId\":\"%s\"}", thread);
	memory_store_control(store, text, strlen(text), now());
}

/* A worker that dies while it runs what it has. */
static void die(struct fixture *fixture, size_t jobs)
{
	start(fixture);
	go(fixture);
	wait_for(started(fixture) == jobs);
	wait_for(metrics_value(fixture->metrics, METRIC_JOBS_RUNNING, METRIC_UNLABELLED) > 0);
	crash(fixture);
}

/* So many retries, each of a key of its own, that are not due for a minute. */
static void retries_leave(int count)
{
	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		produce(name, name, "fail 1", ",\"retries\":1,\"retryDelayMs\":60000");
	}
	start(&one);
	go(&one);
	wait_for(retries() == (size_t)count);
	wait_for(memory_store_committed(store, 0) == count);
	crash(&one);
}

START_TEST(a_suspect_that_waits_for_its_start_can_be_cancelled)
{
	produce("a", "a", "hold", "");
	die(&one, 1);
	start(&two);
	broker_memory_hold(two.broker, true);
	go(&two);
	wait_for(broker_memory_assigned(two.broker));
	pause_ms(200);
	cancel("a");
	pause_ms(200);
	broker_memory_hold(two.broker, false);
	wait_for(results() == 1);
	ck_assert(has(config->topics.results, 0, "\"CANCELLED\""));
	ck_assert_uint_eq(started(&two), 0);
	produce("a", "b", "ok", "");		/* its key and its turn are free */
	wait_for(results() == 2);
	stop(&two);
}
END_TEST

START_TEST(a_mark_that_is_lost_is_written_again)
{
	produce("a", "a", "hold", "");
	die(&one, 1);
	die(&one, 1);
	start(&two);
	broker_memory_hold(two.broker, true);
	go(&two);
	wait_for(broker_memory_assigned(two.broker));
	produce("b", "b", "ok", "");		/* behind one that runs alone */
	pause_ms(200);
	ck_assert_uint_eq(started(&two), 0);
	broker_memory_hold(two.broker, false);
	wait_for(started(&two) == 1);
	release(&two);
	wait_for(results() == 2);
	stop(&two);
}
END_TEST

START_TEST(retries_that_are_due_and_find_no_room_are_waited_for_in_sleep)
{
	const int count = 90;
	retries_leave(count);
	memory_store_hurry(store, 60000);
	config->worker.queue = 5;
	produce("h", "h1", "hold", "");
	produce("i", "h2", "hold", "");		/* no slot is free */
	start(&two);
	go(&two);
	wait_for(started(&two) == 2);
	wait_for(waiting_are(&two, count - 67));
	pause_ms(100);
	size_t before = turns(&two);
	pause_ms(300);
	ck_assert_uint_lt(turns(&two) - before, 1000);
	release(&two);
	wait_for(results() == (size_t)count + 2);
	stop(&two);
}
END_TEST

START_TEST(no_more_retries_are_fetched_than_can_be_published)
{
	const int count = 300;
	retries_leave(count);
	start(&two);
	go(&two);
	wait_for(waiting_are(&two, count));
	broker_memory_hold(two.broker, true);
	for (int i = 0; i < count; i++) {
		char thread[16];
		snprintf(thread, sizeof thread, "x%d", i);
		cancel(thread);
	}
	pause_ms(300);		/* two batches are under way, one is open: 64 fetches each */
	ck_assert_uint_le(broker_memory_fetches(two.broker), 192);
	broker_memory_hold(two.broker, false);
	wait_for(results() == (size_t)count);
	stop(&two);
}
END_TEST

START_TEST(retries_are_taken_up_when_their_topic_was_made_anew)
{
	produce("a", "a", "fail 2", ",\"retries\":2,\"retryDelayMs\":1");
	start(&one);
	go(&one);
	wait_for(results() == 1);
	wait_for(memory_store_retries_committed(store, 0) == 2);
	memory_store_recreate(store, BROKER_RETRIES);
	produce("b", "b", "fail 1", ",\"retries\":1,\"retryDelayMs\":1");
	wait_for(results() == 2);
	wait_for(memory_store_retries_committed(store, 0) == 1);
	stop(&one);
}
END_TEST

START_TEST(a_topic_made_anew_beside_what_waits_in_it_ends_the_worker_and_the_next_goes_on)
{
	produce("a", "a", "fail", ",\"retries\":1,\"retryDelayMs\":60000");
	produce("b", "b", "fail", ",\"retries\":1,\"retryDelayMs\":60000");
	start(&one);
	go(&one);
	wait_for(waiting_are(&one, 2));
	pause_ms(5);
	memory_store_recreate(store, BROKER_RETRIES);
	produce("c", "c", "fail 1", ",\"retries\":1,\"retryDelayMs\":1");
	gather(&one);
	ck_assert_int_eq(one.result, -1);
	start(&two);
	go(&two);
	wait_for(results() == 1);
	ck_assert_uint_eq(started(&two), 1);
	ck_assert_str_eq(two.executor->started[0], "c/2");
	stop(&two);
}
END_TEST

START_TEST(a_copy_of_what_is_gone_from_the_retries_runs)
{
	retries_leave(1);
	start(&two);
	go(&two);
	wait_for(waiting_are(&two, 1));
	memory_store_recreate(store, BROKER_RETRIES);
	produce("x0", "x0", "ok", "");		/* waits for its retry, as far as anybody knows */
	wait_for(memory_store_committed(store, 0) == 2);
	ck_assert_uint_eq(started(&two), 0);
	cancel("x0");				/* so that it is looked for */
	wait_for(metrics_value(two.metrics, METRIC_RETRIES_GONE, METRIC_UNLABELLED) == 1);
	memory_store_produce_at(store, 0, "x0", "{\"threadId\":\"x0\",\"nodeId\":\"n\",\"executionId\":"
		"\"x0\",\"scriptType\":\"shell\",\"code\":\"ok\"}", now() + 1000);
	wait_for(results() == 1);
	ck_assert(has(config->topics.results, 0, "\"COMPLETED\""));
	stop(&two);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostile times");
	TCase *cases = tcase_create("all");
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, a_suspect_that_waits_for_its_start_can_be_cancelled);
	tcase_add_test(cases, a_mark_that_is_lost_is_written_again);
	tcase_add_test(cases, retries_that_are_due_and_find_no_room_are_waited_for_in_sleep);
	tcase_add_test(cases, no_more_retries_are_fetched_than_can_be_published);
	tcase_add_test(cases, retries_are_taken_up_when_their_topic_was_made_anew);
	tcase_add_test(cases, a_topic_made_anew_beside_what_waits_in_it_ends_the_worker_and_the_next_goes_on);
	tcase_add_test(cases, a_copy_of_what_is_gone_from_the_retries_runs);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
