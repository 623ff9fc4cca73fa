/* replay_verify.c: see replay_verify.h. */
#include "replay_verify.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../executor.h"

#define RESULT_ARENA_BYTES (64u << 20)
#define TURN_MS 200

struct replay_verify {
	struct executor *executor;
	struct codec *codec;
};

int replay_verify_new(struct config *config, struct codec *codec, struct replay_verify **verify,
	struct err *err)
{
	struct replay_verify *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory to run jobs");
	config->worker.slots = 1;
	made->codec = codec;
	if (executor_new(config, "replay", true, &made->executor, err) != 0) {
		free(made);
		return -1;
	}
	*verify = made;
	return 0;
}

void replay_verify_free(struct replay_verify *verify)
{
	if (!verify)
		return;
	executor_free(verify->executor);
	free(verify);
}

bool replay_verify_can(const struct record_view *recorded)
{
	return recorded->status && (strcmp(recorded->status, "COMPLETED") == 0 ||
		strcmp(recorded->status, "FAILED") == 0);
}

/* ---- comparing */

/* Takes over the texts. */
static int difference_add(struct replay_differences *differences, const char *field, char *recorded,
	char *now, struct err *err)
{
	differences->list[differences->count++] = (struct replay_difference){field, recorded, now};
	return recorded && now ? 0 : err_set(err, ERR_MEMORY, "no memory to compare results");
}

static bool begins_with(const json_t *text, const json_t *beginning)
{
	size_t size = json_string_length(beginning);
	return json_is_string(text) && json_is_string(beginning) && json_string_length(text) >= size &&
		memcmp(json_string_value(text), json_string_value(beginning), size) == 0;
}

static const json_t *member_of(const json_t *root, const char *outer, const char *name)
{
	const json_t *found = json_object_get(outer ? json_object_get(root, outer) : root, name);
	return found ? found : json_null();
}

/* Values with the same members in another order are the same. */
static bool same_value(const char *one, const char *other)
{
	if (!one || !other || strcmp(one, other) == 0)
		return !one == !other;
	json_t *left = json_loads(one, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	json_t *right = json_loads(other, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	bool same = left && right && json_equal(left, right);
	json_decref(left);
	json_decref(right);
	return same;
}

struct compared {
	const char *shown, *outer, *name;
	const char *cut;		/* the flag of a stream that was cut */
};

static int compare_field(const struct compared *field, const struct record_view *recorded,
	const struct record_view *now, struct replay_differences *differences, struct err *err)
{
	const json_t *then = member_of(recorded->parsed, field->outer, field->name);
	const json_t *here = member_of(now->parsed, field->outer, field->name);
	bool cut = field->cut && json_is_true(member_of(recorded->parsed, NULL, field->cut));
	if (cut ? begins_with(here, then) : json_equal(then, here))
		return 0;
	return difference_add(differences, field->shown,
		json_dumps(then, JSON_ENCODE_ANY | JSON_COMPACT),
		json_dumps(here, JSON_ENCODE_ANY | JSON_COMPACT), err);
}

static int compare_output(const struct record_view *recorded, const struct record_view *now,
	struct replay_differences *differences, struct err *err)
{
	if (same_value(recorded->output, now->output))
		return 0;
	return difference_add(differences, "output",
		strdup(recorded->output ? recorded->output : "null"),
		strdup(now->output ? now->output : "null"), err);
}

int replay_compare(const struct record_view *recorded, const struct record_view *now,
	struct replay_differences *differences, struct err *err)
{
	static const struct compared fields[REPLAY_DIFFERENCES - 1] = {
		{"status", NULL, "status", NULL}, {"exitCode", NULL, "exitCode", NULL},
		{"signal", NULL, "signal", NULL}, {"error.code", "error", "code", NULL},
		{"stdout", NULL, "stdout", "stdoutTruncated"},
		{"stderr", NULL, "stderr", "stderrTruncated"},
	};
	differences->count = 0;
	for (size_t i = 0; i < REPLAY_DIFFERENCES - 1; i++)
		if (compare_field(&fields[i], recorded, now, differences, err) != 0)
			return -1;
	return compare_output(recorded, now, differences, err);
}

void replay_differences_free(struct replay_differences *differences)
{
	for (size_t i = 0; i < differences->count; i++) {
		free(differences->list[i].recorded);
		free(differences->list[i].now);
	}
	differences->count = 0;
}

/* ---- running */

/* Where nothing ran, *attempt is NULL and *error says why. */
static int run(struct replay_verify *verify, struct request *request, int number,
	struct attempt **attempt, struct error_record *error, struct err *err)
{
	enum executor_answer answer;
	int got = 0;
	while ((answer = executor_start(verify->executor, request, number, 1, error, err)) ==
		EXECUTOR_BUSY)
		if (executor_poll(verify->executor, TURN_MS, attempt, err) < 0)
			return -1;
	if (answer == EXECUTOR_REFUSED)
		return 0;
	if (answer != EXECUTOR_STARTED)
		return -1;
	while (got == 0)		/* 0: a signal came between */
		got = executor_poll(verify->executor, TURN_MS, attempt, err);
	return got < 0 ? -1 : 0;
}

/* As it would have been published. */
static int view_result(struct replay_verify *verify, const struct request *request, int number,
	const struct attempt *attempt, const struct error_record *refusal, struct record_view *view,
	struct err *err)
{
	const struct error_record *error = !attempt ? refusal : attempt->failed ? &attempt->error : NULL;
	struct arena *arena = arena_new(RESULT_ARENA_BYTES);
	struct result result;
	void *bytes;
	size_t size;
	if (!arena)
		return err_set(err, ERR_MEMORY, "no memory for a result");
	int done = executor_result(verify->executor, arena, request, number, error ? STATUS_FAILED :
		STATUS_COMPLETED, error, attempt, 0, &result, err);
	if (done == 0)
		done = codec_encode_result(verify->codec, ENCODING_JSON, &result, &bytes, &size, err);
	arena_free(arena);
	if (done != 0)
		return -1;
	done = record_view_open(verify->codec, bytes, size, view, err);
	free(bytes);
	return done;
}

int replay_verify_run(struct replay_verify *verify, struct request *request,
	const struct record_view *recorded, struct replay_differences *differences, struct err *err)
{
	struct attempt *attempt = NULL;
	struct error_record refusal;
	struct record_view now;
	int number = recorded->attempt > 0 ? recorded->attempt : 1;
	if (run(verify, request, number, &attempt, &refusal, err) != 0)
		return -1;
	int done = view_result(verify, request, number, attempt, &refusal, &now, err);
	attempt_free(attempt);
	if (done != 0)
		return -1;
	done = replay_compare(recorded, &now, differences, err);
	record_view_close(&now);
	return done;
}
