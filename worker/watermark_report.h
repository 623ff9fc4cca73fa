/* watermark_report.h: which request keeps a full window's partition from going on.
 *
 * The loop writes it, the thread that answers /status reads it.
 */
#ifndef CODEWORKER_WATERMARK_REPORT_H
#define CODEWORKER_WATERMARK_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct watermark_report;

struct watermark_holder {		/* all borrowed */
	const char *topic;
	int32_t partition;
	int64_t offset;			/* the oldest that is not finished */
	const char *execution_id, *thread_id, *node_id;
	const char *state;		/* what it does: running, queued, waiting */
	int64_t held_ms;		/* since it was read */
};

struct watermark_report *watermark_report_new(void);	/* NULL: no memory */
void watermark_report_free(struct watermark_report *report);

/* What is in it from now on; all is copied. Without memory the report is empty. report: NULL allowed. */
void watermark_report_set(struct watermark_report *report, const struct watermark_holder *holders,
	size_t count);

/* An array of {topic, partition, offset, executionId, threadId, nodeId, state, heldMs}; the caller's. */
json_t *watermark_report_json(struct watermark_report *report);

#endif
