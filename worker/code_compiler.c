/* code_compiler.c: see code_compiler.h. */
#include "code_compiler.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TAG UINT64_MAX			/* of no attempt */
#define WALL_MS 10000
#define LAZY_FACTOR 16			/* V8 compiles what is called, so there is less to gain */

struct code_compiler {
	const struct config *config;
	struct code_cache *cache;
	bool running;
};

int code_compiler_new(const struct config *config, bool warm, struct code_compiler **made,
	struct err *err)
{
	uint64_t seed;
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		return err_system(err, "getrandom");
	struct code_compiler *compiler = calloc(1, sizeof *compiler);
	if (compiler)
		compiler->cache = code_cache_new(warm ? (size_t)config->cache.bytes : 0, seed);
	if (!compiler || !compiler->cache) {
		free(compiler);
		return err_set(err, ERR_MEMORY, "no memory for compiled code");
	}
	compiler->config = config;
	*made = compiler;
	return 0;
}

void code_compiler_free(struct code_compiler *compiler)
{
	if (compiler)
		code_cache_free(compiler->cache);
	free(compiler);
}

int code_compiler_slots(const struct code_compiler *compiler)
{
	return code_cache_room(compiler->cache) > 0 &&
		compiler->config->worker.slots < SANDBOX_SLOTS_MAX;
}

static bool is_worthwhile(const struct code_compiler *compiler, const struct sandbox *sandbox,
	const struct sandbox_job *job)
{
	bool lazy = strcmp(compiler->config->runtimes[job->runtime].kind, "node") == 0;
	size_t least = (size_t)compiler->config->cache.min_code_bytes * (lazy ? LAZY_FACTOR : 1);
	return job->code_size >= least && sandbox_compiles(sandbox, job->runtime) &&
		sandbox_self_test(sandbox)->available[SANDBOX_STRICT];
}

void code_compiler_serve(struct code_compiler *compiler, struct sandbox *sandbox, const char *tenant,
	struct sandbox_job *job)
{
	const struct code_key key = {tenant, job->runtime, job->script_name, job->code, job->code_size};
	int attempts = sandbox_running(sandbox) - compiler->running;
	if (compiler->running && attempts + 1 >= compiler->config->worker.slots)
		sandbox_kill(sandbox, TAG);
	if (is_worthwhile(compiler, sandbox, job))
		job->compiled = code_cache_find(compiler->cache, &key, &job->compiled_size);
}

void code_compiler_idle(struct code_compiler *compiler, struct sandbox *sandbox)
{
	struct code_key key;
	struct err err;
	if (compiler->running || !code_cache_take(compiler->cache, &key))
		return;
	const struct sandbox_job job = {.tag = TAG, .runtime = key.runtime, .level = SANDBOX_STRICT,
		.limits = {.wall_ms = WALL_MS}, .script_name = key.file, .code = key.code,
		.code_size = key.code_size, .compile_bytes = code_cache_room(compiler->cache)};
	compiler->running = sandbox_start(sandbox, &job, &err) == 0;
	if (!compiler->running)
		code_cache_tell(compiler->cache, CODE_LOST, NULL, 0);
}

/* A job that was killed for an attempt's sake, or whose sandbox failed, says nothing of its code. */
static enum code_fate fate_of(const struct sandbox_result *result)
{
	if (result->verdict == SANDBOX_KILLED || result->verdict == SANDBOX_KILLED_OUTSIDE ||
			result->verdict == SANDBOX_FAILED)
		return CODE_LOST;
	return result->compiled.data ? CODE_COMPILED : CODE_REFUSED;
}

bool code_compiler_take(struct code_compiler *compiler, struct sandbox_result *result)
{
	if (result->tag != TAG)
		return false;
	code_cache_tell(compiler->cache, fate_of(result), result->compiled.data, result->compiled.size);
	compiler->running = false;
	sandbox_result_free(result);
	return true;
}

const struct code_cache_counts *code_compiler_counts(const struct code_compiler *compiler)
{
	return code_cache_counts(compiler->cache);
}
