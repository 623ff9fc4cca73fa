/* replay_report.c: see replay_report.h. */
#include "replay_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../commands/table.h"
#include "../time_text.h"

#define EVERY_MS 250			/* of the progress line */
#define VALUE_WIDTH 120			/* characters of a value that differs */

/* ---- progress */

void replay_progress_begin(struct replay_progress *progress)
{
	*progress = (struct replay_progress){.wanted = isatty(STDERR_FILENO)};
}

static bool is_time(struct replay_progress *progress)
{
	int64_t now_ms = progress->wanted ? time_now_ms() : 0;
	if (!progress->wanted || now_ms - progress->last_ms < EVERY_MS)
		return false;
	progress->last_ms = now_ms;
	progress->shown = true;
	return true;
}

void replay_progress_reading(struct replay_progress *progress)
{
	progress->records++;
	if (is_time(progress))
		fprintf(stderr, "\r\033[Kreading what is there: %" PRId64 " records", progress->records);
}

void replay_progress_show(struct replay_progress *progress, const struct replay_counts *counts)
{
	if (is_time(progress))
		fprintf(stderr, "\r\033[K%" PRId64 " done, %" PRId64 " replayed before", counts->done,
			counts->replayed);
}

void replay_progress_clear(struct replay_progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}

/* ---- jobs */

void replay_report_job(struct replay_progress *progress, int64_t *count, const struct replay_job *job,
	const char *why)
{
	char id[1200] = "", reason[600];
	++*count;
	if (job->execution_id)
		table_clean(id, sizeof id, job->execution_id, 0);
	table_clean(reason, sizeof reason, why, 0);
	replay_progress_clear(progress);
	fprintf(stderr, "codeworker: %s partition %" PRId32 " offset %" PRId64 "%s%s: %s\n",
		job->record.topic, job->record.partition, job->record.offset, *id ? ", " : "", id,
		reason);
}

static void print_differences(const char *execution_id, const struct replay_differences *differences)
{
	char id[1200], then[VALUE_WIDTH * 8], now[VALUE_WIDTH * 8];
	table_clean(id, sizeof id, execution_id, 0);
	printf("%s %s", id, differences->count == 0 ? "same" : "differs: ");
	for (size_t i = 0; i < differences->count; i++) {
		const struct replay_difference *one = &differences->list[i];
		table_clean(then, sizeof then, one->recorded, VALUE_WIDTH);
		table_clean(now, sizeof now, one->now, VALUE_WIDTH);
		printf("%s%s %s -> %s", i > 0 ? "; " : "", one->field, then, now);
	}
	putchar('\n');
}

static void print_differences_json(const char *execution_id,
	const struct replay_differences *differences)
{
	json_t *id = json_string(execution_id);
	char *text = id ? json_dumps(id, JSON_ENCODE_ANY) : NULL;
	printf("{\"executionId\":%s,\"same\":%s,\"differences\":[", text ? text : "null",
		differences->count == 0 ? "true" : "false");
	for (size_t i = 0; i < differences->count; i++) {
		const struct replay_difference *one = &differences->list[i];
		printf("%s{\"field\":\"%s\",\"recorded\":%s,\"now\":%s}", i > 0 ? "," : "", one->field,
			one->recorded, one->now);
	}
	puts("]}");
	free(text);
	json_decref(id);
}

int replay_report_verified(const char *execution_id, const struct replay_differences *differences,
	bool json, struct err *err)
{
	if (json)
		print_differences_json(execution_id, differences);
	else
		print_differences(execution_id, differences);
	return fflush(stdout) == EOF || ferror(stdout) ? err_system(err, "write to standard output") : 0;
}

/* ---- the end */

static void print_reason(int64_t count, const char *text)
{
	if (count > 0)
		fprintf(stderr, "; %" PRId64 " %s", count, text);
}

void replay_report_summary(const struct replay_counts *counts, bool dry_run, bool verify,
	bool interrupted)
{
	fprintf(stderr, "codeworker: %s%" PRId64 " %s", interrupted ? "interrupted: " : "", counts->done,
		dry_run ? "to be put back" : verify ? "run here" : "put back");
	if (verify && !dry_run)
		fprintf(stderr, ", %" PRId64 " with another result", counts->differ);
	print_reason(counts->late, "of them with a deadline that has passed: they will be SKIPPED");
	print_reason(counts->replayed, "left out, since they have a replay (--force)");
	print_reason(counts->standing, "left out, since they are replays and have not failed (--force)");
	print_reason(counts->repeated, "came again in this run");
	print_reason(counts->too_often, "replayed as often as it goes without --force");
	print_reason(counts->malformed, "malformed: can't be replayed");
	print_reason(counts->gone, "without their request");
	print_reason(counts->refused, "can't be renamed");
	print_reason(counts->unrecorded, "without a result to compare");
	fputc('\n', stderr);
}
