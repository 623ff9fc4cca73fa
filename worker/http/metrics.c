/* metrics.c: see metrics.h.
 *
 * One flat array of atomics: each metric has its place in it, and as many cells as its label has
 * values, times the cells of a histogram (buckets, count, sum). A gauge that was never set is NaN
 * and not shown.
 */
#include "metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../commands/command_common.h"

enum type { COUNTER, GAUGE, HISTOGRAM };
enum label { LABEL_NONE, LABEL_ENCODING, LABEL_STATUS, LABEL_CODE, LABEL_TOPIC, LABEL_PARTITION };

#define LABEL_BYTES 320			/* a topic's name has 249 at most */

static const struct row {
	enum type type;
	enum label label;
	const char *name, *help;
} rows[METRIC_COUNT] = {
#define X(id, type, label, name, help) {type, LABEL_##label, name, help},
	METRICS(X)
#undef X
};

static const double seconds[] = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30,
	60, 300, 1800, 3600};
static const double counts[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};

#define MOST_BOUNDS (sizeof seconds / sizeof *seconds)
#define HISTOGRAM_CELLS (MOST_BOUNDS + 2) /* buckets, the one above all bounds, the sum */

/* A counter's or bucket's uint64_t, or a gauge's or sum's double. */
struct metrics {
	time_t started;
	const char *const *topics;
	size_t topic_count;		/* at least 1 */
	size_t first[METRIC_COUNT];
	_Atomic uint64_t cells[];
};

static int label_count(size_t topics, enum metric metric)
{
	switch (rows[metric].label) {
	case LABEL_ENCODING:
		return ENCODING_CONFLUENT + 1;
	case LABEL_STATUS:
		return STATUS_SKIPPED + 1;
	case LABEL_CODE:
		return ERROR_CODE_COUNT;
	case LABEL_TOPIC:
		return (int)topics;
	case LABEL_PARTITION:
		return (int)topics * METRIC_PARTITION_LABELS;
	default:
		return 1;
	}
}

static const char *label_text(const struct metrics *metrics, enum metric metric, int label,
	char buffer[LABEL_BYTES])
{
	static const char *const encodings[] = {"json", "avro", "confluent"};
	switch (rows[metric].label) {
	case LABEL_ENCODING:
		snprintf(buffer, LABEL_BYTES, "encoding=\"%s\"", encodings[label]);
		break;
	case LABEL_STATUS:
		snprintf(buffer, LABEL_BYTES, "status=\"%s\"", status_name((enum status)label));
		break;
	case LABEL_CODE:
		snprintf(buffer, LABEL_BYTES, "code=\"%s\"", error_code_name((enum error_code)label));
		break;
	case LABEL_PARTITION:
		if (metrics->topic_count > 1)
			snprintf(buffer, LABEL_BYTES, "topic=\"%s\",partition=\"%d\"",
				metrics->topics[label / METRIC_PARTITION_LABELS],
				label % METRIC_PARTITION_LABELS);
		else
			snprintf(buffer, LABEL_BYTES, "partition=\"%d\"", label);
		break;
	case LABEL_TOPIC:
		snprintf(buffer, LABEL_BYTES, "topic=\"%s\"",
			metrics->topics ? metrics->topics[label] : "");
		break;
	default:
		buffer[0] = '\0';
	}
	return buffer;
}

static size_t cells_each(enum metric metric)
{
	return rows[metric].type == HISTOGRAM ? HISTOGRAM_CELLS : 1;
}

static const double *bounds_of(enum metric metric, size_t *count)
{
	bool in_seconds = metric != METRIC_BATCH_RECORDS;
	*count = in_seconds ? MOST_BOUNDS : sizeof counts / sizeof *counts;
	return in_seconds ? seconds : counts;
}

static uint64_t bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static double double_of(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static uint64_t read_cell(const struct metrics *metrics, size_t index)
{
	return atomic_load_explicit(&metrics->cells[index], memory_order_relaxed);
}

struct metrics *metrics_new(void)
{
	return metrics_new_topics(NULL, 1);
}

struct metrics *metrics_new_topics(const char *const *topics, size_t count)
{
	size_t total = 0, first[METRIC_COUNT];
	for (int m = 0; m < METRIC_COUNT; m++) {
		first[m] = total;
		total += (size_t)label_count(count, (enum metric)m) * cells_each((enum metric)m);
	}
	struct metrics *metrics = calloc(1, sizeof *metrics + total * sizeof metrics->cells[0]);
	if (!metrics)
		return NULL;
	memcpy(metrics->first, first, sizeof first);
	metrics->topics = topics;
	metrics->topic_count = count;
	metrics->started = time(NULL);
	for (int m = 0; m < METRIC_COUNT; m++)
		for (int l = 0; rows[m].type == GAUGE && l < label_count(count, (enum metric)m); l++)
			atomic_store(&metrics->cells[first[m] + (size_t)l], bits_of(NAN));
	return metrics;
}

void metrics_free(struct metrics *metrics)
{
	free(metrics);
}

/* The first cell of that label; NULL when there is none of that type and label. */
static _Atomic uint64_t *cell_of(struct metrics *metrics, enum metric metric, enum type type,
	int label)
{
	if (!metrics || rows[metric].type != type || label < 0 ||
		label >= label_count(metrics->topic_count, metric))
		return NULL;
	return &metrics->cells[metrics->first[metric] + (size_t)label * cells_each(metric)];
}

void metrics_add(struct metrics *metrics, enum metric metric, int label, uint64_t count)
{
	_Atomic uint64_t *cell = cell_of(metrics, metric, COUNTER, label);
	if (cell)
		atomic_fetch_add_explicit(cell, count, memory_order_relaxed);
}

void metrics_set(struct metrics *metrics, enum metric metric, int label, double value)
{
	_Atomic uint64_t *cell = cell_of(metrics, metric, GAUGE, label);
	if (cell)
		atomic_store_explicit(cell, bits_of(value), memory_order_relaxed);
}

static void add_double(_Atomic uint64_t *cell, double value)
{
	uint64_t before = atomic_load_explicit(cell, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(cell, &before,
		bits_of(double_of(before) + value), memory_order_relaxed, memory_order_relaxed))
		;
}

void metrics_observe(struct metrics *metrics, enum metric metric, int label, double value)
{
	size_t count, bucket = 0;
	const double *bounds = bounds_of(metric, &count);
	_Atomic uint64_t *cells = cell_of(metrics, metric, HISTOGRAM, label);
	if (!cells || isnan(value))
		return;
	while (bucket < count && value > bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&cells[bucket], 1, memory_order_relaxed);
	add_double(&cells[HISTOGRAM_CELLS - 1], value);
}

void metrics_forget_partition(struct metrics *metrics, int place)
{
	for (int m = 0; m < METRIC_COUNT; m++)
		if (rows[m].label == LABEL_PARTITION)
			metrics_set(metrics, (enum metric)m, place, NAN);
}

double metrics_value(const struct metrics *metrics, enum metric metric, int label)
{
	if (!metrics || label < 0 || label >= label_count(metrics->topic_count, metric) ||
		rows[metric].type == HISTOGRAM)
		return 0;
	uint64_t bits = read_cell(metrics, metrics->first[metric] + (size_t)label);
	if (rows[metric].type == COUNTER)
		return (double)bits;
	return isnan(double_of(bits)) ? 0 : double_of(bits);
}

/* ---- Prometheus's text */
static void render_histogram(const struct metrics *metrics, enum metric metric, size_t first,
	const char *labels, FILE *out)
{
	size_t count;
	const double *bounds = bounds_of(metric, &count);
	const char *name = rows[metric].name, *comma = *labels ? "," : "";
	const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
	uint64_t total = 0;
	for (size_t i = 0; i <= count; i++) {
		total += read_cell(metrics, first + i);
		if (i < count)
			fprintf(out, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", name, labels, comma,
				bounds[i], total);
	}
	fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, total);
	fprintf(out, "%s_sum%s%s%s %.9g\n", name, open, labels, close,
		double_of(read_cell(metrics, first + HISTOGRAM_CELLS - 1)));
	fprintf(out, "%s_count%s%s%s %" PRIu64 "\n", name, open, labels, close, total);
}

static void render_cell(const struct metrics *metrics, enum metric metric, int label, FILE *out)
{
	char labels[LABEL_BYTES];
	size_t first = metrics->first[metric] + (size_t)label * cells_each(metric);
	label_text(metrics, metric, label, labels);
	if (rows[metric].type == HISTOGRAM) {
		render_histogram(metrics, metric, first, labels, out);
		return;
	}
	uint64_t bits = read_cell(metrics, first);
	if (rows[metric].type == GAUGE && isnan(double_of(bits)))
		return;
	fprintf(out, "%s%s%s%s ", rows[metric].name, *labels ? "{" : "", labels, *labels ? "}" : "");
	if (rows[metric].type == COUNTER)
		fprintf(out, "%" PRIu64 "\n", bits);
	else
		fprintf(out, "%.15g\n", double_of(bits));
}

static void render_head(const char *name, const char *type, const char *help, FILE *out)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Under the names that every Prometheus client library gives them. */
static void render_process(const struct metrics *metrics, FILE *out)
{
	struct timespec cpu = {0};
	unsigned long size = 0, resident = 0;
	FILE *statm = fopen("/proc/self/statm", "re");
	if (statm) {
		if (fscanf(statm, "%lu %lu", &size, &resident) != 2)
			resident = 0;
		fclose(statm);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	render_head("process_resident_memory_bytes", "gauge", "Resident memory.", out);
	fprintf(out, "process_resident_memory_bytes %lu\n",
		resident * (unsigned long)sysconf(_SC_PAGESIZE));
	render_head("process_cpu_seconds_total", "counter", "CPU time, jobs not counted.", out);
	fprintf(out, "process_cpu_seconds_total %.6f\n",
		(double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
	render_head("process_start_time_seconds", "gauge", "Start, seconds since 1970.", out);
	fprintf(out, "process_start_time_seconds %lld\n", (long long)metrics->started);
	render_head("codeworker_build_info", "gauge", "The version, as a label.", out);
	fprintf(out, "codeworker_build_info{version=\"%s\"} 1\n", CODEWORKER_VERSION);
}

char *metrics_render(const struct metrics *metrics, size_t *size)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	if (!out)
		return NULL;
	for (int m = 0; m < METRIC_COUNT; m++) {
		render_head(rows[m].name, types[rows[m].type], rows[m].help, out);
		for (int l = 0; l < label_count(metrics->topic_count, (enum metric)m); l++)
			render_cell(metrics, (enum metric)m, l, out);
	}
	render_process(metrics, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
