/* setup.c: see setup.h. Writer and reader stand side by side, field by field. */
#include "setup.h"

#include <string.h>

static void limits_write(const struct sandbox_limits *limits, struct blob_writer *writer)
{
	blob_put_bytes(writer, limits, sizeof *limits);
}

static void limits_read(struct sandbox_limits *limits, struct blob_reader *reader)
{
	size_t size;
	const char *bytes = blob_get_bytes(reader, &size);
	if (bytes && size == sizeof *limits)
		memcpy(limits, bytes, size);
	else
		reader->failed = true;
}

static void runtime_write(const struct setup_runtime *runtime, struct blob_writer *writer)
{
	blob_put_string(writer, runtime->name);
	blob_put_u64(writer, runtime->kind);
	blob_put_string(writer, runtime->extension);
	blob_put_string(writer, runtime->preload);
	for (size_t i = 0; runtime->argv[i]; i++)
		blob_put_string(writer, runtime->argv[i]);
	blob_put_string(writer, NULL);
}

static void runtime_read(struct setup_runtime *runtime, struct blob_reader *reader)
{
	runtime->name = blob_get_string(reader);
	runtime->kind = (enum sandbox_runtime_kind)blob_get_u64(reader);
	runtime->extension = blob_get_string(reader);
	runtime->preload = blob_get_string(reader);
	size_t count = 0;
	const char *argument;
	while ((argument = blob_get_string(reader)) && count < SETUP_MAX_ARGS)
		runtime->argv[count++] = argument;
	if (argument || count == 0 || !runtime->name || !runtime->extension || !runtime->preload)
		reader->failed = true;
}

static void paths_write(const char *const *paths, struct blob_writer *writer)
{
	for (size_t i = 0; paths[i]; i++)
		blob_put_string(writer, paths[i]);
	blob_put_string(writer, NULL);
}

static void paths_read(const char **paths, struct blob_reader *reader)
{
	size_t count = 0;
	const char *path;
	while ((path = blob_get_string(reader)) && count < SETUP_MAX_PATHS)
		paths[count++] = path;
	if (path)
		reader->failed = true;
}

/* Filters are aligned where they are used: in the kernel's copy. */
static void filter_write(const struct setup_filter *filter, struct blob_writer *writer)
{
	blob_put_bytes(writer, filter->code, filter->count * sizeof *filter->code);
}

static void filter_read(struct setup_filter *filter, struct blob_reader *reader)
{
	size_t size;
	filter->code = (const void *)blob_get_bytes(reader, &size);
	filter->count = size / sizeof *filter->code;
	if (size % sizeof *filter->code != 0 || filter->count > BPF_MAXINSNS)
		reader->failed = true;
}

void setup_write(const struct setup *setup, struct blob_writer *writer)
{
	blob_put_u64(writer, setup->slots);
	blob_put_u64(writer, setup->pool);
	blob_put_u64(writer, setup->floor);
	blob_put_u64(writer, setup->require);
	blob_put_u64(writer, setup->uid_base);
	blob_put_u64(writer, setup->no_cgroup);
	blob_put_u64(writer, setup->no_warm);
	blob_put_u64(writer, setup->zygote_jobs);
	limits_write(&setup->limits, writer);
	blob_put_string(writer, setup->run_directory);
	blob_put_string(writer, setup->drop);
	blob_put_u64(writer, setup->runtime_count);
	for (size_t i = 0; i < setup->runtime_count; i++)
		runtime_write(&setup->runtimes[i], writer);
	paths_write(setup->read_only_paths, writer);
	for (int level = 0; level < SANDBOX_LEVELS; level++)
		for (int variant = 0; variant < 2; variant++)
			filter_write(&setup->filters[level][variant], writer);
}

int setup_read(struct setup *setup, struct blob_reader *reader)
{
	*setup = (struct setup){.slots = (unsigned)blob_get_u64(reader)};
	setup->pool = (unsigned)blob_get_u64(reader);
	setup->floor = (enum sandbox_level)blob_get_u64(reader);
	setup->require = (uint32_t)blob_get_u64(reader);
	setup->uid_base = (uint32_t)blob_get_u64(reader);
	setup->no_cgroup = blob_get_u64(reader) != 0;
	setup->no_warm = blob_get_u64(reader) != 0;
	setup->zygote_jobs = blob_get_u64(reader);
	limits_read(&setup->limits, reader);
	setup->run_directory = blob_get_string(reader);
	setup->drop = blob_get_string(reader);
	setup->runtime_count = blob_get_u64(reader);
	if (setup->runtime_count > SETUP_MAX_RUNTIMES || setup->floor >= SANDBOX_LEVELS)
		return -1;
	for (size_t i = 0; i < setup->runtime_count && !reader->failed; i++)
		runtime_read(&setup->runtimes[i], reader);
	paths_read(setup->read_only_paths, reader);
	for (int level = 0; level < SANDBOX_LEVELS; level++)
		for (int variant = 0; variant < 2; variant++)
			filter_read(&setup->filters[level][variant], reader);
	return reader->failed ? -1 : 0;
}
