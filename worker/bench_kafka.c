/* bench_kafka.c: see bench_kafka.h. */
#include "bench_kafka.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child_command.h"
#include "kafka_client.h"
#include "topic_plan.h"

#define SILENCE_S 60			/* without a result: something is wrong */
#define SETTINGS_MAX 40
#define SETTING_BYTES 160

struct bench {
	const struct config *config;	/* with the benchmark's topics */
	const struct bench_load *load;
	struct child_command worker;
	struct kafka_reader *reader;
};

/* The user's settings, then ours, which win. */
struct settings {
	const char *list[SETTINGS_MAX + 24];
	char own[24][SETTING_BYTES];
	size_t count, own_count;
};

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* proc_pid_stat(5): utime, stime, and those of the children that were waited for. */
static double cpu_seconds(pid_t pid, bool with_children)
{
	char path[64], text[1024];
	unsigned long long own[2], children[2];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
	if (file)
		fclose(file);
	text[got] = '\0';
	const char *name_end = strrchr(text, ')');
	if (!name_end || sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu "
			"%llu %llu", &own[0], &own[1], &children[0], &children[1]) != 4)
		return 0;
	unsigned long long ticks = own[0] + own[1] + (with_children ? children[0] + children[1] : 0);
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_seconds_broker(void)
{
	const char *pid = getenv("KAFKA_PID");
	return pid ? cpu_seconds((pid_t)atoi(pid), false) : 0;
}

static double cpu_seconds_below(pid_t pid)
{
	char path[64];
	int child;
	double seconds = 0;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *children = fopen(path, "re");
	while (children && fscanf(children, "%d", &child) == 1)
		seconds += cpu_seconds(child, true) + cpu_seconds_below(child);
	if (children)
		fclose(children);
	return seconds;
}

double bench_cpu_seconds(pid_t pid)
{
	return cpu_seconds(pid, false) + cpu_seconds_below(pid);
}

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

static int settings_fill(struct settings *settings, const char *const *given, size_t given_count,
	const struct config *config, const struct bench_load *load, struct err *err)
{
	static const char *const topics[] = {"requests", "results", "errors", "retries", "dead",
		"control", "state"};
	const char *brokers = config_kafka(config, "bootstrap.servers");
	unsigned long long name = (unsigned long long)(now_s() * 1e6);
	if (given_count > SETTINGS_MAX || !brokers || strlen(brokers) > SETTING_BYTES - 32)
		return err_set(err, ERR_INVALID, "too many settings for a benchmark");
	*settings = (struct settings){.count = given_count};
	for (size_t i = 0; i < given_count; i++)
		settings->list[i] = given[i];
	settings_add(settings, "kafka.bootstrap.servers=%s", brokers);
	settings_add(settings, "kafka.group.id=codeworker-bench-%llx", name);
	for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
		settings_add(settings, "topics.%s=codeworker-bench-%llx.%s", topics[i], name, topics[i]);
	settings_add(settings, "worker.slots=%d", load->slots);
	settings_add(settings, "zygote.enabled=%s", load->warm ? "true" : "false");
	settings_add(settings, "http.listen=off");
	return 0;
}

static int topics_create(const struct settings *settings, int partitions, struct err *err)
{
	char number[16];
	const char *const words[] = {"topics", "create", "--partitions", number, NULL};
	struct child_command child = {.log_fd = -1};
	snprintf(number, sizeof number, "%d", partitions);
	int result = child_command_start(&child, words, settings->list, settings->count, err);
	if (result == 0 && child_command_wait(&child, "codeworker topics create", err) < 0) {
		child_command_complain(&child, "codeworker topics create");
		result = -1;
	}
	child_command_stop(&child);
	return result;
}

/* Each a key of its own, so that nothing waits for another. */
static int publish(struct kafka_producer *producer, const char *topic, const struct bench_load *load,
	struct err *err)
{
	for (size_t i = 0; i < load->jobs; i++) {
		char key[48], value[512];
		snprintf(key, sizeof key, "bench:%zu", i);
		int size = snprintf(value, sizeof value, "{\"threadId\":\"bench\",\"nodeId\":\"%zu\","
			"\"scriptType\":\"%s\",\"code\":\"%s\"}", i, load->script_type, load->code);
		const struct kafka_message message = {.topic = topic, .key = key,
			.key_size = strlen(key), .value = value, .value_size = (size_t)size};
		if (kafka_producer_send(producer, &message, err) < 0)
			return -1;
	}
	return kafka_producer_flush(producer, err);
}

static int publish_all(const struct bench *bench, struct err *err)
{
	struct kafka_producer *producer;
	if (kafka_producer_new(bench->config, &producer, err) < 0)
		return -1;
	int result = publish(producer, bench->config->topics.requests, bench->load, err);
	kafka_producer_free(producer);
	return result;
}

static int result_check(const struct bench *bench, const struct kafka_record *record, struct err *err)
{
	const char *type = kafka_reader_header(bench->reader, "ce_type");
	if (type && strcmp(type, "codeworker.execution.completed") == 0)
		return 0;
	return err_set(err, ERR_SYSTEM, "a job failed: %.*s", (int)record->value_size,
		(const char *)record->value);
}

static int result_await(struct bench *bench, struct err *err)
{
	for (double begin = now_s(); now_s() - begin < SILENCE_S;) {
		struct kafka_record record;
		enum kafka_read read = kafka_reader_next(bench->reader, 200, &record, err);
		if (read == KAFKA_READ_ERROR)
			return -1;
		if (read == KAFKA_READ_RECORD)
			return result_check(bench, &record, err);
		if (!child_command_runs(&bench->worker))
			return err_set(err, ERR_SYSTEM, "the worker ended before its work did");
	}
	return err_set(err, ERR_BROKER, "no result came for %d seconds", SILENCE_S);
}

static int measure(struct bench *bench, struct bench_rate *rate, struct err *err)
{
	size_t untimed = bench->load->jobs / 10 + 1;
	double begin = 0, cpu = 0, broker_cpu = 0, reader_cpu = 0;
	for (size_t i = 0; i < bench->load->jobs; i++) {
		if (result_await(bench, err) < 0)
			return -1;
		if (i + 1 == untimed) {
			begin = now_s();
			cpu = bench_cpu_seconds(bench->worker.pid);
			broker_cpu = cpu_seconds_broker();
			reader_cpu = cpu_seconds(getpid(), false);
		}
	}
	rate->jobs = (double)(bench->load->jobs - untimed);
	rate->seconds = now_s() - begin;
	rate->cpu_seconds = bench_cpu_seconds(bench->worker.pid) - cpu;
	rate->broker_cpu_seconds = cpu_seconds_broker() - broker_cpu;
	rate->reader_cpu_seconds = cpu_seconds(getpid(), false) - reader_cpu;
	return 0;
}

static int run(struct bench *bench, const struct settings *settings, struct bench_rate *rate,
	struct err *err)
{
	static const char *const words[] = {"run", NULL};
	const char *results[] = {bench->config->topics.results};
	const struct kafka_start start = {.from = START_BEGINNING};
	if (topics_create(settings, bench->load->partitions, err) < 0 || publish_all(bench, err) < 0 ||
			kafka_reader_new(bench->config, results, 1, start, &bench->reader, err) < 0)
		return -1;
	int result = child_command_start(&bench->worker, words, settings->list, settings->count, err);
	if (result == 0)
		result = measure(bench, rate, err);
	if (result < 0 && bench->worker.log_fd >= 0)
		child_command_complain(&bench->worker, "the worker");
	child_command_stop(&bench->worker);
	kafka_reader_free(bench->reader);
	return result;
}

int bench_kafka_run(const struct config *config, const char *const *given, size_t given_count,
	const struct bench_load *load, struct bench_rate *rate, struct err *err)
{
	struct settings settings;
	struct config *own;
	if (settings_fill(&settings, given, given_count, config, load, err) < 0)
		return -1;
	const struct config_overrides overrides = {.set = settings.list,
		.set_count = settings.count};
	if (config_load(&overrides, &own, err) < 0)
		return -1;
	struct bench bench = {.config = own, .load = load, .worker.log_fd = -1};
	int result = run(&bench, &settings, rate, err);
	config_free(own);
	return result;
}
