/* sandbox_settings.c: see sandbox_settings.h. */
#include "sandbox_settings.h"

#include <string.h>

#include "../arena.h"

enum sandbox_level sandbox_level_named(const char *name)
{
	for (int level = SANDBOX_NONE; level < SANDBOX_LEVELS; level++)
		if (strcmp(sandbox_level_name((enum sandbox_level)level), name) == 0)
			return (enum sandbox_level)level;
	return SANDBOX_STRICT;
}

static enum sandbox_runtime_kind kind_named(const char *name)
{
	return strcmp(name, "python") == 0 ? SANDBOX_RUNTIME_PYTHON :
		strcmp(name, "node") == 0 ? SANDBOX_RUNTIME_NODE : SANDBOX_RUNTIME_EXEC;
}

static uint32_t mechanisms_named(const struct config_list *names)
{
	uint32_t mask = 0;
	for (size_t i = 0; i < names->count; i++)
		for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++)
			if (strcmp(names->items[i],
				sandbox_mechanism_name((enum sandbox_mechanism)m)) == 0)
				mask |= 1u << m;
	return mask;
}

/* NULL-terminated; NULL: no memory. */
static const char **terminated(struct arena *arena, const struct config_list *list)
{
	const char **items = arena_alloc(arena, (list->count + 1) * sizeof *items);
	if (items && list->count)
		memcpy(items, list->items, list->count * sizeof *items);
	return items;
}

static struct sandbox_limits limits_of(const struct config *config)
{
	return (struct sandbox_limits){.wall_ms = (uint64_t)config->policy.max_timeout_ms,
		.cpu_ms = (uint64_t)config->sandbox.cpu_ms,
		.memory_bytes = (uint64_t)config->sandbox.memory_bytes,
		.disk_bytes = (uint64_t)config->sandbox.disk_bytes,
		.processes = (uint64_t)config->sandbox.processes,
		.output_bytes = (uint64_t)config->sandbox.output_bytes,
		.open_files = (uint64_t)config->sandbox.open_files};
}

/* By commas. NULL: no memory. */
static const char *joined(struct arena *arena, const struct config_list *list)
{
	const char *text = "";
	for (size_t i = 0; text && i < list->count; i++)
		text = arena_format(arena, "%s%s%s", text, i ? "," : "", list->items[i]);
	return text;
}

static struct sandbox_runtime *runtimes_of(const struct config *config)
{
	struct sandbox_runtime *runtimes = arena_alloc(config->arena,
		(config->runtime_count + 1) * sizeof *runtimes);
	for (size_t i = 0; runtimes && i < config->runtime_count; i++) {
		const struct config_runtime *runtime = &config->runtimes[i];
		runtimes[i] = (struct sandbox_runtime){.name = runtime->name,
			.kind = kind_named(runtime->kind), .extension = runtime->extension,
			.argv = terminated(config->arena, &runtime->argv)};
		if (runtimes[i].kind == SANDBOX_RUNTIME_PYTHON)
			runtimes[i].preload = joined(config->arena, &config->python.preload);
		if (!runtimes[i].argv || (runtimes[i].kind == SANDBOX_RUNTIME_PYTHON &&
				!runtimes[i].preload))
			return NULL;
	}
	return runtimes;
}

int sandbox_settings(const struct config *config, struct sandbox_config *settings,
	struct err *err)
{
	const struct sandbox_config made = {.slots = config->worker.slots,
		.floor = sandbox_level_named(config->policy.isolation_floor),
		.require = mechanisms_named(&config->sandbox.require),
		.runtimes = runtimes_of(config), .runtime_count = config->runtime_count,
		.limits = limits_of(config), .uid_base = (uint32_t)config->sandbox.uid_base,
		.run_directory = config->sandbox.run_directory && *config->sandbox.run_directory ?
			config->sandbox.run_directory : NULL,
		.read_only_paths = terminated(config->arena, &config->sandbox.read_only_paths),
		.pool = config->sandbox.pool, .no_cgroup = !config->sandbox.cgroup,
		.no_warm = !config->zygote.enabled,
		.zygote_jobs = (unsigned)config->zygote.max_jobs};
	if (!made.runtimes || !made.read_only_paths)
		return err_set(err, ERR_MEMORY, "no memory for the sandbox's settings");
	*settings = made;
	return 0;
}
