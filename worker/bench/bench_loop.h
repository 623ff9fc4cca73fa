/* bench_loop.h: what librdkafka alone takes for a worker's part: consume, transform, produce in transactions.
 *
 * One consumer of the requests' topic in a group, one idempotent producer with the worker's own settings.
 * Each batch is a transaction: a record of a given size for each request, by its key, to the results' topic,
 * and the offsets.
 */
#ifndef CODEWORKER_BENCH_LOOP_H
#define CODEWORKER_BENCH_LOOP_H

#include <stddef.h>

#include "../config/config.h"
#include "../../sandbox/err.h"

struct bench_loop_plan {
	size_t batch;			/* requests a transaction, as far as they are there */
	size_t value_bytes;		/* of what is produced for each */
};

struct bench_loop;

/* On a thread of its own, in config's group and on its topics. */
int bench_loop_start(const struct config *config, const struct bench_loop_plan *plan,
	struct bench_loop **loop, struct err *err);
/* 0 while it runs, -1 with what ended it. */
int bench_loop_check(struct bench_loop *loop, struct err *err);
size_t bench_loop_transactions(const struct bench_loop *loop);	/* that were committed by now */
void bench_loop_stop(struct bench_loop *loop);	/* NULL is allowed */

#endif
