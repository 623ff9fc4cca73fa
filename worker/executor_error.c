/* executor_error.c: see executor_error.h, and the table "Error record" of docs/contract.md. */
#include "executor_error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAILS_MAX 16

void executor_error_detail(struct arena *arena, struct error_record *error, const char *name,
	const char *value)
{
	struct pair *pairs = (struct pair *)error->details.pairs;
	const char *copy = value ? arena_string(arena, value) : NULL;
	if (!copy || error->details.count == DETAILS_MAX)
		return;
	if (!pairs)
		pairs = arena_alloc(arena, DETAILS_MAX * sizeof *pairs);
	if (!pairs)
		return;
	pairs[error->details.count++] = (struct pair){name, copy};
	error->details.pairs = pairs;
}

void executor_error_number(struct arena *arena, struct error_record *error, const char *name,
	uint64_t number)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, number);
	executor_error_detail(arena, error, name, text);
}

void executor_error_make(struct arena *arena, const struct request *request, int attempt,
	enum error_code code, struct error_record *error, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	const char *message = arena_string(arena, text);
	*error = (struct error_record){.code = code, .message = message ? message : "no memory"};
	if (strcmp(error_type(code), "ExecutionError") != 0)
		return;
	executor_error_detail(arena, error, "threadId", request->thread_id);
	executor_error_detail(arena, error, "nodeId", request->node_id);
	executor_error_detail(arena, error, "scriptName", request->script_name);
	executor_error_detail(arena, error, "scriptType", request->script_type);
	executor_error_number(arena, error, "attempt", (uint64_t)attempt);
}

static const struct {
	enum error_code code;
	const char *unit, *text;
} limits[] = {
	[SANDBOX_LIMIT_NONE] = {ERROR_UNEXPECTED, "", "a limit that is not known"},
	[SANDBOX_LIMIT_CPU] = {ERROR_LIMIT_CPU, "ms", "CPU time"},
	[SANDBOX_LIMIT_MEMORY] = {ERROR_LIMIT_MEMORY, "bytes", "memory"},
	[SANDBOX_LIMIT_DISK] = {ERROR_LIMIT_DISK, "bytes", "disk space or number of files"},
	[SANDBOX_LIMIT_PROCESSES] = {ERROR_LIMIT_PROCESSES, "count", "number of processes"},
	[SANDBOX_LIMIT_OUTPUT] = {ERROR_LIMIT_OUTPUT, "bytes", "size of the value"},
};

static void limit_error(struct arena *arena, const struct request *request, int attempt,
	const struct sandbox_result *result, struct error_record *error)
{
	const char *unit = limits[result->limit].unit;
	bool counted = strcmp(unit, "count") == 0;
	executor_error_make(arena, request, attempt, limits[result->limit].code, error,
		"Script execution exceeded its limit of %s: %" PRIu64 "%s%s",
		limits[result->limit].text, result->limit_value, *unit && !counted ? " " : "",
		counted ? "" : unit);
	executor_error_detail(arena, error, "limit", sandbox_limit_name(result->limit));
	executor_error_number(arena, error, "value", result->limit_value);
	executor_error_number(arena, error, "peak", result->limit_peak);
	executor_error_detail(arena, error, "unit", unit);
	if (result->sampled)
		executor_error_detail(arena, error, "evidence", "sampled");
}

/* "5", "1.5", "0.001" */
static void seconds_of(uint64_t ms, char text[32])
{
	int length = snprintf(text, 32, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
	while (text[length - 1] == '0')
		length--;
	text[length - (text[length - 1] == '.')] = '\0';
}

static void timeout_error(struct arena *arena, const struct request *request, int attempt,
	const struct sandbox_result *result, struct error_record *error)
{
	char seconds[32];
	seconds_of(result->limits.wall_ms, seconds);
	executor_error_make(arena, request, attempt, ERROR_TIMEOUT, error,
		"Script execution timeout after %s seconds", seconds);
}

static void violation_error(struct arena *arena, const struct request *request, int attempt,
	const struct sandbox_result *result, struct error_record *error)
{
	const char *call = result->syscall[0] ? result->syscall : "unknown";
	executor_error_make(arena, request, attempt, ERROR_SANDBOX_VIOLATION, error,
		"Script execution was ended for the system call %s", call);
	executor_error_detail(arena, error, "syscall", call);
}

bool executor_error_from(struct arena *arena, const struct request *request, int attempt,
	const struct sandbox_result *result, struct error_record *error)
{
	switch (result->verdict) {
	case SANDBOX_EXITED:
		if (result->exit_code == 0)
			return false;
		executor_error_make(arena, request, attempt, ERROR_EXECUTION_EXIT, error,
			"Script execution failed with exit code %d", result->exit_code);
		break;
	case SANDBOX_SIGNALED:
		executor_error_make(arena, request, attempt, ERROR_EXECUTION_SIGNAL, error,
			"Script execution ended by signal %s", sandbox_signal_name(result->signal));
		executor_error_detail(arena, error, "signal", sandbox_signal_name(result->signal));
		break;
	case SANDBOX_TIMEOUT:
		timeout_error(arena, request, attempt, result, error);
		break;
	case SANDBOX_LIMIT:
		limit_error(arena, request, attempt, result, error);
		break;
	case SANDBOX_VIOLATION:
		violation_error(arena, request, attempt, result, error);
		break;
	case SANDBOX_OUTPUT_INVALID:
		executor_error_make(arena, request, attempt, ERROR_EXECUTION_OUTPUT, error,
			"The script's value is not JSON: %s", result->reason);
		break;
	case SANDBOX_FAILED:
		executor_error_make(arena, request, attempt, ERROR_SANDBOX_UNAVAILABLE, error,
			"No sandbox could be had: %s", result->reason);
		break;
	case SANDBOX_KILLED:
		executor_error_make(arena, request, attempt, ERROR_CANCELLED, error,
			"Script execution was cancelled");
		break;
	case SANDBOX_KILLED_OUTSIDE:
		executor_error_make(arena, request, attempt, ERROR_UNEXPECTED, error,
			"Script execution was killed from outside (is the host out of memory?)");
		break;
	}
	return true;
}
