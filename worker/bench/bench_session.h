/* bench_session.h: topics of its own, what works their requests off, and the benchmark's producer and reader.
 *
 * What works is a worker, which is a process of its own, or a bare loop (bench_loop.h) in its place: both are
 * fed and watched by the same code, as a read_committed reader of the results sees them.
 */
#ifndef CODEWORKER_BENCH_SESSION_H
#define CODEWORKER_BENCH_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bench_loop.h"
#include "../config/config.h"
#include "../kafka/kafka_client.h"

#define BENCH_PARTITIONS 8

/* What all of the benchmark's sessions have in common. */
struct bench_context {
	const struct config *config;
	const char *const *settings;	/* "section.option=value", from which config was made */
	size_t setting_count;
	int slots;
	size_t count;			/* of what is timed one by one */
	double seconds;			/* that a rate is measured for, without Kafka */
};

struct bench_session;

/* Makes the topics. extra: further settings of its worker, or NULL at their end. */
int bench_session_open(const struct bench_context *context, const char *const *extra,
	struct bench_session **session, struct err *err);
/* Ends what works. failed: the worker's last words go to standard error. NULL is allowed. */
void bench_session_close(struct bench_session *session, bool failed);

int bench_session_start_worker(struct bench_session *session, struct err *err);
int bench_session_start_loop(struct bench_session *session, const struct bench_loop_plan *plan,
	struct err *err);
pid_t bench_session_worker_pid(const struct bench_session *session);	/* 0: there is none */
double bench_session_loop_transactions(const struct bench_session *session);	/* 0 without a loop */

/* Queues a request of a key of its own, so that it waits for no other. fields: the rest of its JSON object.
 * number: from 1 up; its executionId is "bench-<number>". NULL: not wanted. */
int bench_session_request(struct bench_session *session, const char *fields, size_t *number, struct err *err);
int bench_session_cancel(struct bench_session *session, size_t number, struct err *err);
int bench_session_flush(struct bench_session *session, struct err *err);

/* The next result, valid until the next call. ended_as: the end of its ce_type ("completed"), any other is
 * ERR_SYSTEM; NULL: a record of the bare loop. ERR_BROKER when none comes for long. */
int bench_session_result(struct bench_session *session, const char *ended_as, struct kafka_record *record,
	struct err *err);
/* The number of the request whose result was read last; 0: none of ours. */
size_t bench_session_result_number(const struct bench_session *session);

#endif
