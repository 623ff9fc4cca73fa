/* request_options.c: see request_options.h. */
#include "request_options.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../codec/json_scan.h"
#include "../time_text.h"

#define FILE_BYTES (64u << 20)		/* the most that code, input or context may be */
#define ARENA_BYTES (4u * FILE_BYTES)
#define PAIRS 256

struct request_options {
	struct request request;
	const char *code, *script, *input, *context;
	struct pair environment[PAIRS], metadata[PAIRS];
	bool json;
};

struct request_options *request_options_new(void)
{
	struct request_options *options = calloc(1, sizeof *options);
	if (!options)
		return NULL;
	struct arena *arena = arena_new(ARENA_BYTES);
	if (!arena) {
		free(options);
		return NULL;
	}
	options->request = (struct request){.arena = arena, .risk = RISK_HIGH,
		.retry_delay_ms = 1000, .deadline_ms = REQUEST_TIME_NONE,
		.limits = {-1, -1, -1, -1, -1}};
	options->request.environment.pairs = options->environment;
	options->request.metadata.pairs = options->metadata;
	return options;
}

void request_options_free(struct request_options *options)
{
	if (!options)
		return;
	arena_free(options->request.arena);
	free(options);
}

bool request_options_json(const struct request_options *options)
{
	return options->json;
}

static int take_number(const char *text, int64_t *number)
{
	char *rest;
	errno = 0;
	long long value = strtoll(text, &rest, 10);
	if (errno || *rest || rest == text || value < 0)
		return -1;
	*number = value;
	return 0;
}

static int take_pair(struct request_options *options, struct map *map, const char *text)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text || map->count == PAIRS)
		return -1;
	char *name = arena_copy(options->request.arena, text, (size_t)(equals - text));
	if (!name)
		return -1;
	struct pair *pairs = map == &options->request.environment ? options->environment :
		options->metadata;
	pairs[map->count++] = (struct pair){name, equals + 1};
	return 0;
}

static int take_deadline(const char *text, int64_t *deadline_ms)
{
	int64_t ahead_ms;
	if (text[0] != '+')
		return time_parse(text, time_now_ms(), deadline_ms);
	if (config_parse_duration(text + 1, &ahead_ms) != 0)
		return -1;
	*deadline_ms = time_now_ms() + ahead_ms;
	return 0;
}

static int take(struct request_options *options, int option, const char *text)
{
	struct request *request = &options->request;
	switch ((enum request_option)option) {
	case REQUEST_OPTION_TYPE: request->script_type = text; return 0;
	case REQUEST_OPTION_RISK: return risk_parse(text, &request->risk);
	case REQUEST_OPTION_TIMEOUT: return config_parse_duration(text, &request->timeout_ms);
	case REQUEST_OPTION_CPU: return config_parse_duration(text, &request->limits.cpu_ms);
	case REQUEST_OPTION_MEMORY: return config_parse_size(text, &request->limits.memory_bytes);
	case REQUEST_OPTION_DISK: return config_parse_size(text, &request->limits.disk_bytes);
	case REQUEST_OPTION_PROCESSES: return take_number(text, &request->limits.processes);
	case REQUEST_OPTION_OUTPUT_LIMIT:
		return config_parse_size(text, &request->limits.output_bytes);
	case REQUEST_OPTION_INPUT: options->input = text; return 0;
	case REQUEST_OPTION_CONTEXT: options->context = text; return 0;
	case REQUEST_OPTION_ENV: return take_pair(options, &request->environment, text);
	case REQUEST_OPTION_CODE: options->code = text; return 0;
	case REQUEST_OPTION_SCRIPT: options->script = text; return 0;
	case REQUEST_OPTION_RETRIES: return take_number(text, &request->retries);
	case REQUEST_OPTION_RETRY_DELAY:
		return config_parse_duration(text, &request->retry_delay_ms);
	case REQUEST_OPTION_DIRECTORY: request->working_directory = text; return 0;
	case REQUEST_OPTION_DEADLINE: return take_deadline(text, &request->deadline_ms);
	case REQUEST_OPTION_METADATA: return take_pair(options, &request->metadata, text);
	case REQUEST_OPTION_WORKFLOW: request->workflow_id = text; return 0;
	case REQUEST_OPTION_TENANT: request->tenant = text; return 0;
	case REQUEST_OPTION_JSON: options->json = true; return 0;
	}
	return -1;
}

static const struct { const char *argument, *meaning; } helps[] = {
	[REQUEST_OPTION_TYPE - REQUEST_OPTION_FIRST] = {"TYPE",
		"shell, python, javascript, ... (default: by the file's extension)"},
	[REQUEST_OPTION_RISK - REQUEST_OPTION_FIRST] = {"RISK",
		"none, low, medium or high (default)"},
	[REQUEST_OPTION_TIMEOUT - REQUEST_OPTION_FIRST] = {"TIME", "wall clock: 5s, 500ms, 2m"},
	[REQUEST_OPTION_CPU - REQUEST_OPTION_FIRST] = {"TIME", "CPU time of the whole job"},
	[REQUEST_OPTION_MEMORY - REQUEST_OPTION_FIRST] = {"SIZE", "memory: 128M, 1G"},
	[REQUEST_OPTION_DISK - REQUEST_OPTION_FIRST] = {"SIZE", "files it may write"},
	[REQUEST_OPTION_PROCESSES - REQUEST_OPTION_FIRST] = {"N", "processes and threads"},
	[REQUEST_OPTION_OUTPUT_LIMIT - REQUEST_OPTION_FIRST] = {"SIZE",
		"of stdout, stderr and the value, each"},
	[REQUEST_OPTION_INPUT - REQUEST_OPTION_FIRST] = {"JSON", "the input, or @FILE"},
	[REQUEST_OPTION_CONTEXT - REQUEST_OPTION_FIRST] = {"JSON", "the context, or @FILE"},
	[REQUEST_OPTION_ENV - REQUEST_OPTION_FIRST] = {"NAME=VALUE",
		"a variable of its environment (repeatable)"},
	[REQUEST_OPTION_CODE - REQUEST_OPTION_FIRST] = {"TEXT", "the code itself"},
	[REQUEST_OPTION_SCRIPT - REQUEST_OPTION_FIRST] = {"NAME",
		"a script of the worker's script directory"},
	[REQUEST_OPTION_RETRIES - REQUEST_OPTION_FIRST] = {"N",
		"further attempts after a failed one"},
	[REQUEST_OPTION_RETRY_DELAY - REQUEST_OPTION_FIRST] = {"TIME",
		"before each further attempt (default 1s)"},
	[REQUEST_OPTION_DIRECTORY - REQUEST_OPTION_FIRST] = {"PATH",
		"working directory inside the job's own"},
	[REQUEST_OPTION_DEADLINE - REQUEST_OPTION_FIRST] = {"TIME",
		"not started after this: +10s, 2025-01-31T12:00"},
	[REQUEST_OPTION_METADATA - REQUEST_OPTION_FIRST] = {"NAME=VALUE",
		"comes back with the result (repeatable)"},
	[REQUEST_OPTION_WORKFLOW - REQUEST_OPTION_FIRST] = {"ID", "workflow id, comes back"},
	[REQUEST_OPTION_TENANT - REQUEST_OPTION_FIRST] = {"NAME", "tenant, comes back"},
	[REQUEST_OPTION_JSON - REQUEST_OPTION_FIRST] = {NULL, "the result as one line of JSON"},
};

static const struct option names[] = {REQUEST_OPTIONS};

int request_options_take(struct request_options *options, int option, const char *argument,
	struct err *err)
{
	if (take(options, option, argument) == 0)
		return 0;
	int index = option - REQUEST_OPTION_FIRST;
	return err_set(err, ERR_INVALID, "--%s: '%s' is not what it takes: %s", names[index].name,
		argument ? argument : "", helps[index].meaning);
}

void request_options_help(FILE *out)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char left[48];
		snprintf(left, sizeof left, "--%s %s", names[i].name,
			helps[i].argument ? helps[i].argument : "");
		fprintf(out, "  %-24s %s\n", left, helps[i].meaning);
	}
}

static int read_all(int fd, const char *name, char **text, size_t *size, struct err *err)
{
	size_t used = 0, room = 0;
	char *data = NULL;
	for (;;) {
		if (used + 1 >= room) {
			char *bigger = realloc(data, room = room ? room * 2 : 65536);
			if (!bigger) {
				free(data);
				return err_set(err, ERR_MEMORY, "no memory to read %s", name);
			}
			data = bigger;
		}
		ssize_t got = read(fd, data + used, room - used - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || used + (size_t)got > FILE_BYTES) {
			data[used] = '\0';
			*text = data;
			*size = used;
			if (got == 0)
				return 0;
			free(data);
			return got < 0 ? err_system(err, "read %s", name) :
				err_set(err, ERR_INVALID, "%s is larger than 64 MiB", name);
		}
		used += (size_t)got;
	}
}

/* The whole of a file ("-": standard input) into the arena. A file that can't be had was named wrongly:
 * ERR_INVALID, too. */
static const char *load(struct arena *arena, const char *path, size_t *size, struct err *err)
{
	bool standard = strcmp(path, "-") == 0;
	char *text = NULL;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_system(err, "open %s", path);
		err->code = ERR_INVALID;
		return NULL;
	}
	int failed = read_all(fd, path, &text, size, err);
	if (!standard)
		close(fd);
	if (failed) {
		if (err->code == ERR_SYSTEM)
			err->code = ERR_INVALID;
		return NULL;
	}
	const char *copy = arena_copy(arena, text, *size);
	free(text);
	if (!copy)
		err_set(err, ERR_MEMORY, "no memory to read %s", path);
	return copy;
}

/* JSON text, or @FILE with it: taken and refused as it is inside a request. */
static int load_json(struct arena *arena, const char *option, const char *text, const char **json,
	struct err *err)
{
	size_t size = text ? strlen(text) : 0;
	struct json_fault fault;
	*json = text;
	if (!text)
		return 0;
	if (text[0] == '@' && !(*json = load(arena, text + 1, &size, err)))
		return -1;
	if (json_scan_value(*json, size, &fault) != 0)
		return err_set(err, ERR_INVALID, "--%s: not JSON: %s (byte %zu); a string needs its "
			"quotes", option, fault.what, fault.offset);
	return 0;
}

/* The runtime whose scripts have the file's extension. */
static const char *type_of(const struct config *config, const char *file)
{
	const char *dot = file ? strrchr(file, '.') : NULL;
	for (size_t i = 0; dot && i < config->runtime_count; i++)
		if (config->runtimes[i].extension && !strcmp(dot, config->runtimes[i].extension))
			return config->runtimes[i].name;
	return NULL;
}

static int code_set(struct request_options *options, const char *file, struct err *err)
{
	struct request *request = &options->request;
	int given = (file != NULL) + (options->code != NULL) + (options->script != NULL);
	if (given != 1)
		return err_set(err, ERR_INVALID, given ? "give one of FILE, --code and --script" :
			"no code: give FILE, --code TEXT, --script NAME, or - for standard input");
	request->script_name = options->script;
	request->is_inline = !options->script;
	if (options->script)
		return 0;
	request->code_size = options->code ? strlen(options->code) : 0;
	request->code = options->code ? options->code : load(request->arena, file,
		&request->code_size, err);
	if (!request->code)
		return -1;
	if (strlen(request->code) != request->code_size)
		return err_set(err, ERR_INVALID, "%s is no text: it has a NUL byte", file);
	return 0;
}

int request_options_finish(struct request_options *options, const struct config *config,
	const char *file, struct request **request, struct err *err)
{
	struct request *made = &options->request;
	const char *named = file ? file : options->script;
	if (code_set(options, file, err) != 0 ||
		load_json(made->arena, "input", options->input, &made->input, err) != 0 ||
		load_json(made->arena, "context", options->context, &made->context, err) != 0)
		return -1;
	if (!made->script_type)
		made->script_type = type_of(config, named);
	if (!made->script_type)
		return err_set(err, ERR_INVALID, "no type: give --type (shell, python, javascript, "
			"or one of the configuration)");
	*request = made;
	return 0;
}
