/* worker.h: the loop: requests in, attempts run, results out, offsets committed. */
#ifndef CODEWORKER_WORKER_H
#define CODEWORKER_WORKER_H

#include "broker.h"
#include "codec.h"
#include "config.h"
#include "executor.h"
#include "publisher.h"

/* What /metrics, /status and the log tell of it. Written by the loop, read by others: relaxed atomics. */
struct worker_counts {
	_Atomic uint64_t requests, malformed, deduped, started, retried, dead, rebalances, transactions,
		transaction_us, dropped_batches, sandbox_failures;
	_Atomic uint64_t results[4];			/* by enum status */
	_Atomic uint64_t errors[ERROR_CODE_COUNT];	/* by enum error_code */
	_Atomic int64_t queued, waiting, running, partitions, window_fill;
	_Atomic bool joined, draining;
};

struct worker_parts {			/* all borrowed */
	const struct config *config;
	struct executor *executor;
	struct broker *broker;
	struct codec *codec;
	struct publisher *publisher;
	struct worker_counts *counts;
	int stop_fd;			/* readable when the worker is to drain and end */
};

/* Runs until stop_fd is readable and everything is finished or handed back (0), or until it can't go on
 * (-1 with err). */
int worker_run(const struct worker_parts *parts, struct err *err);

#endif
