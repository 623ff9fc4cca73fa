/* result.c: see result.h. */
#include "result.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seccomp.h"

static struct sandbox_buffer take(struct sandbox_buffer *buffer)
{
	struct sandbox_buffer taken = *buffer;
	*buffer = (struct sandbox_buffer){0};
	return taken;
}

static void invalid(struct sandbox_result *result, const char *reason, size_t length)
{
	result->verdict = SANDBOX_OUTPUT_INVALID;
	snprintf(result->reason, sizeof result->reason, "%.*s", (int)(length > 255 ? 255 : length),
		reason);
}

static void too_large(struct sandbox_result *result, uint64_t size)
{
	result->verdict = SANDBOX_LIMIT;
	result->limit = SANDBOX_LIMIT_OUTPUT;
	result->limit_value = result->limits.output_bytes;
	result->limit_peak = size;
}

static uint32_t frame_length(const struct sandbox_buffer *frame)
{
	const unsigned char *head = (const unsigned char *)frame->data;
	if (frame->size < VALUE_FRAME)
		return 0;
	return (uint32_t)head[1] | (uint32_t)head[2] << 8 | (uint32_t)head[3] << 16 |
		(uint32_t)head[4] << 24;
}

static struct sandbox_buffer frame_take(struct sandbox_buffer *frame, uint32_t length)
{
	struct sandbox_buffer taken = take(frame);
	taken.size = length;
	memmove(taken.data, taken.data + VALUE_FRAME, length + 1);
	return taken;
}

/* The job can write what it likes here: it is its own value that it spoils. */
static void value_from_frame(struct sandbox_result *result, struct sandbox_buffer *frame)
{
	const char *head = frame->data;
	uint32_t length = frame_length(frame);
	bool known = frame->size >= VALUE_FRAME && (head[0] == 'v' || head[0] == 'e');
	if (known && head[0] == 'v' && length > result->limits.output_bytes) {
		too_large(result, length);
	} else if (!known || length != frame->size - VALUE_FRAME) {
		static const char reason[] = "the value channel was written to by something else";
		invalid(result, reason, sizeof reason - 1);
	} else if (head[0] == 'e') {
		invalid(result, frame->data + VALUE_FRAME, length);
	} else {
		result->value = frame_take(frame, length);
	}
}

/* All or nothing: code that was cut is none. */
static void compiled_take(struct sandbox_result *result, struct sandbox_buffer *frame, size_t limit)
{
	uint32_t length = frame_length(frame);
	if (result->verdict == SANDBOX_EXITED && result->exit_code == 0 && length > 0 &&
			length <= limit && length == frame->size - VALUE_FRAME && frame->data[0] == 'c')
		result->compiled = frame_take(frame, length);
}

static void value_from_file(struct sandbox_result *result, int fd)
{
	size_t limit = result->limits.output_bytes, size = 0;
	char *data = malloc(limit + 2);
	if (!data) {
		static const char reason[] = "no memory for the value";
		invalid(result, reason, sizeof reason - 1);
		return;
	}
	while (size <= limit) {
		ssize_t got = read(fd, data + size, limit + 1 - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	data[size] = '\0';
	if (size > limit)
		too_large(result, size);
	else if (size > 0)
		result->value = (struct sandbox_buffer){.data = data, .size = size};
	if (!result->value.data)
		free(data);
}

static void value_take(struct sandbox_result *result, struct sandbox_buffer *value, int output_fd)
{
	if (result->verdict != SANDBOX_EXITED || result->exit_code != 0)
		return;
	if (value->size > 0)
		value_from_frame(result, value);
	else if (output_fd >= 0)
		value_from_file(result, output_fd);
}

void result_build(const struct record_outcome *outcome, struct sandbox_buffer *out,
	struct sandbox_buffer *err, struct sandbox_buffer *value, int output_fd,
	size_t compile_bytes, struct sandbox_result *result)
{
	*result = (struct sandbox_result){.tag = outcome->tag,
		.verdict = (enum sandbox_verdict)outcome->verdict, .exit_code = outcome->exit_code,
		.signal = outcome->signal, .limit = (enum sandbox_limit)outcome->limit,
		.limit_value = outcome->limit_value, .limit_peak = outcome->limit_peak,
		.sampled = outcome->sampled != 0, .wall_ms = outcome->wall_ms,
		.cpu_ms = outcome->cpu_ms, .memory_peak_bytes = outcome->memory_peak_bytes,
		.processes_peak = outcome->processes_peak,
		.level = (enum sandbox_level)outcome->level, .warm = outcome->warm != 0, .mechanisms = outcome->mechanisms,
		.created_at_ms = outcome->created_at_ms, .limits = outcome->limits};
	memcpy(result->reason, outcome->reason, sizeof result->reason);
	memcpy(result->sandbox_id, outcome->sandbox_id, sizeof result->sandbox_id);
	if (result->verdict == SANDBOX_VIOLATION)
		seccomp_syscall_name(outcome->syscall_arch, outcome->syscall_number, result->syscall);
	result->out = take(out);
	result->err = take(err);
	if (compile_bytes)
		compiled_take(result, value, compile_bytes);
	else
		value_take(result, value, output_fd);
}

void sandbox_result_free(struct sandbox_result *result)
{
	free(result->out.data);
	free(result->err.data);
	free(result->value.data);
	free(result->compiled.data);
	*result = (struct sandbox_result){0};
}
