/* worker.h: the loop: requests in, attempts run, results out, offsets committed. */
#ifndef CODEWORKER_WORKER_H
#define CODEWORKER_WORKER_H

#include <stdbool.h>

#include "broker/broker.h"
#include "codec/codec.h"
#include "config/config.h"
#include "executor.h"
#include "http/metrics.h"
#include "publisher.h"

struct watermark_report;

/* What /readyz asks: written by the loop, read by the thread that answers. */
struct worker_health {
	_Atomic bool joined, draining, controls_read;
	_Atomic(const char *) takeover_step, takeover_reason;	/* static, as of struct broker_takeover */
	const char *missing;		/* set before that thread starts; NULL: nothing */
};

struct worker_parts {			/* all borrowed */
	const struct config *config;
	struct executor *executor;
	struct broker *broker;
	struct codec *codec;
	struct publisher *publisher;
	struct metrics *metrics;
	struct worker_health *health;
	struct watermark_report *watermarks;	/* NULL: nobody reads it */
	int stop_fd;			/* readable when the worker is to drain and end */
};

/* Runs until stop_fd is readable and everything is finished or handed back (0), or until it can't go on
 * (-1 with err). */
int worker_run(const struct worker_parts *parts, struct err *err);

#endif
