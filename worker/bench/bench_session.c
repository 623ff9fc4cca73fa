/* bench_session.c: see bench_session.h. */
#include "bench_session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_measure.h"
#include "../commands/child_command.h"

#define SILENCE_MS 60000		/* without a result: something is wrong */
#define GIVEN_MAX 40
#define OWN_MAX 16
#define SETTING_BYTES 160
#define REQUEST_BYTES 1024

/* The user's settings, then ours, which win. */
struct settings {
	const char *list[GIVEN_MAX + OWN_MAX];
	char own[OWN_MAX][SETTING_BYTES];
	size_t count, own_count;
};

struct bench_session {
	struct settings settings;
	struct config *config;		/* of the benchmark's own clients, with the session's topics */
	struct child_command worker;
	struct bench_loop *loop;
	struct kafka_producer *producer;
	struct kafka_reader *reader;
	size_t requests;
};

/* ---- settings and topics */

__attribute__((format(printf, 2, 3)))
static void settings_add(struct settings *settings, const char *format, ...)
{
	char *text = settings->own[settings->own_count++];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, SETTING_BYTES, format, arguments);
	va_end(arguments);
	settings->list[settings->count++] = text;
}

static int settings_fill(struct settings *settings, const struct bench_context *context,
	const char *const *extra, struct err *err)
{
	static const char *const topics[] = {"requests", "results", "errors", "retries", "dead",
		"control", "state"};
	const char *brokers = config_kafka(context->config, "bootstrap.servers");
	unsigned long long name = (unsigned long long)(bench_now_ms() * 1e3);
	if (context->setting_count > GIVEN_MAX || !brokers || strlen(brokers) > SETTING_BYTES - 32)
		return err_set(err, ERR_INVALID, "too many settings for a benchmark");
	for (size_t i = 0; i < context->setting_count; i++)
		settings->list[settings->count++] = context->settings[i];
	settings_add(settings, "kafka.bootstrap.servers=%s", brokers);
	settings_add(settings, "kafka.group.id=codeworker-bench-%llx", name);
	for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
		settings_add(settings, "topics.%s=codeworker-bench-%llx.%s", topics[i], name, topics[i]);
	settings_add(settings, "worker.slots=%d", context->slots);
	settings_add(settings, "http.listen=off");
	for (size_t i = 0; extra && extra[i] && settings->own_count < OWN_MAX; i++)
		settings_add(settings, "%s", extra[i]);
	return 0;
}

/* As the worker's, but what the benchmark writes leaves at once: its waiting would be timed, too. */
static int config_make(struct bench_session *session, struct err *err)
{
	const char *list[GIVEN_MAX + OWN_MAX + 1];
	size_t count = session->settings.count;
	memcpy(list, session->settings.list, count * sizeof *list);
	list[count++] = "kafka.linger.ms=0";
	const struct config_overrides overrides = {.set = list, .set_count = count};
	return config_load(&overrides, &session->config, err);
}

static int topics_create(const struct settings *settings, struct err *err)
{
	char number[16];
	const char *const words[] = {"topics", "create", "--partitions", number, NULL};
	struct child_command child = {.log_fd = -1};
	snprintf(number, sizeof number, "%d", BENCH_PARTITIONS);
	int result = child_command_start(&child, words, settings->list, settings->count, err);
	if (result == 0 && child_command_wait(&child, "codeworker topics create", err) < 0) {
		child_command_complain(&child, "codeworker topics create");
		result = -1;
	}
	child_command_stop(&child);
	return result;
}

/* ---- its life */

static int session_fill(struct bench_session *session, const struct bench_context *context,
	const char *const *extra, struct err *err)
{
	const struct kafka_start start = {.from = START_BEGINNING};
	if (settings_fill(&session->settings, context, extra, err) < 0 || config_make(session, err) < 0 ||
			topics_create(&session->settings, err) < 0 ||
			kafka_producer_new(session->config, &session->producer, err) < 0)
		return -1;
	const char *results[] = {session->config->topics.results};
	return kafka_reader_new(session->config, results, 1, start, &session->reader, err);
}

int bench_session_open(const struct bench_context *context, const char *const *extra,
	struct bench_session **session, struct err *err)
{
	struct bench_session *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for a benchmark");
	made->worker.log_fd = -1;
	if (session_fill(made, context, extra, err) < 0) {
		bench_session_close(made, false);
		return -1;
	}
	*session = made;
	return 0;
}

void bench_session_close(struct bench_session *session, bool failed)
{
	if (!session)
		return;
	if (failed && session->worker.log_fd >= 0)
		child_command_complain(&session->worker, "the worker");
	child_command_stop(&session->worker);
	bench_loop_stop(session->loop);
	kafka_producer_free(session->producer);
	kafka_reader_free(session->reader);
	if (session->config)
		config_free(session->config);
	free(session);
}

int bench_session_start_worker(struct bench_session *session, struct err *err)
{
	static const char *const words[] = {"run", NULL};
	return child_command_start(&session->worker, words, session->settings.list,
		session->settings.count, err);
}

int bench_session_start_loop(struct bench_session *session, const struct bench_loop_plan *plan,
	struct err *err)
{
	return bench_loop_start(session->config, plan, &session->loop, err);
}

pid_t bench_session_worker_pid(const struct bench_session *session)
{
	return session->worker.pid;
}

double bench_session_loop_transactions(const struct bench_session *session)
{
	return session->loop ? (double)bench_loop_transactions(session->loop) : 0;
}

/* ---- what goes in */

int bench_session_request(struct bench_session *session, const char *fields, size_t *number, struct err *err)
{
	char key[48], value[REQUEST_BYTES];
	size_t at = session->requests + 1;
	snprintf(key, sizeof key, "bench:%zu", at);
	int size = snprintf(value, sizeof value, "{\"executionId\":\"bench-%zu\",\"threadId\":\"bench\","
		"\"nodeId\":\"%zu\",%s}", at, at, fields);
	if (size >= (int)sizeof value)
		return err_set(err, ERR_INVALID, "a request of the benchmark is too long");
	const struct kafka_message message = {.topic = session->config->topics.requests, .key = key,
		.key_size = strlen(key), .value = value, .value_size = (size_t)size};
	if (kafka_producer_send(session->producer, &message, err) < 0)
		return -1;
	session->requests = at;
	if (number)
		*number = at;
	return 0;
}

int bench_session_cancel(struct bench_session *session, size_t number, struct err *err)
{
	char key[48], value[128];
	snprintf(key, sizeof key, "bench-%zu", number);
	int size = snprintf(value, sizeof value, "{\"action\":\"cancel\",\"executionId\":\"%s\"}", key);
	const struct kafka_message message = {.topic = session->config->topics.control, .key = key,
		.key_size = strlen(key), .value = value, .value_size = (size_t)size};
	return kafka_producer_send(session->producer, &message, err);
}

int bench_session_flush(struct bench_session *session, struct err *err)
{
	return kafka_producer_flush(session->producer, err);
}

/* ---- what comes out */

static int result_check(const struct bench_session *session, const char *ended_as,
	const struct kafka_record *record, struct err *err)
{
	const char *type = kafka_reader_header(session->reader, "ce_type");
	const char *end = type ? strrchr(type, '.') : NULL;
	if (!ended_as || (end && strcmp(end + 1, ended_as) == 0))
		return 0;
	return err_set(err, ERR_SYSTEM, "a job was to end as %s: %.*s", ended_as, (int)record->value_size,
		(const char *)record->value);
}

/* Whether what is to work still does. */
static int working_check(struct bench_session *session, struct err *err)
{
	if (session->loop)
		return bench_loop_check(session->loop, err);
	if (child_command_runs(&session->worker))
		return 0;
	return err_set(err, ERR_SYSTEM, "the worker ended before its work did");
}

int bench_session_result(struct bench_session *session, const char *ended_as, struct kafka_record *record,
	struct err *err)
{
	for (double begin = bench_now_ms(); bench_now_ms() - begin < SILENCE_MS;) {
		enum kafka_read read = kafka_reader_next(session->reader, 200, record, err);
		if (read == KAFKA_READ_ERROR)
			return -1;
		if (read == KAFKA_READ_RECORD)
			return result_check(session, ended_as, record, err);
		if (working_check(session, err) < 0)
			return -1;
	}
	return err_set(err, ERR_BROKER, "no result came for %d seconds", SILENCE_MS / 1000);
}

size_t bench_session_result_number(const struct bench_session *session)
{
	const char *id = kafka_reader_header(session->reader, "executionId");
	return id && strncmp(id, "bench-", 6) == 0 ? strtoul(id + 6, NULL, 10) : 0;
}
