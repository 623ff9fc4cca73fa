/* executor.h: one request through validator, script store and sandbox; outcome to result and error.
 *
 * Used by run, exec and demo alike. Knows nothing of Kafka.
 */
#ifndef CODEWORKER_EXECUTOR_H
#define CODEWORKER_EXECUTOR_H

#include "queue/code_cache.h"
#include "config/config.h"
#include "codec/contract.h"
#include "../sandbox/sandbox.h"

struct executor;

/* Opens the sandbox (before any thread is started). warm: for many jobs; one alone is sooner done by an
 * interpreter of its own. The caller frees with executor_free. */
int executor_new(const struct config *config, const char *worker_name, bool warm,
	struct executor **executor, struct err *err);
void executor_free(struct executor *executor);

/* For the loop's epoll, the self-test, the count of running jobs. Still the executor's. */
struct sandbox *executor_sandbox(struct executor *executor);

/* Whether this process, as the user that it is now, can read the script directory: script_store_check. */
int executor_scripts_check(const struct executor *executor, struct err *err);

enum executor_answer {
	EXECUTOR_STARTED,		/* a finished attempt follows from executor_poll */
	EXECUTOR_REFUSED,		/* *error (in request->arena) says why; nothing ran, and
					 * nothing will */
	EXECUTOR_BUSY,			/* no slot; try again after a job has ended */
	EXECUTOR_BROKEN,		/* the sandbox itself is gone: err; the worker must end */
};

/* Validates, finds runtime and script, starts. request: borrowed until its attempt is collected.
 * tag: the caller's, unique among running attempts. */
enum executor_answer executor_start(struct executor *executor, struct request *request, int attempt,
	uint64_t tag, struct error_record *error, struct err *err);

/* A finished attempt: everything in it lives in arena, which the caller frees. */
struct attempt {
	struct arena *arena;
	uint64_t tag;
	struct request *request;
	int number;
	bool failed;			/* error holds */
	bool sandbox_failed;		/* sandbox.unavailable: the worker retries it itself */
	bool killed;			/* by executor_kill: the caller decides what it means */
	struct error_record error;
	struct sandbox_result sandbox;	/* raw; freed by attempt_free */
};

/* 1 with an attempt, 0 none, -1 err (launcher gone). Never blocks with timeout_ms 0. */
int executor_poll(struct executor *executor, int timeout_ms, struct attempt **attempt,
	struct err *err);
void executor_kill(struct executor *executor, uint64_t tag);

/* To be called when a slot is free and nothing waits for it: code that has come twice is compiled for the attempts
 * to come. */
void executor_idle(struct executor *executor);
const struct code_cache_counts *executor_code_counts(const struct executor *executor);

void attempt_free(struct attempt *attempt);

/* Builds the final result in arena (all strings copied or arena-owned, request may go after).
 * attempt: NULL where nothing ran. error: NULL when COMPLETED. */
int executor_result(const struct executor *executor, struct arena *arena,
	const struct request *request, int attempt_number, enum status status,
	const struct error_record *error, const struct attempt *attempt, int64_t queued_ms,
	struct result *result, struct err *err);

/* Builds the event of one failed attempt. */
int executor_error_event(const struct executor *executor, struct arena *arena,
	const struct request *request, int attempt_number, bool is_final, int64_t next_attempt_at_ms,
	const struct error_record *error, const struct attempt *attempt, struct error_event *event,
	struct err *err);

#endif
