/* yaml_flat.c: see yaml_flat.h.
 *
 * libyaml's events, never its documents: the stream is refused at the first event that
 * configuration has no use for, so nothing grows with what a hostile file promises. The recursion is
 * as deep as YAML_FLAT_DEPTH.
 */
#include "yaml_flat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define NAME_BYTES 300
#define ITEMS 256

struct flat {
	yaml_parser_t parser;
	const char *path;
	yaml_flat_leaf *leaf;
	void *context;
	char *seen[YAML_FLAT_NAMES];
	size_t seen_count;
	struct err *err;
};

__attribute__((format(printf, 3, 4)))
static int refuse(struct flat *flat, size_t line, const char *format, ...)
{
	char text[300];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return err_set(flat->err, ERR_INVALID, "%s:%zu: %s", flat->path, line + 1, text);
}

static int refuse_syntax(struct flat *flat)
{
	const yaml_parser_t *p = &flat->parser;
	if (p->error == YAML_MEMORY_ERROR)
		return err_set(flat->err, ERR_MEMORY, "no memory for %s", flat->path);
	size_t line = p->problem_mark.line;
	const char *problem = p->problem ? p->problem : "not YAML";
	if (p->error != YAML_READER_ERROR)
		return refuse(flat, line, "%s%s%s", problem, p->context ? " " : "",
			p->context ? p->context : "");
	return err_set(flat->err, ERR_INVALID, "%s: %s at byte %zu: this is no text in UTF-8",
		flat->path, problem, p->problem_offset);
}

/* The next event, which the caller deletes. Refuses what no configuration needs. */
static int next(struct flat *flat, yaml_event_t *event)
{
	if (!yaml_parser_parse(&flat->parser, event))
		return refuse_syntax(flat);
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	}
	if (anchor || event->type == YAML_ALIAS_EVENT)
		refuse(flat, event->start_mark.line, "anchors and aliases (& and *) are not "
			"supported; quote a value that begins so");
	else if (tag)
		refuse(flat, event->start_mark.line, "tags (!) are not supported; quote a value "
			"that begins so");
	else
		return 0;
	yaml_event_delete(event);
	return -1;
}

/* The scalar's text, owned by the caller. */
static char *take_text(struct flat *flat, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	if (strlen(value) != event->data.scalar.length) {
		refuse(flat, event->start_mark.line, "a value holds a NUL byte");
		return NULL;
	}
	char *copy = strdup(value);
	if (!copy)
		err_set(flat->err, ERR_MEMORY, "no memory for %s", flat->path);
	return copy;
}

static bool is_null(const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		(!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int note_name(struct flat *flat, const char *name, size_t line)
{
	for (size_t i = 0; i < flat->seen_count; i++)
		if (strcmp(flat->seen[i], name) == 0)
			return refuse(flat, line, "%s is given twice", name);
	if (flat->seen_count == YAML_FLAT_NAMES)
		return refuse(flat, line, "more than %d names", YAML_FLAT_NAMES);
	char *copy = strdup(name);
	if (!copy)
		return err_set(flat->err, ERR_MEMORY, "no memory for %s", flat->path);
	flat->seen[flat->seen_count++] = copy;
	return 0;
}

static int give_leaf(struct flat *flat, const char *name, char **items, size_t count, int flags,
	size_t line)
{
	const struct yaml_leaf leaf = {name, (const char *const *)items, count, flags & 1, flags & 2,
		(int)line + 1};
	return flat->leaf(flat->context, &leaf, flat->err);
}

static int take_scalar(struct flat *flat, const char *name, const yaml_event_t *event)
{
	char *text = take_text(flat, event);
	if (!text)
		return -1;
	int answer = give_leaf(flat, name, &text, 1, is_null(event) ? 2 : 0,
		event->start_mark.line);
	free(text);
	return answer;
}

/* Adds the event's text to items. Returns 1 at the sequence's end, -1 with err. */
static int take_item(struct flat *flat, const yaml_event_t *event, char **items, size_t *count)
{
	if (event->type == YAML_SEQUENCE_END_EVENT)
		return 1;
	if (event->type != YAML_SCALAR_EVENT)
		return refuse(flat, event->start_mark.line, "a list takes plain values only");
	if (*count == ITEMS)
		return refuse(flat, event->start_mark.line, "more than %d items", ITEMS);
	items[*count] = take_text(flat, event);
	return items[*count] ? (++*count, 0) : -1;
}

static int take_sequence(struct flat *flat, const char *name, size_t line)
{
	char *items[ITEMS];
	size_t count = 0;
	int answer = 0;
	while (answer == 0) {
		yaml_event_t event;
		if (next(flat, &event) != 0) {
			answer = -1;
			break;
		}
		answer = take_item(flat, &event, items, &count);
		yaml_event_delete(&event);
	}
	if (answer > 0)
		answer = give_leaf(flat, name, items, count, 1, line);
	for (size_t i = 0; i < count; i++)
		free(items[i]);
	return answer;
}

static int take_mapping(struct flat *flat, const char *prefix, int depth);

static int take_value(struct flat *flat, const char *name, int depth)
{
	yaml_event_t event;
	if (next(flat, &event) != 0)
		return -1;
	size_t line = event.start_mark.line;
	int answer;
	if (event.type == YAML_SCALAR_EVENT)
		answer = take_scalar(flat, name, &event);
	else if (event.type == YAML_SEQUENCE_START_EVENT)
		answer = take_sequence(flat, name, line);
	else if (event.type == YAML_MAPPING_START_EVENT && depth < YAML_FLAT_DEPTH)
		answer = take_mapping(flat, name, depth + 1);
	else
		answer = refuse(flat, line, "%s: nested too deeply", name);
	yaml_event_delete(&event);
	return answer;
}

/* Joins prefix and the key's text into name. */
static int take_key(struct flat *flat, const char *prefix, const yaml_event_t *event,
	char name[NAME_BYTES])
{
	size_t line = event->start_mark.line;
	if (event->type != YAML_SCALAR_EVENT)
		return refuse(flat, line, "a name is a plain text");
	char *key = take_text(flat, event);
	if (!key)
		return -1;
	int length = snprintf(name, NAME_BYTES, "%s%s%s", prefix, *prefix ? "." : "", key);
	bool empty = !*key, merge = strcmp(key, "<<") == 0;
	free(key);
	if (empty)
		return refuse(flat, line, "an empty name");
	if (merge)
		return refuse(flat, line, "merge keys (<<) are not supported");
	if (length < 0 || length >= NAME_BYTES)
		return refuse(flat, line, "a name longer than %d", NAME_BYTES - 1);
	return note_name(flat, name, line);
}

static int take_mapping(struct flat *flat, const char *prefix, int depth)
{
	char name[NAME_BYTES];
	for (;;) {
		yaml_event_t event;
		if (next(flat, &event) != 0)
			return -1;
		bool end = event.type == YAML_MAPPING_END_EVENT;
		int answer = end ? 0 : take_key(flat, prefix, &event, name);
		yaml_event_delete(&event);
		if (end)
			return 0;
		if (answer != 0 || take_value(flat, name, depth) != 0)
			return -1;
	}
}

static int take_event(struct flat *flat, const yaml_event_t *event, size_t *documents)
{
	size_t line = event->start_mark.line;
	if (event->type == YAML_DOCUMENT_START_EVENT && ++*documents > 1)
		return refuse(flat, line, "a second document (---)");
	if (event->type == YAML_MAPPING_START_EVENT)
		return take_mapping(flat, "", 1);
	if (event->type == YAML_SCALAR_EVENT && is_null(event))
		return 0;		/* nothing but comments */
	if (event->type == YAML_SCALAR_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
		return refuse(flat, line, "the file is to hold sections, such as 'worker:'");
	return 0;
}

static int take_stream(struct flat *flat)
{
	size_t documents = 0;
	for (;;) {
		yaml_event_t event;
		if (next(flat, &event) != 0)
			return -1;
		bool end = event.type == YAML_STREAM_END_EVENT;
		int answer = take_event(flat, &event, &documents);
		yaml_event_delete(&event);
		if (end || answer != 0)
			return answer;
	}
}

static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t got = 0;
	while (got < size) {
		ssize_t n = read(fd, bytes + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int unreadable(const char *path, struct err *err)
{
	err_system(err, "read the configuration %s", path);
	err->code = ERR_INVALID;	/* a name that is given and can't be read is a wrong one */
	return -1;
}

static int load(const char *path, char *bytes, size_t *size, struct err *err)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return unreadable(path, err);
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		close(fd);
		return err_set(err, ERR_INVALID, "the configuration %s is a directory", path);
	}
	ssize_t got = read_all(fd, bytes, YAML_FLAT_BYTES + 1);
	if (got < 0)
		unreadable(path, err);
	close(fd);
	if (got > YAML_FLAT_BYTES)
		return err_set(err, ERR_INVALID, "%s is larger than %d KiB", path,
			YAML_FLAT_BYTES / 1024);
	*size = got < 0 ? 0 : (size_t)got;
	return got < 0 ? -1 : 0;
}

static int parse(const char *path, const char *bytes, size_t size, yaml_flat_leaf *leaf,
	void *context, struct err *err)
{
	struct flat *flat = calloc(1, sizeof *flat);
	if (!flat || !yaml_parser_initialize(&flat->parser)) {
		free(flat);
		return err_set(err, ERR_MEMORY, "no memory for %s", path);
	}
	flat->path = path;
	flat->leaf = leaf;
	flat->context = context;
	flat->err = err;
	yaml_parser_set_input_string(&flat->parser, (const unsigned char *)bytes, size);
	int answer = take_stream(flat);
	yaml_parser_delete(&flat->parser);
	for (size_t i = 0; i < flat->seen_count; i++)
		free(flat->seen[i]);
	free(flat);
	return answer;
}

int yaml_flat_read(const char *path, yaml_flat_leaf *leaf, void *context, struct err *err)
{
	size_t size = 0;
	char *bytes = malloc(YAML_FLAT_BYTES + 1);
	if (!bytes)
		return err_set(err, ERR_MEMORY, "no memory for %s", path);
	int answer = load(path, bytes, &size, err);
	if (answer == 0)
		answer = parse(path, bytes, size, leaf, context, err);
	free(bytes);
	return answer;
}
