/* record_view.h: a result or an error event as a person wants to see it. */
#ifndef CODEWORKER_RECORD_VIEW_H
#define CODEWORKER_RECORD_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "../codec/codec.h"
#include "table.h"

struct record_view {
	char *json;			/* one line */
	char *output;			/* the value, as JSON text; NULL: none */
	bool is_error;			/* an error event, otherwise a result */
	/* of the record; NULL where it has none */
	const char *execution_id, *thread_id, *node_id, *tenant, *status, *script_type;
	const char *code, *message;	/* of its error */
	int attempt, max_attempts;
	bool is_final, success;
	int64_t timestamp_ms, next_attempt_at_ms, execution_time_ms;	/* -1: none */
	struct source source;		/* of its request; topic NULL: none */
	char detail[512];		/* its point in a few words */
	void *parsed;			/* what the strings live in */
};

/* Decodes. Returns 0 and a view to be closed, or -1: not one of our records. */
int record_view_open(struct codec *codec, const void *value, size_t size,
	struct record_view *view, struct err *err);
void record_view_close(struct record_view *view);

/* "COMPLETED", ..., or "error". */
const char *record_view_status(const struct record_view *view);
enum table_colour record_view_colour(const struct record_view *view);

#endif
