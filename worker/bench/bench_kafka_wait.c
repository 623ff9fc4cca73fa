/* bench_kafka_wait.c: how long a request takes: alone, until a cancel ended it, among another tenant's. */
#include "bench_kafka.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench_jobs.h"
#include "bench_measure.h"

#define UNTIMED 10			/* the first ones find caches cold */
#define ECHO_BYTES 1024			/* about a result's */
#define START_MS 10000			/* until a job's process is there */
#define FLOOD 2000			/* requests of the other tenant that wait or run */
#define FLOOD_RUNS 200			/* of its jobs that ended: from then on it is one */
#define SHELL_FIELDS "\"scriptType\":\"shell\",\"code\":\"true\""

static void percentiles_add(struct bench_table *table, const char *what, const char *beside_what,
	double *beside, double *ours, size_t count, const char *goals[2])
{
	static const double parts[] = {0.5, 0.95};
	for (int i = 0; i < 2; i++) {
		char text[64];
		double than = beside ? bench_quantile(beside, count, parts[i]) : BENCH_NONE;
		double value = bench_quantile(ours, count, parts[i]);
		snprintf(text, sizeof text, "%s, ms, p%.0f", what, parts[i] * 100);
		bench_table_add(table, text, &(struct bench_row){.beside_what = beside_what, .beside = than,
			.ours = value, .ratio = beside ? value / than : BENCH_NONE, .goal = goals[i]});
	}
}

static double *series_new(size_t count, struct err *err)
{
	double *values = calloc(count, sizeof *values);
	if (!values)
		err_set(err, ERR_MEMORY, "no memory");
	return values;
}

/* From handing a request over to its result, while results of others are passed over. */
static int request_time(struct bench_session *session, const char *fields, const char *ended_as, double *ms,
	struct err *err)
{
	struct kafka_record record;
	size_t number;
	double begin = bench_now_ms();
	if (bench_session_request(session, fields, &number, err) < 0)
		return -1;
	do
		if (bench_session_result(session, ended_as, &record, err) < 0)
			return -1;
	while (ended_as && bench_session_result_number(session) != number);
	*ms = bench_now_ms() - begin;
	return 0;
}

/* ---- request to result */

/* The job without Kafka, the bare loop, the worker by either delivery. */
enum series { ALONE, ECHO, ONCE, AT_LEAST, SERIES };

static int latency_round(struct sandbox *sandbox, struct bench_session **sessions, double *ms,
	struct err *err)
{
	if (bench_jobs_one(sandbox, BENCH_SHELL, &ms[ALONE], err) < 0)
		return -1;
	for (int i = ECHO; i < SERIES; i++)
		if (request_time(sessions[i], SHELL_FIELDS, i == ECHO ? NULL : "completed", &ms[i], err) < 0)
			return -1;
	return 0;
}

/* In turns, so that all meet the machine in the same mood. */
static int latency_take(const struct bench_context *context, struct sandbox *sandbox,
	struct bench_session **sessions, double **series, struct err *err)
{
	for (size_t i = 0; i < context->count + UNTIMED; i++) {
		double ms[SERIES];
		if (latency_round(sandbox, sessions, ms, err) < 0)
			return -1;
		for (int s = 0; s < SERIES && i >= UNTIMED; s++)
			series[s][i - UNTIMED] = ms[s];
	}
	return 0;
}

static void latency_report(struct bench_table *table, double **series, size_t count)
{
	static const double parts[] = {0.5, 0.95};
	for (int i = 0; i < 2; i++) {
		char what[64];
		double alone = bench_quantile(series[ALONE], count, parts[i]);
		double echo = bench_quantile(series[ECHO], count, parts[i]);
		double once = bench_quantile(series[ONCE], count, parts[i]);
		snprintf(what, sizeof what, "request to result, ms, p%.0f", parts[i] * 100);
		bench_table_add(table, what, &(struct bench_row){.beside_what = "bare loop's echo",
			.beside = echo, .ours = once, .ratio = BENCH_NONE, .goal = ""});
		snprintf(what, sizeof what, "  less the job alone (%.2f ms)", alone);
		bench_table_add(table, what, &(struct bench_row){.beside_what = "", .beside = echo,
			.ours = once - alone, .ratio = (once - alone) / echo, .goal = "<= 1.30"});
	}
	percentiles_add(table, "  exactly once", "at_least_once", series[AT_LEAST], series[ONCE], count,
		(const char *[]){"", ""});
}

static int latency_start(const struct bench_context *context, struct bench_session **sessions,
	struct err *err)
{
	static const char *const at_least_once[] = {"worker.delivery=at_least_once", NULL};
	static const char *const exactly_once[] = {"worker.delivery=exactly_once", NULL};
	const struct bench_loop_plan echo = {.batch = 1, .value_bytes = ECHO_BYTES};
	if (bench_session_open(context, NULL, &sessions[ECHO], err) < 0 ||
			bench_session_open(context, exactly_once, &sessions[ONCE], err) < 0 ||
			bench_session_open(context, at_least_once, &sessions[AT_LEAST], err) < 0 ||
			bench_session_start_loop(sessions[ECHO], &echo, err) < 0 ||
			bench_session_start_worker(sessions[ONCE], err) < 0)
		return -1;
	return bench_session_start_worker(sessions[AT_LEAST], err);
}

int bench_kafka_latency(const struct bench_context *context, struct bench_table *table, struct err *err)
{
	const struct bench_settings settings = {.slots = context->slots};
	struct bench_session *sessions[SERIES] = {0};
	double *series[SERIES];
	struct sandbox *sandbox;
	bool ready = true;
	if (bench_jobs_open(&settings, true, -1, &sandbox, err) < 0)
		return -1;
	for (int i = 0; i < SERIES; i++) {
		series[i] = series_new(context->count, err);
		ready = ready && series[i];
	}
	int result = ready ? latency_start(context, sessions, err) : -1;
	if (result == 0)
		result = latency_take(context, sandbox, sessions, series, err);
	if (result == 0)
		latency_report(table, series, context->count);
	for (int i = 0; i < SERIES; i++) {
		bench_session_close(sessions[i], result < 0);
		free(series[i]);
	}
	sandbox_close(sandbox);
	return result;
}

/* ---- cancel to process gone */

static bool process_is(const char *pid, const char *command, size_t size)
{
	char path[300], text[128];
	snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
	FILE *file = fopen(path, "re");
	size_t got = file ? fread(text, 1, sizeof text, file) : 0;
	if (file)
		fclose(file);
	return got == size && memcmp(text, command, size) == 0;
}

/* command: its words, each with its NUL. Returns its pidfd; -1: not there yet. */
static int process_find(const char *command, size_t size)
{
	struct dirent *entry;
	DIR *directory = opendir("/proc");
	int fd = -1;
	while (directory && fd < 0 && (entry = readdir(directory)))
		if (atoi(entry->d_name) > 0 && process_is(entry->d_name, command, size))
			fd = (int)syscall(SYS_pidfd_open, atoi(entry->d_name), 0);
	if (directory)
		closedir(directory);
	return fd;
}

static int process_await(const char *command, size_t size, struct err *err)
{
	for (double begin = bench_now_ms(); bench_now_ms() - begin < START_MS;) {
		int fd = process_find(command, size);
		if (fd >= 0)
			return fd;
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	return err_set(err, ERR_SYSTEM, "the process of a job that sleeps was not seen for %d seconds",
		START_MS / 1000);
}

/* gone: its pidfd becomes readable as it exits. */
static int cancel_time(struct bench_session *session, size_t number, int process, double *gone_ms,
	double *result_ms, struct err *err)
{
	struct kafka_record record;
	struct pollfd poll_process = {.fd = process, .events = POLLIN};
	double begin = bench_now_ms();
	if (bench_session_cancel(session, number, err) < 0)
		return -1;
	if (poll(&poll_process, 1, START_MS) != 1)
		return err_set(err, ERR_SYSTEM, "a cancelled job still runs");
	*gone_ms = bench_now_ms() - begin;
	if (bench_session_result(session, "cancelled", &record, err) < 0)
		return -1;
	*result_ms = bench_now_ms() - begin;
	return 0;
}

static int cancel_one(struct bench_session *session, size_t at, double *gone_ms, double *result_ms,
	struct err *err)
{
	char fields[128], command[64];
	size_t number;
	/* a number of seconds that no other process sleeps for */
	int size = snprintf(command, sizeof command, "sleep%c9%d.%zu", '\0', (int)getpid(), at) + 1;
	snprintf(fields, sizeof fields, "\"scriptType\":\"shell\",\"code\":\"exec sleep %s\"",
		command + strlen(command) + 1);
	if (bench_session_request(session, fields, &number, err) < 0)
		return -1;
	int process = process_await(command, (size_t)size, err);
	if (process < 0)
		return -1;
	int result = cancel_time(session, number, process, gone_ms, result_ms, err);
	close(process);
	return result;
}

static int cancels_run(const struct bench_context *context, size_t count, double *gone_ms, double *result_ms,
	struct err *err)
{
	struct bench_session *session;
	double ms;
	if (bench_session_open(context, NULL, &session, err) < 0)
		return -1;
	int result = bench_session_start_worker(session, err);
	if (result == 0)
		result = request_time(session, SHELL_FIELDS, "completed", &ms, err);
	for (size_t i = 0; i < count && result == 0; i++)
		result = cancel_one(session, i + 1, &gone_ms[i], &result_ms[i], err);
	bench_session_close(session, result < 0);
	return result;
}

int bench_kafka_cancels(const struct bench_context *context, struct bench_table *table, struct err *err)
{
	size_t count = context->count / 2 + 1;
	double *gone_ms = series_new(count, err), *result_ms = series_new(count, err);
	int result = gone_ms && result_ms ? cancels_run(context, count, gone_ms, result_ms, err) : -1;
	if (result == 0) {
		percentiles_add(table, "cancel to process gone", "", NULL, gone_ms, count,
			(const char *[]){"<= 100 ms", "<= 100 ms"});
		percentiles_add(table, "  to its result", "", NULL, result_ms, count,
			(const char *[]){"", ""});
	}
	free(gone_ms);
	free(result_ms);
	return result;
}

/* ---- one tenant beside another's flood */

#define TENANT_A SHELL_FIELDS ",\"tenant\":\"a\""
#define TENANT_B SHELL_FIELDS ",\"tenant\":\"b\""

struct flood {
	struct bench_session *session;
	size_t sent, ended;
};

static int flood_fill(struct flood *flood, struct err *err)
{
	for (; flood->sent - flood->ended < FLOOD; flood->sent++)
		if (bench_session_request(flood->session, TENANT_A, NULL, err) < 0)
			return -1;
	return 0;
}

static int flood_result(struct flood *flood, size_t *number, struct err *err)
{
	struct kafka_record record;
	if (bench_session_result(flood->session, "completed", &record, err) < 0)
		return -1;
	*number = bench_session_result_number(flood->session);
	return 0;
}

/* From when it is a flood. */
static int flood_begin(struct flood *flood, struct err *err)
{
	size_t number;
	if (flood_fill(flood, err) < 0)
		return -1;
	for (; flood->ended < FLOOD_RUNS; flood->ended++)
		if (flood_result(flood, &number, err) < 0)
			return -1;
	return 0;
}

/* One job of the other tenant, sent when the flood is at its height. */
static int flood_time(struct flood *flood, double *ms, struct err *err)
{
	size_t number, result = 0;
	if (flood_fill(flood, err) < 0)
		return -1;
	double begin = bench_now_ms();
	if (bench_session_request(flood->session, TENANT_B, &number, err) < 0)
		return -1;
	for (;;) {
		if (flood_result(flood, &result, err) < 0)
			return -1;
		if (result == number)
			break;
		flood->ended++;
	}
	*ms = bench_now_ms() - begin;
	return 0;
}

static int tenants_take(struct bench_session *session, size_t count, double *alone, double *beside,
	struct err *err)
{
	struct flood flood = {.session = session};
	double ms;
	for (size_t i = 0; i < count + UNTIMED; i++)
		if (request_time(session, TENANT_B, "completed", i < UNTIMED ? &ms : &alone[i - UNTIMED],
				err) < 0)
			return -1;
	if (flood_begin(&flood, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (flood_time(&flood, &beside[i], err) < 0)
			return -1;
	return 0;
}

static int tenants_run(const struct bench_context *context, double *alone, double *beside, struct err *err)
{
	struct bench_session *session;
	if (bench_session_open(context, NULL, &session, err) < 0)
		return -1;
	int result = bench_session_start_worker(session, err);
	if (result == 0)
		result = tenants_take(session, context->count, alone, beside, err);
	bench_session_close(session, result < 0);
	return result;
}

int bench_kafka_tenants(const struct bench_context *context, struct bench_table *table, struct err *err)
{
	double *alone = series_new(context->count, err), *beside = series_new(context->count, err);
	int result = alone && beside ? tenants_run(context, alone, beside, err) : -1;
	if (result == 0)
		percentiles_add(table, "tenant's job beside a flood", "alone", alone, beside, context->count,
			(const char *[]){"", "<= 3.00"});
	free(alone);
	free(beside);
	return result;
}
