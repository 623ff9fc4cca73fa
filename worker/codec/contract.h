/* contract.h: the records of docs/contract (requests, results, error events) as C structs.
 *
 * Strings are NUL-terminated UTF-8; the decoders refuse NUL bytes inside them. NULL is the
 * contract's null. Times are milliseconds since 1970. Everything a struct points to lives in its
 * arena (or is static) and goes with it.
 */
#ifndef CODEWORKER_CONTRACT_H
#define CODEWORKER_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../arena.h"

#define ID_BYTES 1024			/* the most that an id may have */

struct pair {
	const char *name, *value;
};

struct map {
	const struct pair *pairs;	/* in the order they came */
	size_t count;
};

enum risk { RISK_NONE, RISK_LOW, RISK_MEDIUM, RISK_HIGH };
const char *risk_name(enum risk risk);
int risk_parse(const char *name, enum risk *risk);	/* -1: unknown */

enum status { STATUS_COMPLETED, STATUS_FAILED, STATUS_CANCELLED, STATUS_SKIPPED };
const char *status_name(enum status status);
const char *status_find(const char *text);	/* the name as results spell it; NULL: there is none */

enum encoding { ENCODING_JSON, ENCODING_AVRO, ENCODING_CONFLUENT };
const char *encoding_content_type(enum encoding encoding);

struct source {
	const char *topic;
	int32_t partition;
	int64_t offset;
};

struct job_limits {			/* -1: not given */
	int64_t cpu_ms, memory_bytes, disk_bytes, processes, output_bytes;
};

#define REQUEST_TIME_NONE INT64_MIN

struct request {
	struct arena *arena;
	enum encoding encoding;		/* that it came in */
	struct source source;
	const char *execution_id, *thread_id, *node_id;
	const char *workflow_id, *node_name, *tenant;
	const char *script_type, *script_name;
	const char *code;		/* NULL: a named script */
	size_t code_size;
	bool is_inline;
	enum risk risk;
	int64_t timeout_ms;		/* 0: the worker's default */
	int64_t retries;
	int64_t retry_delay_ms;
	const char *input, *context;	/* JSON text */
	struct map environment;
	const char *working_directory;
	struct job_limits limits;
	int64_t deadline_ms;		/* REQUEST_TIME_NONE: none */
	struct map metadata;
	const char *replay_of;
};

/* Every error code: enumerator, code, type, name under the type or "", retried by the caller's
 * retries. From the table of docs/contract.md. */
#define ERROR_CODES(X)                                                                           \
	X(REQUEST_MALFORMED, "request.malformed", "ValidationError", "", false)                 \
	X(CODE_SECURITY, "code.security", "ValidationError", "SecurityValidationError", false)  \
	X(CODE_UNSUPPORTED, "code.unsupported", "ValidationError", "", false)                   \
	X(SCRIPT_NOT_FOUND, "script.not_found", "NotFoundError", "", false)                     \
	X(EXECUTION_EXIT, "execution.exit", "ExecutionError", "CodeExecutionError", true)       \
	X(EXECUTION_SIGNAL, "execution.signal", "ExecutionError", "CodeExecutionError", true)   \
	X(EXECUTION_OUTPUT, "execution.output", "ExecutionError", "CodeExecutionError", true)   \
	X(TIMEOUT, "timeout", "TimeoutError", "", true)                                         \
	X(LIMIT_CPU, "limit.cpu", "ExecutionError", "CodeExecutionError", true)            \
	X(LIMIT_MEMORY, "limit.memory", "ExecutionError", "CodeExecutionError", true)      \
	X(LIMIT_DISK, "limit.disk", "ExecutionError", "CodeExecutionError", true)          \
	X(LIMIT_PROCESSES, "limit.processes", "ExecutionError", "CodeExecutionError", true) \
	X(LIMIT_OUTPUT, "limit.output", "ExecutionError", "CodeExecutionError", true)      \
	X(SANDBOX_VIOLATION, "sandbox.violation", "SandboxError", "", false)                    \
	X(SANDBOX_UNAVAILABLE, "sandbox.unavailable", "SandboxError", "", false)                \
	X(EXECUTION_LOST, "execution.lost", "CodeExecutionError", "", false)                    \
	X(UNEXPECTED, "unexpected", "CodeExecutionError", "", true)                             \
	X(CANCELLED, "cancelled", "CancelledError", "", false)                                  \
	X(EXPIRED, "expired", "ExpiredError", "", false)

enum error_code {
#define X(id, code, type, name, retried) ERROR_##id,
	ERROR_CODES(X)
#undef X
	ERROR_CODE_COUNT
};
const char *error_code_name(enum error_code code);	/* "limit.cpu" */
const char *error_type(enum error_code code);		/* "ExecutionError" */
bool error_retryable(enum error_code code);
/* The names of the hierarchy, "SDKError" first, in names[3]; returns how many. */
size_t error_hierarchy(enum error_code code, const char *names[3]);

struct error_record {
	enum error_code code;
	const char *message;
	const char *field;		/* NULL: none */
	struct map details;
	bool never_retried;		/* although errors of its code are: nothing was run */
};

struct usage {
	int64_t wall_ms, cpu_ms, memory_peak_bytes, processes_peak;
};

struct sandbox_facts {
	const char *id;
	const char *isolation_type;	/* "process" */
	const char *isolation_level;	/* none, restricted, strict */
	const char *const *mechanisms;
	size_t mechanism_count;
	const char *runtime;		/* warm, cold */
	int64_t created_at_ms;
	/* resourceLimits: wallMs, cpuMs, memoryBytes, diskBytes, processes, outputBytes, openFiles */
	int64_t wall_ms, cpu_ms, memory_bytes, disk_bytes, processes, output_bytes, open_files;
};

struct result {
	struct arena *arena;
	const char *execution_id, *thread_id, *node_id;
	const char *workflow_id, *node_name, *tenant, *replay_of;
	enum status status;
	const char *out, *err;		/* stdout and stderr, valid UTF-8 */
	size_t out_size, err_size;
	bool out_truncated, err_truncated;
	const char *output;		/* JSON text; NULL: none */
	int exit_code;			/* -1: did not exit */
	const char *signal;		/* "SIGSEGV"; NULL: none */
	const struct error_record *error; /* NULL when COMPLETED */
	int64_t execution_time_ms;
	const char *script_name, *script_type;
	int attempt;			/* 0 where nothing was attempted is written as 1 */
	int64_t timestamp_ms, queued_ms;
	struct source source;
	const struct usage *usage;	/* NULL where nothing ran */
	const struct sandbox_facts *sandbox;
	const char *worker;
	struct map metadata;
};

struct error_event {
	struct arena *arena;
	const char *execution_id, *thread_id, *node_id;	/* NULL where unreadable */
	const char *workflow_id, *node_name, *tenant;
	int attempt, max_attempts;
	bool is_final;
	int64_t next_attempt_at_ms;	/* REQUEST_TIME_NONE: null */
	int64_t timestamp_ms;
	struct source source;
	const char *worker;
	const char *stderr_tail;	/* at most 4 KiB, valid UTF-8 */
	struct error_record error;
	struct map metadata;
};

#endif
