/* worker_fixture.h: the loop, with a broker in memory that fails on demand and an executor that does what a
 * request's code says.
 *
 * The executor's functions are defined here and take the place of the real ones at link time (see the Makefile).
 * Codes: "ok", "fail", "fail N" (the first N attempts), "refuse", "sandbox" (its sandbox fails), "hold" (runs
 * until released), "deaf" (likewise, and is not killed), "value" and "large" (return 2000 and 20000 bytes), "fail
 * loudly" (with 1500 bytes of stderr), "cpu N" (uses N ms of CPU time; also behind another).
 */
#ifndef CODEWORKER_WORKER_FIXTURE_H
#define CODEWORKER_WORKER_FIXTURE_H

#include "../../worker/worker.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../../worker/broker/broker_memory.h"
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
	int64_t lease_ms;
	size_t turns;			/* of the loop */
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

static inline int64_t boot_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

bool sandbox_lease(struct sandbox *sandbox, int64_t until_ms)
{
	struct executor *executor = (struct executor *)sandbox;
	pthread_mutex_lock(&executor->lock);
	executor->turns++;
	bool ran_out = executor->lease_ms && boot_ms() >= executor->lease_ms;
	for (size_t i = 0; i < executor->count; i++)
		executor->running[i].killed |= ran_out;
	if (until_ms > executor->lease_ms)
		executor->lease_ms = until_ms;
	pthread_mutex_unlock(&executor->lock);
	return ran_out;
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

static inline struct attempt *attempt_make(const struct running *running)
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
	const char *cpu = strstr(code, "cpu ");
	if (cpu && sscanf(cpu, "cpu %lu", &cpu_ms) == 1)
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
		const char *code = running->request->code;
		if ((strcmp(code, "hold") == 0 || strcmp(code, "deaf") == 0) &&
				!executor->released && !running->killed)
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
			executor->running[i].killed =
				strcmp(executor->running[i].request->code, "deaf") != 0;
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
	const char *topics[CONFIG_REQUEST_TOPICS];
	struct worker_health health;
	struct publisher publisher;
	struct worker_parts parts;
	pthread_t thread;
	struct err err;
	int result;
};

static struct fixture one, two;

static inline void *run(void *opaque)
{
	struct fixture *fixture = opaque;
	fixture->result = worker_run(&fixture->parts, &fixture->err);
	return NULL;
}

static inline void start(struct fixture *fixture)
{
	struct err err;
	memset(fixture, 0, sizeof *fixture);
	ck_assert_int_eq(executor_new(config, "test", true, &fixture->executor, &err), 0);
	fixture->broker = broker_memory_new(store);
	for (size_t i = 0; i < config_request_topics(config); i++)
		fixture->topics[i] = config_request_topic(config, i);
	fixture->metrics = metrics_new_topics(fixture->topics, config_request_topics(config));
	fixture->executor->metrics = fixture->metrics;
	fixture->publisher = (struct publisher){.config = config, .codec = codec, .worker = "test",
		.result_bytes = 1 << 20, .error_bytes = 1 << 20};
	fixture->parts = (struct worker_parts){.config = config, .executor = fixture->executor,
		.broker = fixture->broker, .codec = codec, .publisher = &fixture->publisher,
		.metrics = fixture->metrics, .health = &fixture->health,
		.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	broker_memory_assign(fixture->broker);
}

static inline void go(struct fixture *fixture)
{
	ck_assert_int_eq(pthread_create(&fixture->thread, NULL, run, fixture), 0);
}

/* Joins the thread and frees all. */
static inline void gather(struct fixture *fixture)
{
	ck_assert_int_eq(pthread_join(fixture->thread, NULL), 0);
	fixture->broker->functions->close(fixture->broker, false);
	executor_free(fixture->executor);
	metrics_free(fixture->metrics);
	close(fixture->parts.stop_fd);
}

static inline void stop(struct fixture *fixture)
{
	uint64_t ask = 1;
	ck_assert_int_eq(write(fixture->parts.stop_fd, &ask, sizeof ask), sizeof ask);
	gather(fixture);
	ck_assert_msg(fixture->result == 0, "%s", fixture->err.text);
}

/* As SIGKILL would: nothing more is committed. */
static inline void crash(struct fixture *fixture)
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

static inline int64_t produce(const char *thread, const char *execution, const char *code, const char *more)
{
	char text[5000];
	snprintf(text, sizeof text, "{\"threadId\":\"%s\",\"nodeId\":\"n\",\"executionId\":\"%s\","
		"\"scriptType\":\"shell\",\"code\":\"%s\"%s}", thread, execution, code, more);
	return memory_store_produce(store, 0, thread, text, NULL, 0);
}

/* Each of a key of its own. */
static inline void produce_many(int count)
{
	for (int i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof name, "x%d", i);
		produce(name, name, "ok", "");
	}
}

static inline size_t results(void)
{
	return memory_store_count(store, config->topics.results);
}

static inline size_t started(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->executor->lock);
	size_t count = fixture->executor->started_count;
	pthread_mutex_unlock(&fixture->executor->lock);
	return count;
}

/* Attempts that the worker has taken back. */
static inline size_t attempts_ended(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->executor->lock);
	size_t count = fixture->executor->started_count - fixture->executor->count;
	pthread_mutex_unlock(&fixture->executor->lock);
	return count;
}

static inline size_t turns(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->executor->lock);
	size_t count = fixture->executor->turns;
	pthread_mutex_unlock(&fixture->executor->lock);
	return count;
}

static inline void release(struct fixture *fixture)
{
	uint64_t once = 1;
	pthread_mutex_lock(&fixture->executor->lock);
	fixture->executor->released = true;
	ck_assert_int_eq(write(fixture->executor->fd, &once, sizeof once), sizeof once);
	pthread_mutex_unlock(&fixture->executor->lock);
}

static inline bool has(const char *topic, size_t index, const char *text)
{
	const struct broker_record *record = memory_store_record(store, topic, index);
	return record && record->value && strstr(record->value, text);
}

#define SETTINGS_MOST 24

/* more: on top of what all have. */
static inline void setup_with(const char *const *more, size_t count)
{
	const char *settings[SETTINGS_MOST] = {"worker.slots=2", "worker.queue_bytes=1M",
		"worker.revoke_grace=200ms", "worker.shutdown_grace=300ms", "worker.queue=50",
		"worker.window=20", "http.listen=off", "worker.batch_records=5", "log.level=error"};
	struct config_overrides overrides = {.set = settings};
	struct err err;
	while (settings[overrides.set_count])
		overrides.set_count++;
	ck_assert_uint_le(overrides.set_count + count, SETTINGS_MOST);
	for (size_t i = 0; i < count; i++)
		settings[overrides.set_count++] = more[i];
	unsetenv("CODEWORKER_CONFIG");
	ck_assert_msg(config_load(&overrides, &config, &err) == 0, "%s", err.text);
	ck_assert_int_eq(codec_new(NULL, &codec, &err), 0);
	log_setup(config);
	store = memory_store_new(config, 1);
}

static inline void setup(void)
{
	setup_with(NULL, 0);
}

static inline void teardown(void)
{
	memory_store_free(store);
	codec_free(codec);
	config_free(config);
}

#endif
