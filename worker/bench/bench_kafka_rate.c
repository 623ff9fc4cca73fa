/* bench_kafka_rate.c: requests a second that were there before the work on them began.
 *
 * What is timed is the middle of a run: from some first results to the last.
 */
#include "bench_kafka.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench_jobs.h"
#include "bench_measure.h"
#include "bench_metric.h"

#define SECONDS 4			/* of jobs through Kafka, at least */
#define NOOPS 15000
#define LOOPED 45000			/* of the loop's, which is faster */
#define NOOP_ROUNDS 3
#define BARE 3000			/* of the loop's beside jobs */
#define WARM_UP 5000			/* a broker that has just started is not yet itself */
#define BATCH 500			/* the worker's own most, worker.batch_records */

struct load {
	const char *fields;		/* of each request */
	const char *ended_as;		/* as in bench_session_result() */
	size_t requests;		/* of which a tenth is not timed */
	int port;			/* of the worker's metrics; 0: its transactions are not counted */
};

struct rate {
	double requests, seconds;	/* what was timed */
	double cpu_seconds;		/* of worker, launcher and jobs */
	double broker_cpu_seconds;	/* 0: not known */
	double reader_cpu_seconds;	/* of this process, which counts the results */
	double result_bytes;		/* of all timed, headers included */
	double transactions, results;	/* all of them, timed or not */
};

static double a_second(const struct rate *rate)
{
	return rate->requests / rate->seconds;
}

static double median_a_second(const struct rate *rates, size_t count)
{
	double values[NOOP_ROUNDS];
	for (size_t i = 0; i < count; i++)
		values[i] = a_second(&rates[i]);
	return bench_quantile(values, count, 0.5);
}

/* Of the broker a request, in CPU ms. */
static double broker_ms(const struct rate *rate)
{
	return rate->broker_cpu_seconds > 0 ? 1000 * rate->broker_cpu_seconds / rate->requests : BENCH_NONE;
}

/* ---- one run */

static int load_publish(struct bench_session *session, const struct load *load, struct err *err)
{
	for (size_t i = 0; i < load->requests; i++)
		if (bench_session_request(session, load->fields, NULL, err) < 0)
			return -1;
	return bench_session_flush(session, err);
}

static double record_bytes(const struct kafka_record *record)
{
	size_t bytes = record->value_size;
	for (size_t i = 0; i < record->header_count; i++)
		bytes += strlen(record->headers[i].name) + record->headers[i].size;
	return (double)bytes;
}

/* sign -1 at the begin, 1 at the end: what is between is left. */
static void clocks_add(struct rate *rate, const struct bench_session *session, double sign)
{
	pid_t worker = bench_session_worker_pid(session);
	rate->seconds += sign * bench_now_ms() / 1e3;
	rate->cpu_seconds += worker > 0 ? sign * bench_cpu_seconds(worker) : 0;
	rate->broker_cpu_seconds += sign * bench_cpu_seconds_broker();
	rate->reader_cpu_seconds += sign * bench_cpu_seconds_alone(getpid());
}

static int results_count(struct bench_session *session, const struct load *load, struct rate *rate,
	struct err *err)
{
	size_t untimed = load->requests / 10 + 1;
	for (size_t i = 0; i < load->requests; i++) {
		struct kafka_record record;
		if (bench_session_result(session, load->ended_as, &record, err) < 0)
			return -1;
		if (i >= untimed)
			rate->result_bytes += record_bytes(&record);
		if (i + 1 == untimed)
			clocks_add(rate, session, -1);
	}
	clocks_add(rate, session, 1);
	rate->requests = (double)(load->requests - untimed);
	rate->results = (double)load->requests;
	return 0;
}

/* The one that brought the last result counts when the reader has seen it, or a moment later. */
static int transactions_count(const struct bench_session *session, const struct load *load, struct rate *rate,
	struct err *err)
{
	double count = bench_session_loop_transactions(session);
	if (load->port > 0 && bench_metric_get(load->port, "codeworker_commits_total", &count, err) < 0)
		return -1;
	rate->transactions = count;
	return 0;
}

/* loop: NULL for a worker. rate: zeroed before. */
static int load_run(const struct bench_context *context, const char *const *extra,
	const struct bench_loop_plan *loop, const struct load *load, struct rate *rate, struct err *err)
{
	struct bench_session *session;
	if (bench_session_open(context, extra, &session, err) < 0)
		return -1;
	int result = load_publish(session, load, err);
	if (result == 0)
		result = loop ? bench_session_start_loop(session, loop, err) :
			bench_session_start_worker(session, err);
	if (result == 0)
		result = results_count(session, load, rate, err);
	if (result == 0)
		result = transactions_count(session, load, rate, err);
	bench_session_close(session, result < 0);
	return result;
}

/* ---- requests that run nothing */

/* In turns. The loop's transactions are as large as the worker's were, and so are its results. */
static int noops_round(const struct bench_context *context, struct rate *bare, struct rate *worker,
	struct err *err)
{
	static const char *const fields = "\"scriptType\":\"shell\",\"code\":\"true\",\"deadline\":1";
	char listen[48];
	const char *const extra[] = {listen, NULL};
	int port = bench_metric_port(err);
	snprintf(listen, sizeof listen, "http.listen=127.0.0.1:%d", port);
	const struct load expired = {fields, "skipped", NOOPS, port};
	const struct load looped = {fields, NULL, LOOPED, 0};
	if (port < 0 || load_run(context, extra, NULL, &expired, worker, err) < 0)
		return -1;
	const struct bench_loop_plan plan = {.batch = (size_t)(worker->results / worker->transactions + 0.5),
		.value_bytes = (size_t)(worker->result_bytes / worker->requests)};
	return load_run(context, NULL, &plan, &looped, bare, err);
}

static void noops_report(struct bench_table *table, const struct rate *bare, const struct rate *worker)
{
	const struct rate *b = &bare[NOOP_ROUNDS - 1], *w = &worker[NOOP_ROUNDS - 1];
	double than = median_a_second(bare, NOOP_ROUNDS), ours = median_a_second(worker, NOOP_ROUNDS);
	bench_table_add(table, "requests past their deadline, a second", &(struct bench_row){
		.beside_what = "bare librdkafka loop", .beside = than, .ours = ours, .ratio = ours / than,
		.goal = ">= 0.50"});
	bench_table_add(table, "  results a transaction", &(struct bench_row){.beside_what = "",
		.beside = b->results / b->transactions, .ours = w->results / w->transactions,
		.ratio = BENCH_NONE, .goal = ""});
	bench_table_add(table, "  CPU ms a request of the worker", &(struct bench_row){.beside_what = "",
		.beside = BENCH_NONE, .ours = 1000 * w->cpu_seconds / w->requests, .ratio = BENCH_NONE,
		.goal = ""});
	bench_table_add(table, "  CPU ms a request of the broker", &(struct bench_row){.beside_what = "",
		.beside = broker_ms(b), .ours = broker_ms(w), .ratio = BENCH_NONE, .goal = ""});
}

int bench_kafka_noops(const struct bench_context *context, struct bench_table *table, struct err *err)
{
	const struct bench_loop_plan warm_up = {.batch = BATCH, .value_bytes = 1024};
	const struct load first = {"\"scriptType\":\"shell\",\"code\":\"true\"", NULL, WARM_UP, 0};
	struct rate ignored = {0}, bare[NOOP_ROUNDS] = {0}, worker[NOOP_ROUNDS] = {0};
	int result = load_run(context, NULL, &warm_up, &first, &ignored, err);
	for (int i = 0; i < NOOP_ROUNDS && result == 0; i++)
		result = noops_round(context, &bare[i], &worker[i], err);
	if (result == 0)
		noops_report(table, bare, worker);
	return result;
}

/* ---- jobs */

/* Without Kafka: jobs a second, and a CPU second. Adds. */
static int rate_without(const struct bench_context *context, struct sandbox *sandbox, size_t program,
	double *a_wall, double *a_cpu, struct err *err)
{
	const struct bench_settings settings = {.seconds = context->seconds, .slots = context->slots};
	double cpu = bench_cpu_seconds(getpid()), begin = bench_now_ms(), rate;
	if (bench_jobs_rate(sandbox, program, &settings, &rate, err) < 0)
		return -1;
	double jobs = rate * (bench_now_ms() - begin) / 1e3;
	*a_wall += rate;
	*a_cpu += jobs / (bench_cpu_seconds(getpid()) - cpu);
	return 0;
}

static void jobs_report(struct bench_table *table, const char *name, double wall, double cpu,
	const struct rate *through, const struct rate *bare)
{
	char what[64];
	double with_cpu = through->requests / through->cpu_seconds;
	snprintf(what, sizeof what, "%s, jobs a second", name);
	bench_table_add(table, what, &(struct bench_row){.beside_what = "without Kafka", .beside = wall,
		.ours = a_second(through), .ratio = a_second(through) / wall, .goal = ">= 0.80"});
	bench_table_add(table, "  a CPU second of worker and jobs", &(struct bench_row){
		.beside_what = "", .beside = cpu, .ours = with_cpu, .ratio = with_cpu / cpu, .goal = ""});
	bench_table_add(table, "  CPU ms a job", &(struct bench_row){.beside_what = "", .beside = 1000 / cpu,
		.ours = 1000 / with_cpu, .ratio = BENCH_NONE, .goal = ""});
	bench_table_add(table, "  CPU ms a job of the broker", &(struct bench_row){
		.beside_what = "bare librdkafka loop", .beside = broker_ms(bare),
		.ours = broker_ms(through), .ratio = BENCH_NONE, .goal = ""});
	bench_table_add(table, "  results a transaction", &(struct bench_row){.beside_what = "",
		.beside = bare->results / bare->transactions,
		.ours = through->results / through->transactions, .ratio = BENCH_NONE, .goal = ""});
	bench_table_add(table, "  CPU ms a job of the results' reader", &(struct bench_row){.beside_what = "",
		.beside = BENCH_NONE, .ratio = BENCH_NONE, .goal = "",
		.ours = 1000 * through->reader_cpu_seconds / through->requests});
}

/* What the broker takes for as many records in transactions of that size, whoever writes them. */
static int bare_measure(const struct bench_context *context, const struct rate *through, struct rate *bare,
	struct err *err)
{
	const struct load looped = {"\"scriptType\":\"shell\",\"code\":\"true\"", NULL, BARE, 0};
	const struct bench_loop_plan plan = {.batch = (size_t)(through->results / through->transactions + 0.5),
		.value_bytes = (size_t)(through->result_bytes / through->requests)};
	return load_run(context, NULL, &plan, &looped, bare, err);
}

/* Without Kafka before and after; the waiting sandboxes of that one use no processor meanwhile. */
static int jobs_measure(const struct bench_context *context, struct sandbox *sandbox, size_t program,
	bool warm, struct bench_table *table, struct err *err)
{
	char fields[128], name[32], listen[48];
	const char *const extra[] = {warm ? "zygote.enabled=true" : "zygote.enabled=false", listen, NULL};
	int port = bench_metric_port(err);
	double wall = 0, cpu = 0;
	struct rate through = {0}, bare = {0};
	snprintf(listen, sizeof listen, "http.listen=127.0.0.1:%d", port);
	if (port < 0 || rate_without(context, sandbox, program, &wall, &cpu, err) < 0)
		return -1;
	snprintf(fields, sizeof fields, "\"scriptType\":\"%s\",\"code\":\"%s\"", bench_jobs_type(program),
		bench_jobs_code(program));
	double seconds = context->seconds > SECONDS ? context->seconds : SECONDS;
	const struct load load = {fields, "completed", (size_t)(wall * seconds) + 20, port};
	if (load_run(context, extra, NULL, &load, &through, err) < 0 ||
			rate_without(context, sandbox, program, &wall, &cpu, err) < 0 ||
			bare_measure(context, &through, &bare, err) < 0)
		return -1;
	snprintf(name, sizeof name, "%s%s", bench_jobs_type(program), warm ? "" : ", cold");
	jobs_report(table, name, wall / 2, cpu / 2, &through, &bare);
	return 0;
}

static int jobs_try(const struct bench_context *context, size_t program, bool warm, struct bench_table *table,
	struct err *err)
{
	const struct bench_settings settings = {.slots = context->slots};
	struct sandbox *sandbox;
	int result = 0;
	if (bench_jobs_open(&settings, warm, -1, &sandbox, err) < 0)
		return -1;
	if (bench_jobs_have(sandbox, program, warm))
		result = jobs_measure(context, sandbox, program, warm, table, err);
	else
		fprintf(stderr, "bench: %s left out: it is not here%s\n", bench_jobs_type(program),
			warm ? ", or not warm" : "");
	sandbox_close(sandbox);
	return result;
}

int bench_kafka_jobs(const struct bench_context *context, struct bench_table *table, struct err *err)
{
	static const size_t warm[] = {BENCH_PYTHON, BENCH_JAVASCRIPT, BENCH_SHELL};
	for (size_t i = 0; i < sizeof warm / sizeof *warm; i++)
		if (jobs_try(context, warm[i], true, table, err) < 0)
			return -1;
	return jobs_try(context, BENCH_PYTHON, false, table, err);
}
