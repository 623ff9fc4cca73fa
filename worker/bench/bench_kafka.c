/* bench_kafka.c: which rows there are, and their table; see bench_kafka.h. */
#include "bench_kafka.h"

#include <stdio.h>

#include "bench_measure.h"

static const struct {
	const char *name;
	int (*measure)(const struct bench_context *context, struct bench_table *table, struct err *err);
} parts[] = {
	{"requests that run nothing", bench_kafka_noops},	/* first: the broker gets warm by it */
	{"jobs a second", bench_kafka_jobs},
	{"request to result", bench_kafka_latency},
	{"cancels", bench_kafka_cancels},
	{"tenants", bench_kafka_tenants},
};
#define PARTS (sizeof parts / sizeof *parts)

void bench_table_add(struct bench_table *table, const char *what, const struct bench_row *numbers)
{
	if (table->count == sizeof table->rows / sizeof *table->rows)
		return;
	struct bench_row *row = &table->rows[table->count++];
	*row = *numbers;
	snprintf(row->what, sizeof row->what, "%s", what);
}

static const char *number(char *text, size_t size, double value)
{
	if (value == BENCH_NONE)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%.*f", value >= 100 ? 0 : value < 1 ? 3 : 2, value);
	return text;
}

static void row_print(const struct bench_row *row)
{
	char beside[24], ours[24], ratio[24];
	printf("%-42s %-24s %9s %9s %7s  %s\n", row->what, row->beside_what,
		number(beside, sizeof beside, row->beside), number(ours, sizeof ours, row->ours),
		number(ratio, sizeof ratio, row->ratio), row->goal);
}

static void table_print(const struct bench_table *table, const struct bench_context *context)
{
	printf("\nThrough Kafka, exactly once, strict, warm: %d partitions, %d jobs at once.\n"
		"%-42s %-24s %9s %9s %7s  %s\n", BENCH_PARTITIONS, context->slots, "", "beside", "", "here",
		"ratio", "goal");
	for (size_t i = 0; i < table->count; i++)
		row_print(&table->rows[i]);
	fflush(stdout);
}

int bench_kafka_measure(const struct bench_context *context, struct err *err)
{
	struct bench_table table = {0};
	double begin = bench_now_ms();
	for (size_t i = 0; i < PARTS; i++) {
		fprintf(stderr, "bench: %zu of %zu through Kafka: %s\n", i + 1, PARTS, parts[i].name);
		if (parts[i].measure(context, &table, err) < 0)
			return -1;
	}
	fprintf(stderr, "bench: through Kafka took %.0f s\n", (bench_now_ms() - begin) / 1e3);
	table_print(&table, context);
	return 0;
}
