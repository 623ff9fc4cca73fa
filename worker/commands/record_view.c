/* record_view.c: see record_view.h.
 *
 * A job's value is kept as text: its numbers may be larger than what jansson holds.
 */
#include "record_view.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../codec/json_scan.h"
#include "../time_text.h"

static const char *string_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static int64_t number_of(const json_t *object, const char *name, int64_t otherwise)
{
	const json_t *number = json_object_get(object, name);
	return json_is_integer(number) ? json_integer_value(number) : otherwise;
}

/* The value it returned, else what it printed. */
static void detail_of_success(const struct record_view *view, const json_t *root, char *detail,
	size_t size)
{
	const char *out = string_of(root, "stdout");
	snprintf(detail, size, "%s", view->output ? view->output : out ? out : "");
	size_t length = strlen(detail);
	if (!view->output && length > 0 && detail[length - 1] == '\n')
		detail[length - 1] = '\0';
}

static void detail_of_error(const struct record_view *view, char *detail, size_t size)
{
	char when[40] = "", attempt[64] = "";
	if (view->is_error && !view->is_final) {
		if (view->next_attempt_at_ms >= 0)
			time_format(view->next_attempt_at_ms, when, sizeof when);
		snprintf(attempt, sizeof attempt, "; attempt %d of %d, next %s", view->attempt,
			view->max_attempts, when[0] ? when + 11 : "soon");
	}
	snprintf(detail, size, "%s: %s%s", view->code ? view->code : "?",
		view->message ? view->message : "", attempt);
}

static struct source source_of(const json_t *root)
{
	const json_t *source = json_object_get(root, "source");
	int64_t partition = number_of(source, "partition", -1);
	int64_t offset = number_of(source, "offset", -1);
	if (partition < 0 || partition > INT32_MAX || offset < 0)
		return (struct source){0};
	return (struct source){string_of(source, "topic"), (int32_t)partition, offset};
}

static void view_fill(struct record_view *view, const json_t *root)
{
	const json_t *error = json_object_get(root, "error");
	view->status = string_of(root, "status");
	view->is_error = !view->status;
	view->execution_id = string_of(root, "executionId");
	view->thread_id = string_of(root, "threadId");
	view->node_id = string_of(root, "nodeId");
	view->tenant = string_of(root, "tenant");
	view->source = source_of(root);
	view->script_type = string_of(root, "scriptType");
	view->code = string_of(error, "code");
	view->message = string_of(error, "message");
	view->attempt = (int)number_of(root, "attempt", 0);
	view->max_attempts = (int)number_of(root, "maxAttempts", 0);
	view->is_final = json_is_true(json_object_get(root, "final"));
	view->success = json_is_true(json_object_get(root, "success"));
	view->timestamp_ms = number_of(root, "timestamp", -1);
	view->next_attempt_at_ms = number_of(root, "nextAttemptAt", -1);
	view->execution_time_ms = number_of(root, "executionTime", -1);
	if (view->success)
		detail_of_success(view, root, view->detail, sizeof view->detail);
	else
		detail_of_error(view, view->detail, sizeof view->detail);
}

/* Takes the value out of the record's text. Returns 0, or -1: no memory. */
static int output_take(struct record_view *view, char **rest)
{
	static const char name[] = "\"output\"";
	struct json_span members = json_trim(view->json, strlen(view->json)), key, value;
	*rest = NULL;
	while (json_next_member(&members, &key, &value)) {
		if (key.size != sizeof name - 1 || memcmp(key.text, name, key.size) != 0)
			continue;
		if (*value.text != 'n' && !(view->output = strndup(value.text, value.size)))
			return -1;
		return asprintf(rest, "%.*snull%s", (int)(value.text - view->json), view->json,
			value.text + value.size) < 0 ? -1 : 0;
	}
	*rest = strdup(view->json);
	return *rest ? 0 : -1;
}

static int parse(struct record_view *view, struct err *err)
{
	json_error_t reason = {.text = "it is no object"};
	char *text = NULL;
	if (*view->json == '{' && output_take(view, &text) != 0)
		return err_set(err, ERR_MEMORY, "no memory for a record");
	json_t *root = text ? json_loads(text, JSON_ALLOW_NUL, &reason) : NULL;
	free(text);
	view->parsed = root;
	return json_is_object(root) ? 0 :
		err_set(err, ERR_INVALID, "the value is no record: %s", reason.text);
}

int record_view_open(struct codec *codec, const void *value, size_t size,
	struct record_view *view, struct err *err)
{
	struct record_view made = {0};
	if (!value || size == 0)
		return err_set(err, ERR_INVALID, "the value is empty");
	if (codec_to_json(codec, value, size, &made.json, err) != 0)
		return -1;
	if (parse(&made, err) != 0) {
		record_view_close(&made);
		return -1;
	}
	*view = made;
	view_fill(view, view->parsed);
	return 0;
}

void record_view_close(struct record_view *view)
{
	json_decref(view->parsed);
	free(view->json);
	free(view->output);
	*view = (struct record_view){0};
}

const char *record_view_status(const struct record_view *view)
{
	return view->status ? view->status : "error";
}

enum table_colour record_view_colour(const struct record_view *view)
{
	if (view->success)
		return TABLE_GREEN;
	if (view->is_error && !view->is_final)
		return TABLE_YELLOW;
	return TABLE_RED;
}
