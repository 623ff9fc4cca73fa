/* watermark_report.c: see watermark_report.h. It is kept as the JSON that it becomes. */
#include "watermark_report.h"

#include <pthread.h>
#include <stdlib.h>

struct watermark_report {
	pthread_mutex_t lock;
	json_t *holders;		/* NULL: none */
};

struct watermark_report *watermark_report_new(void)
{
	struct watermark_report *report = calloc(1, sizeof *report);
	if (report)
		pthread_mutex_init(&report->lock, NULL);
	return report;
}

void watermark_report_free(struct watermark_report *report)
{
	if (!report)
		return;
	json_decref(report->holders);
	pthread_mutex_destroy(&report->lock);
	free(report);
}

static json_t *holder_json(const struct watermark_holder *holder)
{
	return json_pack("{s:s, s:i, s:I, s:s, s:s, s:s, s:s, s:I}", "topic", holder->topic,
		"partition", (int)holder->partition, "offset", (json_int_t)holder->offset,
		"executionId", holder->execution_id, "threadId", holder->thread_id, "nodeId",
		holder->node_id, "state", holder->state, "heldMs", (json_int_t)holder->held_ms);
}

void watermark_report_set(struct watermark_report *report, const struct watermark_holder *holders,
	size_t count)
{
	if (!report || (count == 0 && !report->holders))
		return;
	json_t *made = count > 0 ? json_array() : NULL, *before;
	for (size_t i = 0; made && i < count; i++)
		json_array_append_new(made, holder_json(&holders[i]));
	pthread_mutex_lock(&report->lock);
	before = report->holders;
	report->holders = made;
	pthread_mutex_unlock(&report->lock);
	json_decref(before);
}

json_t *watermark_report_json(struct watermark_report *report)
{
	if (!report)
		return json_array();
	pthread_mutex_lock(&report->lock);
	json_t *copy = report->holders ? json_deep_copy(report->holders) : json_array();
	pthread_mutex_unlock(&report->lock);
	return copy;
}
