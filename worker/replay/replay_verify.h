/* replay_verify.h: a job run here once more, and how its result differs from the recorded one. */
#ifndef CODEWORKER_REPLAY_VERIFY_H
#define CODEWORKER_REPLAY_VERIFY_H

#include "../codec/codec.h"
#include "../config/config.h"
#include "../commands/record_view.h"

struct replay_verify;

/* Opens the sandbox (before any thread is started), with one slot. config: its sandbox settings are
 * narrowed. codec: borrowed. */
int replay_verify_new(struct config *config, struct codec *codec, struct replay_verify **verify,
	struct err *err);
void replay_verify_free(struct replay_verify *verify);

struct replay_difference {
	const char *field;		/* static */
	char *recorded, *now;		/* JSON text; malloc'ed */
};

#define REPLAY_DIFFERENCES 7

struct replay_differences {
	struct replay_difference list[REPLAY_DIFFERENCES];
	size_t count;
};

/* Runs the job as the attempt that was recorded and compares. Nothing is published. Returns 0, or
 * -1 with err. The caller frees the differences. */
int replay_verify_run(struct replay_verify *verify, struct request *request,
	const struct record_view *recorded, struct replay_differences *differences, struct err *err);

/* Whether a result is of a job that was run: one that was cancelled or skipped has nothing to compare. */
bool replay_verify_can(const struct record_view *recorded);

/* status, exitCode, signal, output, stdout, stderr, error.code. Of a stream that was cut, what is
 * left is compared. Returns 0, or -1: ERR_MEMORY. */
int replay_compare(const struct record_view *recorded, const struct record_view *now,
	struct replay_differences *differences, struct err *err);
void replay_differences_free(struct replay_differences *differences);

#endif
