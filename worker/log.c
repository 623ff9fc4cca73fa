/* log.c: see log.h.
 *
 * A line is built in one buffer of 4096 bytes and leaves with one write(2), so lines of several
 * threads, and of processes that share a pipe, never mix (PIPE_BUF). What is too long is cut with an
 * ellipsis, a field that has no room any more is left out. What producers and jobs wrote gets here
 * too: nothing in it may break a line, steer a terminal, or be bad UTF-8.
 */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "codec/utf8.h"

#define LINE_BYTES 4096			/* PIPE_BUF */
#define VALUE_BYTES 1024
#define RESERVE 16			/* for closing quotes and braces */
#define ROOM 48			/* that a field wants for the least of values */
#define NUMBERS 8

/* Standard error is the process's, and so is how it is written to. */
static _Atomic int least_level = LOG_INFO;
static _Atomic bool as_json = true;

static _Thread_local char numbers[NUMBERS][24];
static _Thread_local unsigned next_number;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
	char bytes[LINE_BYTES];
	size_t length;
};

void log_setup(const struct config *config)
{
	for (int level = LOG_DEBUG; level <= LOG_ERROR; level++)
		if (strcmp(level_names[level], config->log.level) == 0)
			atomic_store(&least_level, level);
	atomic_store(&as_json, strcmp(config->log.format, "json") == 0 ||
		(strcmp(config->log.format, "text") != 0 && !isatty(STDERR_FILENO)));
}

const char *log_number(int64_t number)
{
	char *text = numbers[next_number++ % NUMBERS];
	snprintf(text, sizeof numbers[0], "%" PRId64, number);
	return text;
}

static bool is_number(const char *value)
{
	uintptr_t start = (uintptr_t)numbers, place = (uintptr_t)value;
	return place >= start && place < start + sizeof numbers;
}

/* All or nothing. */
static bool put(struct line *line, const char *bytes, size_t size)
{
	if (line->length + size > LINE_BYTES - RESERVE)
		return false;
	memcpy(line->bytes + line->length, bytes, size);
	line->length += size;
	return true;
}

static bool put_text(struct line *line, const char *text)
{
	return put(line, text, strlen(text));
}

/* One character of hostile text, escaped as JSON does; returns its length in text, 0: no room. */
static size_t put_character(struct line *line, const char *text, size_t size)
{
	static const char names[] = "btn\0fr";
	char escape[8];
	size_t bad = 0, length = utf8_sequence(text, size, &bad);
	unsigned char c = (unsigned char)text[0];
	if (length == 0)
		return put_text(line, "\xef\xbf\xbd") ? bad : 0;
	if (c == '"' || c == '\\')
		snprintf(escape, sizeof escape, "\\%c", c);
	else if (c >= '\b' && c <= '\r' && names[c - '\b'])
		snprintf(escape, sizeof escape, "\\%c", names[c - '\b']);
	else if (c < 0x20 || c == 0x7f)
		snprintf(escape, sizeof escape, "\\u%04x", c);
	else if (c == 0xc2 && (unsigned char)text[1] < 0xa0)	/* C1: terminals obey them */
		snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)text[1]);
	else
		return put(line, text, length) ? length : 0;
	return put_text(line, escape) ? length : 0;
}

static void put_escaped(struct line *line, const char *text)
{
	size_t size = strlen(text), done = 0;
	while (done < size) {
		size_t step = done < VALUE_BYTES ? put_character(line, text + done, size - done) : 0;
		if (step == 0) {
			put_text(line, "…");
			return;
		}
		done += step;
	}
}

static bool is_bare(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || strchr("\"\\=", *c))
			return false;
	return *text && strlen(text) <= VALUE_BYTES;
}

static void put_quoted(struct line *line, const char *text)
{
	put_text(line, "\"");
	put_escaped(line, text);
	line->bytes[line->length++] = '"';	/* of the reserve */
}

static void put_time(struct line *line, bool json)
{
	struct timespec now;
	struct tm parts;
	char text[80], day[40];
	clock_gettime(CLOCK_REALTIME, &now);
	if (json)
		gmtime_r(&now.tv_sec, &parts);
	else
		localtime_r(&now.tv_sec, &parts);
	strftime(day, sizeof day, json ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &parts);
	snprintf(text, sizeof text, json ? "{\"time\":\"%s.%03ldZ\"" : "%s.%03ld", day,
		now.tv_nsec / 1000000);
	put_text(line, text);
}

static void put_field_json(struct line *line, const char *name, const char *value)
{
	size_t before = line->length;
	if (put_text(line, ",\"") && put_text(line, name) && put_text(line, "\":") &&
		line->length + ROOM < LINE_BYTES - RESERVE) {
		if (!value)
			put_text(line, "null");
		else if (is_number(value))
			put_text(line, value);
		else
			put_quoted(line, value);
		return;
	}
	line->length = before;
}

static void put_field_text(struct line *line, const char *name, const char *value)
{
	size_t before = line->length;
	if (put_text(line, "  ") && put_text(line, name) && put_text(line, "=") &&
		line->length + ROOM < LINE_BYTES - RESERVE) {
		if (!value)
			put_text(line, "-");
		else if (!is_bare(value) || !put_text(line, value))
			put_quoted(line, value);
		return;
	}
	line->length = before;
}

static void put_head(struct line *line, enum log_level level, const char *message, bool json)
{
	static const char *const shown[] = {"  DEBUG ", "  INFO  ", "  WARN  ", "  ERROR "};
	put_time(line, json);
	if (json) {
		put_field_json(line, "level", level_names[level]);
		put_field_json(line, "message", message);
		return;
	}
	put_text(line, shown[level]);
	put_escaped(line, message);
}

/* A log that can't be written is no reason to stop working. */
static void write_line(const struct line *line)
{
	ssize_t written;
	do
		written = write(STDERR_FILENO, line->bytes, line->length);
	while (written < 0 && errno == EINTR);
}

void log_event(enum log_level level, const char *message, ...)
{
	struct line line = {.length = 0};
	bool json = atomic_load(&as_json);
	const char *name;
	va_list fields;
	if ((int)level < atomic_load(&least_level))
		return;
	put_head(&line, level, message, json);
	va_start(fields, message);
	while ((name = va_arg(fields, const char *)) != NULL) {
		const char *value = va_arg(fields, const char *);
		if (json)
			put_field_json(&line, name, value);
		else
			put_field_text(&line, name, value);
	}
	va_end(fields);
	if (json)
		line.bytes[line.length++] = '}';
	line.bytes[line.length++] = '\n';
	write_line(&line);
}
