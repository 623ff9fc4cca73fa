/* bench_kafka.h: what a worker does through a real broker, beside what it is measured against.
 *
 * Every row of the table has its baseline from the same run, on the same broker, before and after it or in
 * turn with it: the ratio is what counts, since machines and brokers differ from one moment to the next.
 */
#ifndef CODEWORKER_BENCH_KAFKA_H
#define CODEWORKER_BENCH_KAFKA_H

#include <stdbool.h>
#include <stddef.h>

#include "bench_session.h"

#define BENCH_NONE (-1.0)

struct bench_row {
	char what[44];
	const char *beside_what;	/* "": nothing */
	double beside, ours, ratio;	/* BENCH_NONE: none */
	const char *goal;		/* of ratio, or of ours where there is no ratio; "": none */
};

struct bench_table {
	struct bench_row rows[40];
	size_t count;
};

/* what: copied. */
void bench_table_add(struct bench_table *table, const char *what, const struct bench_row *numbers);

/* Measures all rows, tells on standard error what it is at, and prints the table. 0, or -1 with err. */
int bench_kafka_measure(const struct bench_context *context, struct err *err);

/* ---- the rows; each 0, or -1 with err */

/* Jobs a second that come through, beside the same jobs without Kafka. */
int bench_kafka_jobs(const struct bench_context *context, struct bench_table *table, struct err *err);
/* Requests that are past their deadline, so that nothing runs, beside a bare loop. */
int bench_kafka_noops(const struct bench_context *context, struct bench_table *table, struct err *err);
/* From request to result, one at a time, beside a bare loop that answers each. */
int bench_kafka_latency(const struct bench_context *context, struct bench_table *table, struct err *err);
/* From a cancel to the end of the job's process. */
int bench_kafka_cancels(const struct bench_context *context, struct bench_table *table, struct err *err);
/* One tenant's jobs while another floods the topic, beside the same jobs alone. */
int bench_kafka_tenants(const struct bench_context *context, struct bench_table *table, struct err *err);

#endif
