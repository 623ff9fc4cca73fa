/* publisher_fit.c: see publisher_fit.h. What stays is bounded: ids by the contract, everything else here. */
#include "publisher_fit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define SHORT_BYTES 256
#define MESSAGE_BYTES 512
#define PAIRS_MOST 8

static const char *if_short(const char *text)
{
	return text && strlen(text) <= SHORT_BYTES ? text : NULL;
}

static const char *message_cut(struct arena *arena, const char *text)
{
	size_t size = strlen(text);
	if (size <= MESSAGE_BYTES)
		return text;
	size = MESSAGE_BYTES;
	while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	return arena_format(arena, "%.*s...", (int)size, text);
}

static struct error_record error_fit(struct arena *arena, const struct error_record *error,
	enum fit fit, int64_t bytes)
{
	struct error_record made = {.code = error->code, .field = if_short(error->field),
		.message = message_cut(arena, error->message)};
	struct pair *pairs = arena_alloc(arena, (PAIRS_MOST + 1) * sizeof *pairs);
	size_t count = 0;
	if (!pairs)
		return made;
	for (size_t i = 0; fit == FIT_BRIEF && i < error->details.count && count < PAIRS_MOST; i++)
		if (if_short(error->details.pairs[i].name) && if_short(error->details.pairs[i].value))
			pairs[count++] = error->details.pairs[i];
	pairs[count++] = (struct pair){"omitted", arena_format(arena,
		"what is long%s, since the topic takes %" PRId64 " bytes",
		fit == FIT_BRIEF ? "" : ", and the metadata", bytes)};
	made.details = (struct map){pairs, count};
	return made;
}

struct result result_fit(struct arena *arena, const struct result *result, enum fit fit,
	int64_t bytes)
{
	struct result made = *result;
	struct error_record *error;
	if (fit == FIT_WHOLE)
		return made;
	made.out_truncated |= result->out_size > 0;
	made.err_truncated |= result->err_size > 0;
	made.out_size = made.err_size = 0;
	made.workflow_id = if_short(result->workflow_id);
	made.node_name = if_short(result->node_name);
	made.tenant = if_short(result->tenant);
	made.replay_of = if_short(result->replay_of);
	made.script_name = if_short(result->script_name);
	made.script_type = if_short(result->script_type);
	made.output = NULL;
	error = result->error ? arena_alloc(arena, sizeof *error) : NULL;
	if (error) {
		*error = error_fit(arena, result->error, fit, bytes);
		made.error = error;
	}
	if (fit != FIT_BRIEF)
		made.metadata = (struct map){NULL, 0};
	return made;
}

struct error_event event_fit(struct arena *arena, const struct error_event *event, enum fit fit,
	int64_t bytes)
{
	struct error_event made = *event;
	if (fit == FIT_WHOLE)
		return made;
	made.stderr_tail = NULL;
	made.workflow_id = if_short(event->workflow_id);
	made.node_name = if_short(event->node_name);
	made.tenant = if_short(event->tenant);
	made.error = error_fit(arena, &event->error, fit, bytes);
	if (fit != FIT_BRIEF)
		made.metadata = (struct map){NULL, 0};
	return made;
}
