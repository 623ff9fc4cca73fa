/* executor_error.h: what became of a job, as the contract's error record. Pure. */
#ifndef CODEWORKER_EXECUTOR_ERROR_H
#define CODEWORKER_EXECUTOR_ERROR_H

#include <stdbool.h>

#include "codec/contract.h"
#include "../sandbox/sandbox.h"

/* Fills error, in arena, from the sandbox's verdict. Returns false when the job succeeded. */
bool executor_error_from(struct arena *arena, const struct request *request, int attempt,
	const struct sandbox_result *result, struct error_record *error);

/* An error with printf's text and no details; those of type ExecutionError get the node's context. */
void executor_error_make(struct arena *arena, const struct request *request, int attempt,
	enum error_code code, struct error_record *error, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* Adds name=value to the details. Values are copied, NULL is left out. */
void executor_error_detail(struct arena *arena, struct error_record *error, const char *name,
	const char *value);
void executor_error_number(struct arena *arena, struct error_record *error, const char *name,
	uint64_t number);

#endif
