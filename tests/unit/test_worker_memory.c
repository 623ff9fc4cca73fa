/* test_worker_memory.c: the loop, with a broker in memory that fails on demand and an executor that does
 * what a request's code says.
 *
 * The executor's functions are defined here and take the place of the real ones at link time (see the Makefile).
 * Codes: "ok", "fail", "fail N" (the first N attempts), "refuse", "sandbox" (its sandbox fails), "hold" (runs
 * until released), "value" and "large" (return 2000 and 20000 bytes), "fail loudly" (with 1500 bytes of stderr),
 * "cpu N" (uses N ms of CPU time).
 */
#include "../../worker/worker.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../../worker/broker_memory.h"
#include "../../worker/log.h"
#include "../../worker/watermark_report.h"

#define MOST 600
#define PATIENCE_MS 10000

/* ---- the executor's double */

struct running {
	uint64_t tag;
	struct request *request;
	int number;
	bool killed;
};

struct executor {
	pthread_mutex_t lock;
	struct running running[MOST];
	size_t count;
	char started[MOST][40];		/* executionId/attempt, in order */
	size_t started_count;
	bool released;
	bool results_fail;		/* as if there were no memory for them */
	const struct metrics *metrics;
	int read_at_start;		/* requests, when the first was started */
	size_t idle_count;		/* how often a slot was said to be idle */
	struct code_cache_counts code_counts;
	int fd;
};

int executor_new(const struct config *config, const char *worker_name, bool warm,
	struct executor **executor, struct err *err)
{
	(void)warm;
	(void)config;
	(void)worker_name;
	struct executor *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory");
	pthread_mutex_init(&made->lock, NULL);
	made->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*executor = made;
	return 0;
}

void executor_free(struct executor *executor)
{
	close(executor->fd);
	pthread_mutex_destroy(&executor->lock);
	free(executor);
}

struct sandbox *executor_sandbox(struct executor *executor)
{
	return (struct sandbox *)executor;
}

int sandbox_fd(const struct sandbox *sandbox)
{
	return ((const struct executor *)sandbox)->fd;
}

enum executor_answer executor_start(struct executor *executor, struct request *request, int attempt,
	uint64_t tag, struct error_record *error, struct err *err)
{
	(void)err;
	if (strcmp(request->code, "refuse") == 0) {
		*error = (struct error_record){.code = ERROR_CODE_SECURITY, .message = "refused"};
		return EXECUTOR_REFUSED;
	}
	pthread_mutex_lock(&executor->lock);
	if (executor->started_count == 0)
		executor->read_at_start =
			(int)metrics_value(executor->metrics, METRIC_REQUESTS, ENCODING_JSON);
	executor->running[executor->count++] =
		(struct running){.tag = tag, .request = request, .number = attempt};
	snprintf(executor->started[executor->started_count++], sizeof executor->started[0], "%s/%d",
		request->execution_id, attempt);
	uint64_t one = 1;
	ck_assert_int_eq(write(executor->fd, &one, sizeof one), sizeof one);
	pthread_mutex_unlock(&executor->lock);
	return EXECUTOR_STARTED;
}

static struct attempt *attempt_make(const struct running *running)
{
	struct attempt *attempt = calloc(1, sizeof *attempt);
	const char *code = running->request->code;
	int failures = 0;
	ck_assert_ptr_nonnull(attempt);
	attempt->arena = arena_new(1 << 20);
	attempt->tag = running->tag;
	attempt->request = running->request;
	attempt->number = running->number;
	attempt->killed = running->killed;
	attempt->sandbox_failed = strcmp(code, "sandbox") == 0;
	attempt->failed = strcmp(code, "fail") == 0 ||
		strcmp(code, "fail loudly") == 0 || attempt->sandbox_failed ||
		(sscanf(code, "fail %d", &failures) == 1 && running->number <= failures);
	attempt->error = (struct error_record){.code = attempt->sandbox_failed ?
		ERROR_SANDBOX_UNAVAILABLE : ERROR_EXECUTION_EXIT, .message = "as asked"};
	unsigned long cpu_ms;
	if (sscanf(code, "cpu %lu", &cpu_ms) == 1)
		attempt->sandbox.cpu_ms = cpu_ms;
	attempt->sandbox.value.size = strcmp(code, "value") == 0 ? 2002 : 0;
	return attempt;
}

int executor_poll(struct executor *executor, int timeout_ms, struct attempt **attempt,
	struct err *err)
{
	(void)timeout_ms;
	(void)err;
	int found = 0;
	pthread_mutex_lock(&executor->lock);
	for (size_t i = 0; i < executor->count && !found; i++) {
		struct running *running = &executor->running[i];
		if (strcmp(running->request->code, "hold") == 0 && !executor->released &&
				!running->killed)
			continue;
		*attempt = attempt_make(running);
		memmove(running, running + 1, (executor->count - i - 1) * sizeof *running);
		executor->count--;
		found = 1;
	}
	uint64_t times;
	if (!found && read(executor->fd, &times, sizeof times) < 0)
		times = 0;
	pthread_mutex_unlock(&executor->lock);
	return found;
}

void executor_idle(struct executor *executor)
{
	pthread_mutex_lock(&executor->lock);
	executor->idle_count++;
	pthread_mutex_unlock(&executor->lock);
}

const struct code_cache_counts *executor_code_counts(const struct executor *executor)
{
	return &executor->code_counts;
}

void executor_kill(struct executor *executor, uint64_t tag)
{
	pthread_mutex_lock(&executor->lock);
	for (size_t i = 0; i < executor->count; i++)
		if (executor->running[i].tag == tag)
			executor->running[i].killed = true;
	pthread_mutex_unlock(&executor->lock);
}

void attempt_free(struct attempt *attempt)
{
	arena_free(attempt->arena);
	free(attempt);
}

int executor_result(const struct executor *executor, struct arena *arena,
	const struct request *request, int attempt_number, enum status status,
	const struct error_record *error, const struct attempt *attempt, int64_t queued_ms,
	struct result *result, struct err *err)
{
	(void)attempt;
	if (executor->results_fail)
		return err_set(err, ERR_MEMORY, "no memory for a result");
	*result = (struct result){.arena = arena, .execution_id = request->execution_id,
		.thread_id = request->thread_id, .node_id = request->node_id, .status = status,
		.out = "", .err = "", .exit_code = -1, .error = error, .attempt = attempt_number,
		.queued_ms = queued_ms, .source = request->source, .worker = "test",
		.script_type = "shell", .metadata = request->metadata};
	if (request->code && strcmp(request->code, "value") == 0 && status == STATUS_COMPLETED)
		result->output = arena_format(arena, "\"%02000d\"", 0);
	if (request->code && strcmp(request->code, "large") == 0 && status == STATUS_COMPLETED)
		result->output = arena_format(arena, "\"%020000d\"", 0);
	return 0;
}

int executor_error_event(const struct executor *executor, struct arena *arena,
	const struct request *request, int attempt_number, bool is_final, int64_t next_attempt_at_ms,
	const struct error_record *error, const struct attempt *attempt, struct error_event *event,
	struct err *err)
{
	(void)executor;
	(void)attempt;
	if (!arena_alloc(arena, 300000))	/* as much as a long stderr takes to be cleaned */
		return err_set(err, ERR_MEMORY, "no room for an event");
	*event = (struct error_event){.arena = arena, .execution_id = request->execution_id,
		.thread_id = request->thread_id, .node_id = request->node_id,
		.attempt = attempt_number, .max_attempts = (int)request->retries + 1,
		.is_final = is_final, .next_attempt_at_ms = next_attempt_at_ms,
		.source = request->source, .worker = "test", .stderr_tail = "", .error = *error,
		.metadata = request->metadata};
	if (request->code && strcmp(request->code, "fail loudly") == 0)
		event->stderr_tail = arena_format(arena, "%01500d", 0);
	return 0;
}

/* ---- one worker in a thread */

static struct config *config;
static struct codec *codec;
static struct memory_store *store;

struct fixture {
	struct executor *executor;
	struct broker *broker;
	struct metrics *metrics;
	struct worker_health health;
	struct publisher publisher;
	struct worker_parts parts;
	pthread_t thread;
	struct err err;
	int result;
};

static struct fixture one, two;

static void *run(void *opaque)
{
	struct fixture *fixture = opaque;
	fixture->result = worker_run(&fixture->parts, &fixture->err);
	return NULL;
}

static void start(struct fixture *fixture)
{
	struct err err;
	memset(fixture, 0, sizeof *fixture);
	ck_assert_int_eq(executor_new(config, "test", true, &fixture->executor, &err), 0);
	fixture->broker = broker_memory_new(store);
	fixture->metrics = metrics_new();
	fixture->executor->metrics = fixture->metrics;
	fixture->publisher = (struct publisher){.config = config, .codec = codec, .worker = "test",
		.result_bytes = 1 << 20, .error_bytes = 1 << 20};
	fixture->parts = (struct worker_parts){.config = config, .executor = fixture->executor,
		.broker = fixture->broker, .codec = codec, .publisher = &fixture->publisher,
		.metrics = fixture->metrics, .health = &fixture->health,
		.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	broker_memory_assign(fixture->broker);
}

static void go(struct fixture *fixture)
{
	ck_assert_int_eq(pthread_create(&fixture->thread, NULL, run, fixture), 0);
}

/* Joins the thread and frees all. */
static void gather(struct fixture *fixture)
{
	ck_assert_int_eq(pthread_join(fixture->thread, NULL), 0);
	fixture->broker->functions->close(fixture->broker, false);
	executor_free(fixture->executor);
	metrics_free(fixture->metrics);
	close(fixture->parts.stop_fd);
}

static void stop(struct fixture *fixture)
{
	uint64_t ask = 1;
	ck_assert_int_eq(write(fixture->parts.stop_fd, &ask, sizeof ask), sizeof ask);
	gather(fixture);
	ck_assert_msg(fixture->result == 0, "%s", fixture->err.text);
}

/* As SIGKILL would: nothing more is committed. */
static void crash(struct fixture *fixture)
{
	broker_memory_hold(fixture->broker, true);
	broker_memory_revoke(fixture->broker, true);
	broker_memory_fatal(fixture->broker, "killed");
	gather(fixture);
}

#define wait_for(condition)                                                                      \
	do {                                                                                     \
		int left_ms = PATIENCE_MS;                                                       \
		while (!(condition) && left_ms-- > 0)                                            \
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                 \
		ck_assert_msg(condition, "never: %s", #condition);                               \
	} while (0)

static int64_t produce(const char *thread, const char *execution, const char *code, const char *more)
{
	char text[5000];
	snprintf(text, sizeof text, "{\"threadId\":\"%s\",\"nodeId\":\"n\",\"executionId\":\"%s\","
		"\"scriptType\":\"shell\",\"code\":\"%s\"%s}", thread, execution, code, more);
	return memory_store_produce(store, 0, thread, text, NULL, 0);
}

/* Each of a key of its own. */
static void produce_many(int count)
{
	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		produce(name, name, "ok", "");
	}
}

static size_t results(void)
{
	return memory_store_count(store, config->topics.results);
}

static size_t started(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->executor->lock);
	size_t count = fixture->executor->started_count;
	pthread_mutex_unlock(&fixture->executor->lock);
	return count;
}

static void release(struct fixture *fixture)
{
	uint64_t once = 1;
	pthread_mutex_lock(&fixture->executor->lock);
	fixture->executor->released = true;
	ck_assert_int_eq(write(fixture->executor->fd, &once, sizeof once), sizeof once);
	pthread_mutex_unlock(&fixture->executor->lock);
}

static bool has(const char *topic, size_t index, const char *text)
{
	const struct broker_record *record = memory_store_record(store, topic, index);
	return record && record->value && strstr(record->value, text);
}

static void setup(void)
{
	static const char *const settings[] = {"worker.slots=2", "worker.queue_bytes=1M", "worker.revoke_grace=200ms",
		"worker.shutdown_grace=300ms", "worker.queue=50", "worker.window=20", "http.listen=off",
		"worker.batch_records=5", "log.level=error"};
	const struct config_overrides overrides = {.set = settings,
		.set_count = sizeof settings / sizeof *settings};
	struct err err;
	unsetenv("CODEWORKER_CONFIG");
	ck_assert_msg(config_load(&overrides, &config, &err) == 0, "%s", err.text);
	ck_assert_int_eq(codec_new(NULL, &codec, &err), 0);
	log_setup(config);
	store = memory_store_new(config, 1);
}

static void teardown(void)
{
	memory_store_free(store);
	codec_free(codec);
	config_free(config);
}

/* ---- tests */

START_TEST(a_request_becomes_a_result_a_mark_and_an_offset_at_once)
{
	produce("t", "x", "ok", "");
	start(&one);
	go(&one);
	wait_for(memory_store_committed(store, 0) == 1);
	ck_assert_uint_eq(results(), 1);
	ck_assert(has(config->topics.results, 0, "\"COMPLETED\""));
	ck_assert(has(config->topics.state, 0, "\"final\""));
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

/* One result, while both slots run and one request waits for them. */
static void one_result_under_load(void)
{
	produce("a", "a", "ok", "");
	produce("b", "b", "hold", "");
	produce("c", "c", "hold", "");
	produce("d", "d", "ok", "");
	start(&one);
	go(&one);
	wait_for(started(&one) == 3);
}

START_TEST(a_result_waits_for_more_while_requests_wait_for_a_slot)
{
	config->worker.batch_ms = 60000;
	one_result_under_load();
	usleep(200000);
	ck_assert_uint_eq(results(), 0);
	release(&one);			/* then nothing waits for a slot */
	wait_for(memory_store_committed(store, 0) == 4);
	stop(&one);
}
END_TEST

START_TEST(a_result_waits_no_longer_than_it_may)
{
	config->worker.batch_ms = 50;
	one_result_under_load();
	wait_for(results() == 1);
	stop(&one);
}
END_TEST

START_TEST(a_batch_that_is_full_does_not_wait)
{
	config->worker.batch_ms = 60000;
	config->worker.batch_records = 2;
	one_result_under_load();
	wait_for(results() == 1);
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
	wait_for(memory_store_committed(store, 0) == 2);
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
	go(&one);
	wait_for(started(&one) == 1);
	broker_memory_silence(one.broker, 5000, 10000);
	wait_for(one.executor->count == 0);
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	ck_assert_uint_eq(started(&one), 1);
	release(&one);
	broker_memory_silence(one.broker, 10, 10000);
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
	wait_for(metrics_value(one.metrics, METRIC_RESULTS, STATUS_FAILED) == 300);
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
	memory_store_recreate(store);
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
	go(&one);
	wait_for(started(&one) == 1);
	broker_memory_silence(one.broker, 5000, 10000);
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

START_TEST(a_deadline_passes_while_a_retry_waits)
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
	tcase_add_test(cases, little_is_begun_while_nothing_can_be_committed);
	tcase_add_test(cases, a_result_waits_for_more_while_requests_wait_for_a_slot);
	tcase_add_test(cases, a_result_waits_no_longer_than_it_may);
	tcase_add_test(cases, a_batch_that_is_full_does_not_wait);
	tcase_add_test(cases, a_full_window_waits_for_its_oldest);
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
	tcase_add_test(cases, a_deadline_passes_while_a_retry_waits);
	tcase_add_test(cases, what_is_malformed_does_not_expire);
	tcase_add_test(cases, slots_do_not_wait_until_a_backlog_has_been_read);
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
