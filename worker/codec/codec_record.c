/* codec_record.c: see codec_record.h. The order is the contract's, and the schemas'. */
#include "codec_record.h"

#define MEMBERS(list) datum_members(list, sizeof(list) / sizeof *(list))

static struct datum optional(int64_t number)		/* -1: not known, not given */
{
	return number < 0 ? datum_null() : datum_integer(number);
}

static struct datum time_or_null(int64_t time_ms)
{
	return time_ms == REQUEST_TIME_NONE ? datum_null() : datum_integer(time_ms);
}

static struct datum text_or_empty(const char *text)
{
	return datum_text(text ? text : "");
}

static struct datum json_or_null(const char *text)
{
	if (!text)
		return datum_null();
	return datum_json((struct json_span){text, strlen(text)});
}

#define SOURCE_MEMBERS(source)                                                                   \
	{                                                                                        \
		MEMBER("topic", text_or_empty((source)->topic)),                                \
		MEMBER("partition", datum_integer((source)->partition)),                        \
		MEMBER("offset", datum_integer((source)->offset)),                              \
	}

#define ERROR_MEMBERS(error, hierarchy)                                                          \
	{                                                                                        \
		MEMBER("type", datum_text(error_type((error)->code))),                          \
		MEMBER("code", datum_text(error_code_name((error)->code))),                     \
		MEMBER("message", text_or_empty((error)->message)),                             \
		MEMBER("field", datum_text((error)->field)),                                    \
		MEMBER("retryable", datum_truth(error_retryable((error)->code) &&               \
			!(error)->never_retried)),                                              \
		MEMBER("hierarchy", hierarchy),                                                 \
		MEMBER("details", datum_pairs((error)->details)),                               \
	}

static struct datum names(const char *const *list, size_t count)
{
	return (struct datum){.kind = DATUM_NAMES, .names = {list, count}};
}

int codec_record_request(const struct request *request, struct record_writer writer)
{
	const struct job_limits *l = &request->limits;
	const struct member limits[] = {
		MEMBER("cpuMs", optional(l->cpu_ms)),
		MEMBER("memoryBytes", optional(l->memory_bytes)),
		MEMBER("diskBytes", optional(l->disk_bytes)),
		MEMBER("processes", optional(l->processes)),
		MEMBER("outputBytes", optional(l->output_bytes)),
	};
	bool limited = l->cpu_ms >= 0 || l->memory_bytes >= 0 || l->disk_bytes >= 0 ||
		l->processes >= 0 || l->output_bytes >= 0;
	const struct member record[] = {
		MEMBER("executionId", datum_text(request->execution_id)),
		MEMBER("threadId", text_or_empty(request->thread_id)),
		MEMBER("nodeId", text_or_empty(request->node_id)),
		MEMBER("workflowId", datum_text(request->workflow_id)),
		MEMBER("nodeName", datum_text(request->node_name)),
		MEMBER("tenant", datum_text(request->tenant)),
		MEMBER("scriptType", text_or_empty(request->script_type)),
		MEMBER("scriptName", datum_text(request->script_name)),
		MEMBER("code", request->code ?
			datum_bytes(request->code, request->code_size) : datum_null()),
		MEMBER("inline", datum_truth(request->is_inline)),
		MEMBER("risk", datum_text(risk_name(request->risk))),
		MEMBER("timeoutMs", datum_integer(request->timeout_ms)),
		MEMBER("retries", datum_integer(request->retries)),
		MEMBER("retryDelayMs", datum_integer(request->retry_delay_ms)),
		MEMBER("input", json_or_null(request->input)),
		MEMBER("context", json_or_null(request->context)),
		MEMBER("environment", datum_pairs(request->environment)),
		MEMBER("workingDirectory", datum_text(request->working_directory)),
		MEMBER("limits", limited ? MEMBERS(limits) : datum_null()),
		MEMBER("deadline", time_or_null(request->deadline_ms)),
		MEMBER("metadata", datum_pairs(request->metadata)),
		MEMBER("replayOf", datum_text(request->replay_of)),
	};
	struct datum datum = MEMBERS(record);
	return writer.write(writer.user, &datum);
}

int codec_record_result(const struct result *result, struct record_writer writer)
{
	static const struct usage no_usage;
	static const struct sandbox_facts no_sandbox;
	static const struct error_record no_error;
	const struct usage *u = result->usage ? result->usage : &no_usage;
	const struct sandbox_facts *s = result->sandbox ? result->sandbox : &no_sandbox;
	const struct error_record *e = result->error ? result->error : &no_error;
	const struct member source[] = SOURCE_MEMBERS(&result->source);
	const struct member usage[] = {
		MEMBER("wallMs", optional(u->wall_ms)),
		MEMBER("cpuMs", optional(u->cpu_ms)),
		MEMBER("memoryPeakBytes", optional(u->memory_peak_bytes)),
		MEMBER("processesPeak", optional(u->processes_peak)),
	};
	const struct member limits[] = {
		MEMBER("wallMs", optional(s->wall_ms)),
		MEMBER("cpuMs", optional(s->cpu_ms)),
		MEMBER("memoryBytes", optional(s->memory_bytes)),
		MEMBER("diskBytes", optional(s->disk_bytes)),
		MEMBER("processes", optional(s->processes)),
		MEMBER("outputBytes", optional(s->output_bytes)),
		MEMBER("openFiles", optional(s->open_files)),
	};
	const struct member sandbox[] = {
		MEMBER("id", text_or_empty(s->id)),
		MEMBER("isolationType", text_or_empty(s->isolation_type)),
		MEMBER("isolationLevel", text_or_empty(s->isolation_level)),
		MEMBER("mechanisms", names(s->mechanisms, s->mechanism_count)),
		MEMBER("runtime", text_or_empty(s->runtime)),
		MEMBER("createdAt", datum_integer(s->created_at_ms)),
		MEMBER("resourceLimits", MEMBERS(limits)),
	};
	const char *hierarchy[3];
	size_t levels = error_hierarchy(e->code, hierarchy);
	const struct member error[] = ERROR_MEMBERS(e, names(hierarchy, levels));
	const struct member record[] = {
		MEMBER("executionId", text_or_empty(result->execution_id)),
		MEMBER("threadId", text_or_empty(result->thread_id)),
		MEMBER("nodeId", text_or_empty(result->node_id)),
		MEMBER("workflowId", datum_text(result->workflow_id)),
		MEMBER("nodeName", datum_text(result->node_name)),
		MEMBER("tenant", datum_text(result->tenant)),
		MEMBER("replayOf", datum_text(result->replay_of)),
		MEMBER("nodeType", datum_text("CODE")),
		MEMBER("status", datum_text(status_name(result->status))),
		MEMBER("success", datum_truth(result->status == STATUS_COMPLETED)),
		MEMBER("stdout", datum_bytes(result->out ? result->out : "",
			result->out ? result->out_size : 0)),
		MEMBER("stderr", datum_bytes(result->err ? result->err : "",
			result->err ? result->err_size : 0)),
		MEMBER("stdoutTruncated", datum_truth(result->out_truncated)),
		MEMBER("stderrTruncated", datum_truth(result->err_truncated)),
		MEMBER("output", json_or_null(result->output)),
		MEMBER("exitCode", optional(result->exit_code)),
		MEMBER("signal", datum_text(result->signal)),
		MEMBER("error", result->error ? MEMBERS(error) : datum_null()),
		MEMBER("executionTime", datum_integer(result->execution_time_ms)),
		MEMBER("scriptName", datum_text(result->script_name)),
		MEMBER("scriptType", datum_text(result->script_type)),
		MEMBER("attempt", datum_integer(result->attempt > 0 ? result->attempt : 1)),
		MEMBER("timestamp", datum_integer(result->timestamp_ms)),
		MEMBER("queuedMs", datum_integer(result->queued_ms)),
		MEMBER("source", MEMBERS(source)),
		MEMBER("usage", result->usage ? MEMBERS(usage) : datum_null()),
		MEMBER("sandbox", result->sandbox ? MEMBERS(sandbox) : datum_null()),
		MEMBER("worker", text_or_empty(result->worker)),
		MEMBER("metadata", datum_pairs(result->metadata)),
	};
	struct datum datum = MEMBERS(record);
	return writer.write(writer.user, &datum);
}

int codec_record_error(const struct error_event *event, struct record_writer writer)
{
	const struct member source[] = SOURCE_MEMBERS(&event->source);
	const char *hierarchy[3];
	size_t levels = error_hierarchy(event->error.code, hierarchy);
	const struct member error[] = ERROR_MEMBERS(&event->error, names(hierarchy, levels));
	const struct member record[] = {
		MEMBER("executionId", datum_text(event->execution_id)),
		MEMBER("threadId", datum_text(event->thread_id)),
		MEMBER("nodeId", datum_text(event->node_id)),
		MEMBER("workflowId", datum_text(event->workflow_id)),
		MEMBER("nodeName", datum_text(event->node_name)),
		MEMBER("tenant", datum_text(event->tenant)),
		MEMBER("attempt", datum_integer(event->attempt > 0 ? event->attempt : 1)),
		MEMBER("maxAttempts",
			datum_integer(event->max_attempts > 0 ? event->max_attempts : 1)),
		MEMBER("final", datum_truth(event->is_final)),
		MEMBER("nextAttemptAt", time_or_null(event->next_attempt_at_ms)),
		MEMBER("timestamp", datum_integer(event->timestamp_ms)),
		MEMBER("source", MEMBERS(source)),
		MEMBER("worker", text_or_empty(event->worker)),
		MEMBER("stderrTail", datum_text(event->stderr_tail)),
		MEMBER("error", MEMBERS(error)),
		MEMBER("metadata", datum_pairs(event->metadata)),
	};
	struct datum datum = MEMBERS(record);
	return writer.write(writer.user, &datum);
}
