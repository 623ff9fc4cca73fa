/* bench_measure.h: clocks, processor time and quantiles of the benchmarks. */
#ifndef CODEWORKER_BENCH_MEASURE_H
#define CODEWORKER_BENCH_MEASURE_H

#include <stddef.h>
#include <sys/types.h>

double bench_now_ms(void);		/* CLOCK_MONOTONIC */

/* CPU seconds that a process and its children have used by now: those that live, and what these have waited
 * for. */
double bench_cpu_seconds(pid_t pid);
double bench_cpu_seconds_alone(pid_t pid);
/* Of the process KAFKA_PID (environment); 0: not known. */
double bench_cpu_seconds_broker(void);

/* part: 0.5 is the median. Sorts the values, of which there is at least one. */
double bench_quantile(double *values, size_t count, double part);

#endif
