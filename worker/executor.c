/* executor.c: see executor.h. */
#include "executor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "code_compiler.h"
#include "codec/codec.h"
#include "executor_error.h"
#include "codec/json_scan.h"
#include "validator/request_bounds.h"
#include "config/sandbox_settings.h"
#include "script_store.h"
#include "validator/validator.h"

#define TAIL_BYTES 4096
#define ATTEMPT_ARENA_BYTES (64u << 20)

struct executor {
	const struct config *config;
	char *worker;
	struct sandbox *sandbox;
	struct validator *validator;
	struct script_store *scripts;
	struct code_compiler *compiler;
	struct request **running;	/* by slot; NULL: free */
	uint64_t *tags;
	int *attempts;
	int slots;
};

/* ---- opening */

static int sandbox_start_up(struct executor *executor, bool warm, struct err *err)
{
	struct sandbox_config settings;
	if (sandbox_settings(executor->config, &settings, err) < 0)
		return -1;
	settings.no_warm |= !warm;
	settings.slots += code_compiler_slots(executor->compiler);
	return sandbox_open(&settings, &executor->sandbox, err);
}

int executor_new(const struct config *config, const char *worker_name, bool warm,
	struct executor **made, struct err *err)
{
	struct executor *executor = calloc(1, sizeof *executor);
	if (!executor)
		return err_set(err, ERR_MEMORY, "no memory");
	executor->config = config;
	executor->slots = config->worker.slots;
	executor->worker = strdup(worker_name);
	executor->running = calloc((size_t)executor->slots, sizeof *executor->running);
	executor->tags = calloc((size_t)executor->slots, sizeof *executor->tags);
	executor->attempts = calloc((size_t)executor->slots, sizeof *executor->attempts);
	int result = executor->worker && executor->running && executor->tags && executor->attempts ?
		0 : err_set(err, ERR_MEMORY, "no memory");
	if (result == 0)
		result = validator_new(config, &executor->validator, err);
	if (result == 0)
		result = script_store_new(config->scripts.directory, &executor->scripts, err);
	if (result == 0)
		result = code_compiler_new(config, warm, &executor->compiler, err);
	if (result == 0)
		result = sandbox_start_up(executor, warm, err);
	if (result < 0) {
		executor_free(executor);
		return -1;
	}
	*made = executor;
	return 0;
}

void executor_free(struct executor *executor)
{
	if (!executor)
		return;
	sandbox_close(executor->sandbox);
	script_store_free(executor->scripts);
	code_compiler_free(executor->compiler);
	validator_free(executor->validator);
	free(executor->worker);
	free(executor->running);
	free(executor->tags);
	free(executor->attempts);
	free(executor);
}

struct sandbox *executor_sandbox(struct executor *executor)
{
	return executor->sandbox;
}

/* ---- starting */

static int runtime_find(const struct executor *executor, const char *name)
{
	const struct sandbox_self_test *found = sandbox_self_test(executor->sandbox);
	for (size_t i = 0; i < executor->config->runtime_count; i++)
		if (strcmp(executor->config->runtimes[i].name, name) == 0)
			return found->runtime_available[i] ? (int)i : -1;
	return -1;
}

static enum sandbox_level level_asked(enum risk risk)
{
	return risk == RISK_HIGH ? SANDBOX_STRICT :
		risk == RISK_MEDIUM ? SANDBOX_RESTRICTED : SANDBOX_NONE;
}

static uint64_t limit_asked(int64_t asked)
{
	return asked > 0 ? (uint64_t)asked : asked == 0 ? 1 : 0;	/* 0 asked is the least */
}

static struct sandbox_limits limits_asked(const struct executor *executor,
	const struct request *request)
{
	int64_t timeout = request->timeout_ms > 0 ? request->timeout_ms :
		executor->config->policy.default_timeout_ms;
	return (struct sandbox_limits){.wall_ms = (uint64_t)timeout,
		.cpu_ms = limit_asked(request->limits.cpu_ms),
		.memory_bytes = limit_asked(request->limits.memory_bytes),
		.disk_bytes = limit_asked(request->limits.disk_bytes),
		.processes = limit_asked(request->limits.processes),
		.output_bytes = limit_asked(request->limits.output_bytes)};
}

/* Returns 0 with code, or -1 with *error. */
static int code_find(const struct executor *executor, struct request *request, int attempt,
	struct error_record *error)
{
	struct err err = {0};
	if (request->code)
		return 0;
	int found = script_store_read(executor->scripts, request->arena, request->script_name,
		NULL, &request->code, &request->code_size, &err);
	for (size_t i = 0; found == 1 && i < executor->config->runtime_count; i++)
		if (strcmp(executor->config->runtimes[i].name, request->script_type) == 0)
			found = script_store_read(executor->scripts, request->arena,
				request->script_name, executor->config->runtimes[i].extension,
				&request->code, &request->code_size, &err);
	if (found == 1)
		executor_error_make(request->arena, request, attempt, ERROR_SCRIPT_NOT_FOUND, error,
			"Script not found: %.200s", request->script_name);
	else if (found < 0)
		executor_error_make(request->arena, request, attempt, ERROR_UNEXPECTED, error, "%s",
			err.text);
	return found == 0 ? 0 : -1;
}

static bool refused(const struct executor *executor, struct request *request, int attempt,
	struct error_record *error)
{
	struct validation found = {0};
	if (validator_allows(executor->validator, request, &found))
		return false;
	executor_error_make(request->arena, request, attempt, ERROR_CODE_SECURITY, error, "%s",
		found.message);
	error->field = "code.security";
	executor_error_detail(request->arena, error, "rule", found.rule);
	executor_error_detail(request->arena, error, "match", found.match);
	return true;
}

/* A script's name is judged before it is looked up, its code after that. */
static int check(const struct executor *executor, struct request *request, int attempt,
	struct error_record *error)
{
	if (!request->code && refused(executor, request, attempt, error))
		return -1;
	if (code_find(executor, request, attempt, error) < 0)
		return -1;
	return refused(executor, request, attempt, error) ? -1 : 0;
}

/* The codec has looked at what it decoded; but some requests come from a command line, and the path rule may be
 * switched off. */
static int check_bounds(struct request *request, int attempt, struct error_record *error)
{
	struct request_fault fault;
	if (request_bounds_hold(request, true, &fault))
		return 0;
	executor_error_make(request->arena, request, attempt, ERROR_REQUEST_MALFORMED, error,
		"%s: %s", fault.field, fault.text);
	error->field = fault.field;
	return -1;
}

static const char **environment_list(const struct request *request)
{
	const char **list = arena_alloc(request->arena,
		(request->environment.count + 1) * sizeof *list);
	for (size_t i = 0; list && i < request->environment.count; i++) {
		const struct pair *pair = &request->environment.pairs[i];
		list[i] = arena_format(request->arena, "%s=%s", pair->name, pair->value);
		if (!list[i])
			return NULL;
	}
	return list;
}

static const char *base_name(const char *name)
{
	const char *slash = name ? strrchr(name, '/') : NULL;
	return slash ? slash + 1 : name;
}

static int slot_free(const struct executor *executor)
{
	for (int i = 0; i < executor->slots; i++)
		if (!executor->running[i])
			return i;
	return -1;
}

/* The file's own name only for a named script: inline, scriptName is a label. */
static enum executor_answer start(struct executor *executor, struct request *request, int attempt,
	uint64_t tag, int runtime, struct error_record *error, struct err *err)
{
	const char **environment = environment_list(request);
	int slot = slot_free(executor);
	struct sandbox_job job = {.tag = tag, .runtime = (size_t)runtime,
		.level = level_asked(request->risk), .limits = limits_asked(executor, request),
		.script_name = request->is_inline ? NULL : base_name(request->script_name),
		.code = request->code, .code_size = request->code_size, .input = request->input,
		.context = request->context, .environment = environment,
		.working_directory = request->working_directory, .thread_id = request->thread_id,
		.node_id = request->node_id, .execution_id = request->execution_id,
		.attempt = (unsigned)attempt};
	if (slot < 0)
		return EXECUTOR_BUSY;
	code_compiler_serve(executor->compiler, executor->sandbox, request->tenant, &job);
	if (!environment || sandbox_start(executor->sandbox, &job, err) < 0) {
		if (environment && err->code == ERR_BUSY)
			return EXECUTOR_BUSY;
		if (environment && err->code == ERR_CLOSED)
			return EXECUTOR_BROKEN;
		bool too_large = environment && err->code == ERR_INVALID;
		executor_error_make(request->arena, request, attempt, too_large ?
			ERROR_REQUEST_MALFORMED : ERROR_UNEXPECTED, error, "%s%s", too_large ?
			"value: " : "", environment ? err->text : "no memory for the request");
		error->field = too_large ? "value" : NULL;
		return EXECUTOR_REFUSED;
	}
	executor->running[slot] = request;
	executor->tags[slot] = tag;
	executor->attempts[slot] = attempt;
	return EXECUTOR_STARTED;
}

static enum executor_answer start_checked(struct executor *executor, struct request *request,
	int attempt, uint64_t tag, struct error_record *error, struct err *err)
{
	int runtime = runtime_find(executor, request->script_type);
	if (slot_free(executor) < 0)
		return EXECUTOR_BUSY;
	if (runtime < 0) {
		executor_error_make(request->arena, request, attempt, ERROR_CODE_UNSUPPORTED, error,
			"No runtime for script type %.100s on this worker", request->script_type);
		error->field = "code.scriptType";
		return EXECUTOR_REFUSED;
	}
	if (check(executor, request, attempt, error) < 0 ||
			check_bounds(request, attempt, error) < 0)
		return EXECUTOR_REFUSED;
	return start(executor, request, attempt, tag, runtime, error, err);
}

enum executor_answer executor_start(struct executor *executor, struct request *request, int attempt,
	uint64_t tag, struct error_record *error, struct err *err)
{
	enum executor_answer answer = start_checked(executor, request, attempt, tag, error, err);
	if (answer == EXECUTOR_REFUSED)
		error->never_retried = true;
	return answer;
}

int executor_scripts_check(const struct executor *executor, struct err *err)
{
	return script_store_check(executor->scripts, err);
}

/* ---- collecting */

/* Judged as the codec judges it: what passes here is written into the result as it stands. */
static void value_judge(struct sandbox_result *result)
{
	struct sandbox_buffer *value = &result->value;
	struct json_fault fault;
	if (!value->data || json_trim(value->data, value->size).size == 0) {
		free(value->data);
		*value = (struct sandbox_buffer){0};
	} else if (json_scan_value(value->data, value->size, &fault) < 0) {
		result->verdict = SANDBOX_OUTPUT_INVALID;
		snprintf(result->reason, sizeof result->reason, "%s (byte %zu)", fault.what,
			fault.offset);
	}
}

static void attempt_judge(struct attempt *attempt)
{
	struct sandbox_result *result = &attempt->sandbox;
	if (result->verdict == SANDBOX_EXITED && result->exit_code == 0)
		value_judge(result);
	attempt->failed = executor_error_from(attempt->arena, attempt->request, attempt->number,
		result, &attempt->error);
	attempt->sandbox_failed = result->verdict == SANDBOX_FAILED;
	attempt->killed = result->verdict == SANDBOX_KILLED;
}

static struct attempt *attempt_new(struct executor *executor, struct sandbox_result *result)
{
	struct attempt *attempt = calloc(1, sizeof *attempt);
	if (attempt)
		attempt->arena = arena_new(ATTEMPT_ARENA_BYTES);
	if (!attempt || !attempt->arena) {
		free(attempt);
		return NULL;
	}
	attempt->tag = result->tag;
	attempt->sandbox = *result;
	for (int i = 0; i < executor->slots; i++)
		if (executor->running[i] && executor->tags[i] == result->tag) {
			attempt->request = executor->running[i];
			attempt->number = executor->attempts[i];
			executor->running[i] = NULL;
		}
	return attempt;
}

int executor_poll(struct executor *executor, int timeout_ms, struct attempt **made, struct err *err)
{
	struct sandbox_result result;
	int got;
	while ((got = sandbox_poll(executor->sandbox, timeout_ms, &result, err)) == 1 &&
			code_compiler_take(executor->compiler, &result))
		timeout_ms = 0;		/* an attempt may have been busy for its sake */
	if (got != 1)
		return got;
	struct attempt *attempt = attempt_new(executor, &result);
	if (!attempt) {
		sandbox_result_free(&result);
		return err_set(err, ERR_MEMORY, "no memory for a result");
	}
	attempt_judge(attempt);
	*made = attempt;
	return 1;
}

void executor_idle(struct executor *executor)
{
	code_compiler_idle(executor->compiler, executor->sandbox);
}

const struct code_cache_counts *executor_code_counts(const struct executor *executor)
{
	return code_compiler_counts(executor->compiler);
}

void executor_kill(struct executor *executor, uint64_t tag)
{
	sandbox_kill(executor->sandbox, tag);
}

void attempt_free(struct attempt *attempt)
{
	if (!attempt)
		return;
	sandbox_result_free(&attempt->sandbox);
	arena_free(attempt->arena);
	free(attempt);
}

/* ---- answers */

static struct map map_copy(struct arena *arena, struct map map)
{
	struct pair *pairs = arena_alloc(arena, (map.count + 1) * sizeof *pairs);
	for (size_t i = 0; pairs && i < map.count; i++)
		pairs[i] = (struct pair){arena_string(arena, map.pairs[i].name),
			arena_string(arena, map.pairs[i].value)};
	return (struct map){pairs, pairs ? map.count : 0};
}

static struct error_record error_copy(struct arena *arena, const struct error_record *error)
{
	return (struct error_record){.code = error->code,
		.message = arena_string(arena, error->message),
		.field = arena_string(arena, error->field),
		.details = map_copy(arena, error->details),
		.never_retried = error->never_retried};
}

static void usage_fill(struct arena *arena, const struct sandbox_result *from, struct result *result)
{
	struct usage *usage = arena_alloc(arena, sizeof *usage);
	if (!usage)
		return;
	/* A program takes some memory: 0 says that it ended before a first sample was taken. */
	*usage = (struct usage){(int64_t)from->wall_ms, (int64_t)from->cpu_ms,
		from->memory_peak_bytes > 0 ? (int64_t)from->memory_peak_bytes : -1,
		(int64_t)from->processes_peak};
	result->usage = usage;
	result->execution_time_ms = usage->wall_ms;
}

static void sandbox_fill(struct arena *arena, const struct sandbox_result *from,
	struct result *result)
{
	struct sandbox_facts *facts = arena_alloc(arena, sizeof *facts);
	const char **names = arena_alloc(arena, SANDBOX_MECHANISM_COUNT * sizeof *names);
	if (!facts || !names)
		return;
	facts->id = arena_string(arena, from->sandbox_id);
	facts->isolation_type = "process";
	facts->isolation_level = sandbox_level_name(from->level);
	for (int i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		if (from->mechanisms >> i & 1)
			names[facts->mechanism_count++] = sandbox_mechanism_name(i);
	facts->mechanisms = names;
	facts->runtime = from->warm ? "warm" : "cold";
	facts->created_at_ms = from->created_at_ms;
	facts->wall_ms = (int64_t)from->limits.wall_ms;
	facts->cpu_ms = (int64_t)from->limits.cpu_ms;
	facts->memory_bytes = (int64_t)from->limits.memory_bytes;
	facts->disk_bytes = (int64_t)from->limits.disk_bytes;
	facts->processes = (int64_t)from->limits.processes;
	facts->output_bytes = (int64_t)from->limits.output_bytes;
	facts->open_files = (int64_t)from->limits.open_files;
	result->sandbox = facts;
}

static void output_fill(struct arena *arena, const struct sandbox_result *from,
	struct result *result)
{
	result->out = utf8_clean(arena, from->out.data ? from->out.data : "", from->out.size,
		&result->out_size);
	result->err = utf8_clean(arena, from->err.data ? from->err.data : "", from->err.size,
		&result->err_size);
	result->out_truncated = from->out.truncated;
	result->err_truncated = from->err.truncated;
	if (result->status == STATUS_COMPLETED && from->value.data)
		result->output = arena_copy(arena, from->value.data, from->value.size);
	result->exit_code = from->exit_code;
	result->signal = from->signal ? arena_string(arena, sandbox_signal_name(from->signal)) : NULL;
}

int executor_result(const struct executor *executor, struct arena *arena,
	const struct request *request, int attempt_number, enum status status,
	const struct error_record *error, const struct attempt *attempt, int64_t queued_ms,
	struct result *result, struct err *err)
{
	*result = (struct result){.arena = arena, .status = status, .out = "", .err = "",
		.exit_code = -1, .attempt = attempt_number > 0 ? attempt_number : 1,
		.timestamp_ms = wall_ms(), .queued_ms = queued_ms, .source = request->source,
		.worker = executor->worker,
		.execution_id = arena_string(arena, request->execution_id),
		.thread_id = arena_string(arena, request->thread_id),
		.node_id = arena_string(arena, request->node_id),
		.workflow_id = arena_string(arena, request->workflow_id),
		.node_name = arena_string(arena, request->node_name),
		.tenant = arena_string(arena, request->tenant),
		.replay_of = arena_string(arena, request->replay_of),
		.script_name = arena_string(arena, request->script_name),
		.script_type = arena_string(arena, request->script_type),
		.metadata = map_copy(arena, request->metadata)};
	result->source.topic = arena_string(arena, request->source.topic);
	if (error) {
		struct error_record *copy = arena_alloc(arena, sizeof *copy);
		if (copy)
			*copy = error_copy(arena, error);
		result->error = copy;
	}
	if (attempt && !attempt->sandbox_failed) {
		output_fill(arena, &attempt->sandbox, result);
		usage_fill(arena, &attempt->sandbox, result);
		sandbox_fill(arena, &attempt->sandbox, result);
	}
	if (!result->execution_id || !result->out || !result->err || (error && !result->error) ||
			(attempt && !attempt->sandbox_failed && (!result->usage || !result->sandbox)))
		return err_set(err, ERR_MEMORY, "no memory for a result");
	return 0;
}

static const char *stderr_tail(struct arena *arena, const struct attempt *attempt)
{
	size_t clean_size;
	if (!attempt || !attempt->sandbox.err.data)
		return "";
	/* Three bytes more: where they begin inside a character, what replaces its rest is cut again. */
	size_t size = attempt->sandbox.err.size, from = size > TAIL_BYTES + 3 ?
		size - TAIL_BYTES - 3 : 0;
	const char *text = utf8_clean(arena, attempt->sandbox.err.data + from, size - from,
		&clean_size);
	if (!text)
		return "";
	size_t skip = clean_size > TAIL_BYTES ? clean_size - TAIL_BYTES : 0;
	while (skip < clean_size && ((unsigned char)text[skip] & 0xc0) == 0x80)
		skip++;
	return text + skip;
}

int executor_error_event(const struct executor *executor, struct arena *arena,
	const struct request *request, int attempt_number, bool is_final, int64_t next_attempt_at_ms,
	const struct error_record *error, const struct attempt *attempt, struct error_event *event,
	struct err *err)
{
	int64_t retries = request->retries;
	if (retries > executor->config->policy.max_retries)
		retries = executor->config->policy.max_retries;
	*event = (struct error_event){.arena = arena, .attempt = attempt_number,
		.max_attempts = (int)retries + 1, .is_final = is_final,
		.next_attempt_at_ms = next_attempt_at_ms, .timestamp_ms = wall_ms(),
		.source = request->source, .worker = executor->worker,
		.execution_id = arena_string(arena, request->execution_id),
		.thread_id = arena_string(arena, request->thread_id),
		.node_id = arena_string(arena, request->node_id),
		.workflow_id = arena_string(arena, request->workflow_id),
		.node_name = arena_string(arena, request->node_name),
		.tenant = arena_string(arena, request->tenant),
		.stderr_tail = stderr_tail(arena, attempt), .error = error_copy(arena, error),
		.metadata = map_copy(arena, request->metadata)};
	event->source.topic = arena_string(arena, request->source.topic);
	if (!event->error.message || !event->source.topic)
		return err_set(err, ERR_MEMORY, "no memory for an error event");
	return 0;
}
