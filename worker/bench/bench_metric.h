/* bench_metric.h: a number from /metrics of a worker on this machine. */
#ifndef CODEWORKER_BENCH_METRIC_H
#define CODEWORKER_BENCH_METRIC_H

#include "../../sandbox/err.h"

/* A port of loopback that is free now, for http.listen; -1 with err. */
int bench_metric_port(struct err *err);
/* name: as it stands at the line's begin, with its labels. */
int bench_metric_get(int port, const char *name, double *value, struct err *err);

#endif
