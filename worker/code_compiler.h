/* code_compiler.h: hands attempts their code compiled, and has what came twice compiled while nobody waits.
 *
 * The executor's link between code_cache, which decides, and the sandbox, which compiles. One code is compiled at
 * a time, by a strict job that runs nothing of it.
 */
#ifndef CODEWORKER_CODE_COMPILER_H
#define CODEWORKER_CODE_COMPILER_H

#include "queue/code_cache.h"
#include "config/config.h"
#include "../sandbox/sandbox.h"

struct code_compiler;

/* config: borrowed for good. warm: only warm interpreters take compiled code; without, nothing is compiled. */
int code_compiler_new(const struct config *config, bool warm, struct code_compiler **compiler,
	struct err *err);
void code_compiler_free(struct code_compiler *compiler);	/* NULL allowed */

/* How many the sandbox is to have for it beside those of attempts, so that these never wait for it. */
int code_compiler_slots(const struct code_compiler *compiler);

/* For an attempt that is about to start: what its job is to have in compiled, until the next call. Attempts that
 * take all slots are to have all processors, too: then what is being compiled is ended. */
void code_compiler_serve(struct code_compiler *compiler, struct sandbox *sandbox, const char *tenant,
	struct sandbox_job *job);

/* To be called when a slot is free and nothing waits for it. */
void code_compiler_idle(struct code_compiler *compiler, struct sandbox *sandbox);

/* Whether the result is of a job of its own; then it is freed. */
bool code_compiler_take(struct code_compiler *compiler, struct sandbox_result *result);

const struct code_cache_counts *code_compiler_counts(const struct code_compiler *compiler);

#endif
