/* result_wait.h: waits for the results of executions that were submitted. */
#ifndef CODEWORKER_RESULT_WAIT_H
#define CODEWORKER_RESULT_WAIT_H

#include "../codec/codec.h"
#include "kafka_client.h"

struct result_wait;

/* Opens the reader: to be called before the requests are sent. standing: the results may have been
 * written before (an execution that was already done within the dedupe window). codec: borrowed. */
int result_wait_new(const struct config *config, struct codec *codec, const char *thread_id,
	const char *node_id, bool standing, struct result_wait **wait, struct err *err);
void result_wait_free(struct result_wait *wait);

/* Adds an execution to wait for; adding it twice is once. */
int result_wait_add(struct result_wait *wait, const char *execution_id, struct err *err);
size_t result_wait_missing(const struct result_wait *wait);

/* Returns 1 with the next awaited result as one line of JSON (malloc'ed) and whether it was a
 * success, 0 when none came within timeout_ms, -1 with err. */
int result_wait_next(struct result_wait *wait, int timeout_ms, char **json, bool *success,
	struct err *err);

#endif
