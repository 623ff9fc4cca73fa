/* driver.c: the sandbox library from a test's side, in JSON.
 *
 *	driver attack [NAME...]		runs the attacks (all of them) at every level
 *	driver serve			one job a line on stdin, one result a line on stdout
 *
 * Options, before the mode's own: --no-cgroup, --cold, --zygote-jobs N, --preload MODULES, --floor LEVEL,
 * --level LEVEL (attack: this one alone), --times N (attack: each), --slots N, --run-directory PATH,
 * --read-only PATH, --limit NAME=NUMBER. The first two lines out tell the launcher's pid and its self-test.
 * A job: {"tag", "type", "level", "code", "input", "context", "name", "directory", "environment": ["A=b"],
 * "limits": {"wall_ms": 1000, ...}, "compile_bytes": 1000, "compiled"}, or {"kill": tag}, or {"lease": milliseconds
 * from now on}. Compiled code is in hexadecimal digits, there and in results.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../sandbox/attacks/attacks.h"

static const char *const shell_argv[] = {"/bin/sh", "{file}", NULL};
static const char *const python_argv[] = {"/usr/bin/python3", NULL};
static const char *const node_argv[] = {"/usr/bin/node", NULL};
static const struct sandbox_runtime runtimes[] = {
	{"shell", SANDBOX_RUNTIME_EXEC, shell_argv, ".sh", NULL},
	{"python", SANDBOX_RUNTIME_PYTHON, python_argv, ".py", NULL},
	{"javascript", SANDBOX_RUNTIME_NODE, node_argv, ".js", NULL}};
#define PYTHON 1
#define RUNTIMES (sizeof runtimes / sizeof *runtimes)

static const char *const limit_names[] = {"wall_ms", "cpu_ms", "memory_bytes", "disk_bytes",
	"processes", "output_bytes", "open_files"};
#define LIMITS (sizeof limit_names / sizeof *limit_names)

struct options {
	struct sandbox_config config;
	int only_level;			/* -1: all */
	int times;
	const char *read_only[2];
	struct sandbox_runtime runtimes[RUNTIMES];
};

static int fail(const char *what)
{
	fprintf(stderr, "driver: %s\n", what);
	return 1;
}

static int level_parse(const char *name)
{
	for (int level = 0; level < SANDBOX_LEVELS; level++)
		if (name && strcmp(sandbox_level_name((enum sandbox_level)level), name) == 0)
			return level;
	return -1;
}

static bool limit_set(struct sandbox_limits *limits, const char *name, size_t length, uint64_t value)
{
	for (size_t i = 0; i < LIMITS; i++)
		if (strlen(limit_names[i]) == length && memcmp(limit_names[i], name, length) == 0) {
			((uint64_t *)limits)[i] = value;
			return true;
		}
	return false;
}

static bool option_take(struct options *options, int letter, const char *argument)
{
	const char *equals = argument ? strchr(argument, '=') : NULL;
	int level = level_parse(argument);
	switch (letter) {
	case 'c':
		options->config.no_cgroup = true;
		return true;
	case 'f':
		options->config.floor = (enum sandbox_level)level;
		return level >= 0;
	case 'l':
		options->only_level = level;
		return level >= 0;
	case 't':
		options->times = atoi(argument);
		return true;
	case 's':
		options->config.slots = atoi(argument);
		return true;
	case 'w':
		options->config.no_warm = true;
		return true;
	case 'p':
		options->runtimes[PYTHON].preload = argument;
		return true;
	case 'z':
		options->config.zygote_jobs = (unsigned)atoi(argument);
		return true;
	case 'd':
		options->config.run_directory = argument;
		return true;
	case 'r':
		options->read_only[0] = argument;
		options->config.read_only_paths = options->read_only;
		return true;
	case 'm':
		return equals && limit_set(&options->config.limits, argument,
			(size_t)(equals - argument), strtoull(equals + 1, NULL, 10));
	default:
		return false;
	}
}

static bool options_parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {{"no-cgroup", no_argument, NULL, 'c'},
		{"floor", required_argument, NULL, 'f'}, {"level", required_argument, NULL, 'l'},
		{"slots", required_argument, NULL, 's'}, {"run-directory", required_argument, NULL, 'd'}, {"cold", no_argument, NULL, 'w'},
		{"zygote-jobs", required_argument, NULL, 'z'}, {"times", required_argument, NULL, 't'},
		{"preload", required_argument, NULL, 'p'},
		{"read-only", required_argument, NULL, 'r'}, {"limit", required_argument, NULL, 'm'},
		{0}};
	int letter;
	*options = (struct options){.only_level = -1, .times = 1, .config = {.slots = 1,
		.floor = SANDBOX_NONE, .runtime_count = RUNTIMES, .pool = -1}};
	memcpy(options->runtimes, runtimes, sizeof runtimes);
	options->config.runtimes = options->runtimes;
	while ((letter = getopt_long(argc, argv, "+", known, NULL)) != -1)
		if (!option_take(options, letter, optarg))
			return false;
	return optind < argc;
}

static void line_print(json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	puts(text ? text : "{}");
	fflush(stdout);
	free(text);
	json_decref(line);
}

static json_t *mechanisms_json(uint32_t mechanisms)
{
	json_t *names = json_array();
	for (int i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		if (mechanisms >> i & 1)
			json_array_append_new(names,
				json_string(sandbox_mechanism_name((enum sandbox_mechanism)i)));
	return names;
}

/* The launcher is our only child. */
static long launcher_pid(void)
{
	char path[64];
	long pid = 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *children = fopen(path, "re");
	if (children && fscanf(children, "%ld", &pid) != 1)
		pid = 0;
	if (children)
		fclose(children);
	return pid;
}

/* By runtime: true, or why it is not warm; and pages: how many are ready in a fork that waits. */
static void warmth_print(const struct sandbox_self_test *test)
{
	json_t *line = json_object(), *pages = json_object();
	for (size_t i = 0; i < RUNTIMES; i++) {
		json_object_set_new(line, runtimes[i].name, test->runtime_warm[i] ? json_true() :
			json_string(test->runtime_reason[i]));
		json_object_set_new(pages, runtimes[i].name, json_integer(test->runtime_pages[i]));
	}
	json_object_set_new(line, "pages", pages);
	line_print(line);
}

static void self_test_print(const struct sandbox_self_test *test, bool serving)
{
	json_t *line = json_object();
	line_print(json_pack("{s:I}", "launcher", (json_int_t)launcher_pid()));
	for (int level = 0; level < SANDBOX_LEVELS; level++)
		json_object_set_new(line, sandbox_level_name((enum sandbox_level)level),
			json_pack("{s:b, s:s, s:o}", "available", test->available[level], "reason",
				test->reason[level], "mechanisms",
				mechanisms_json(test->mechanisms[level])));
	line_print(line);
	if (serving)
		warmth_print(test);
}

/* ---- attack */

static int attack_print(struct attack_ground *ground, const struct attack *attack,
	enum sandbox_level level)
{
	struct attack_report report;
	struct err err = {0};
	if (attack_try(ground, attack, level, &report, &err) < 0)
		return fail(err.text);
	line_print(json_pack("{s:s, s:s, s:s, s:s, s:s+}", "name", attack->name, "mechanism",
		attack->mechanism, "level", sandbox_level_name(level), "outcome",
		attack_outcome_name(report.outcome), "detail", report.detail, ""));
	return 0;
}

static bool wanted(const struct attack *attack, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, attack->name) == 0)
			return true;
	return false;
}

static int mode_attack(const struct options *options, char **names)
{
	struct attack_ground *ground;
	struct err err = {0};
	int result = 0;
	if (attack_ground_open(&options->config, &ground, &err) < 0)
		return fail(err.text);
	self_test_print(attack_ground_self_test(ground), false);
	for (int level = options->config.floor; level < SANDBOX_LEVELS && result == 0; level++)
		for (size_t i = 0; i < attack_count && result == 0; i++)
			if (wanted(&attack_table[i], names) && level >= (int)attack_table[i].level &&
					(options->only_level < 0 || options->only_level == level))
				for (int t = 0; t < options->times && result == 0; t++)
					result = attack_print(ground, &attack_table[i],
						(enum sandbox_level)level);
	attack_ground_close(ground);
	return result;
}

/* ---- serve */

static json_t *buffer_json(const struct sandbox_buffer *buffer)
{
	json_t *text = json_array();	/* bytes need not be UTF-8 */
	if (!buffer->data)
		return json_decref(text), json_null();
	json_decref(text);
	text = json_stringn(buffer->data, buffer->size);
	return text ? text : json_pack("{s:I}", "not_utf8", (json_int_t)buffer->size);
}

static json_t *limits_json(const struct sandbox_limits *limits)
{
	json_t *object = json_object();
	for (size_t i = 0; i < LIMITS; i++)
		json_object_set_new(object, limit_names[i],
			json_integer((json_int_t)((const uint64_t *)limits)[i]));
	return object;
}

static json_t *hex_json(const struct sandbox_buffer *buffer)
{
	char *text = calloc(2, buffer->size + 1);
	for (size_t i = 0; text && i < buffer->size; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)buffer->data[i]);
	json_t *made = buffer->data && text ? json_string(text) : json_null();
	free(text);
	return made;
}

static void result_print(struct sandbox_result *result)
{
	static const char *const verdicts[] = {"exited", "signaled", "timeout", "limit", "violation",
		"output_invalid", "killed", "killed_outside", "failed"};
	json_t *line = json_pack("{s:I, s:s, s:i, s:s, s:s, s:I, s:I, s:b, s:s, s:s}", "tag",
		(json_int_t)result->tag, "verdict", verdicts[result->verdict], "exit_code",
		result->exit_code, "signal", result->signal ? sandbox_signal_name(result->signal) : "",
		"limit", sandbox_limit_name(result->limit), "limit_value",
		(json_int_t)result->limit_value, "limit_peak", (json_int_t)result->limit_peak,
		"sampled", result->sampled, "syscall", result->syscall, "reason", result->reason);
	json_object_set_new(line, "out", buffer_json(&result->out));
	json_object_set_new(line, "err", buffer_json(&result->err));
	json_object_set_new(line, "value", buffer_json(&result->value));
	json_object_set_new(line, "compiled", hex_json(&result->compiled));
	json_object_set_new(line, "out_truncated", json_boolean(result->out.truncated));
	json_object_set_new(line, "err_truncated", json_boolean(result->err.truncated));
	json_object_set_new(line, "wall_ms", json_integer((json_int_t)result->wall_ms));
	json_object_set_new(line, "cpu_ms", json_integer((json_int_t)result->cpu_ms));
	json_object_set_new(line, "memory_peak_bytes",
		json_integer((json_int_t)result->memory_peak_bytes));
	json_object_set_new(line, "processes_peak", json_integer((json_int_t)result->processes_peak));
	json_object_set_new(line, "id", json_string(result->sandbox_id));
	json_object_set_new(line, "level", json_string(sandbox_level_name(result->level)));
	json_object_set_new(line, "mechanisms", mechanisms_json(result->mechanisms));
	json_object_set_new(line, "warm", json_boolean(result->warm));
	json_object_set_new(line, "created_at_ms", json_integer(result->created_at_ms));
	json_object_set_new(line, "limits", limits_json(&result->limits));
	line_print(line);
	sandbox_result_free(result);
}

static int type_of(const char *name)
{
	for (size_t i = 0; i < RUNTIMES; i++)
		if (name && strcmp(runtimes[i].name, name) == 0)
			return (int)i;
	return -1;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* malloc'ed; NULL where there are none. */
static char *hex_bytes(const char *digits, size_t *size)
{
	*size = digits ? strlen(digits) / 2 : 0;
	char *bytes = digits ? malloc(*size + 1) : NULL;
	for (size_t i = 0; bytes && i < *size; i++)
		bytes[i] = (char)strtoul((const char[]){digits[2 * i], digits[2 * i + 1], '\0'}, NULL, 16);
	return bytes;
}

static int job_start(struct sandbox *sandbox, const json_t *line, struct err *err)
{
	const json_t *variables = json_object_get(line, "environment"), *value;
	const char *environment[256] = {NULL}, *key;
	struct sandbox_limits limits = {0};
	int type = type_of(text_of(line, "type")), level = level_parse(text_of(line, "level"));
	if (type < 0 || level < 0 || json_array_size(variables) > 255)
		return err_set(err, ERR_INVALID, "a job needs a type and a level");
	for (size_t i = 0; i < json_array_size(variables); i++)
		environment[i] = json_string_value(json_array_get(variables, i));
	json_object_foreach(json_object_get(line, "limits"), key, value)
		if (!limit_set(&limits, key, strlen(key), (uint64_t)json_integer_value(value)))
			return err_set(err, ERR_INVALID, "no such limit: %s", key);
	const json_t *code = json_object_get(line, "code");
	struct sandbox_job job = {.tag = (uint64_t)json_integer_value(json_object_get(line, "tag")),
		.runtime = (size_t)type, .level = (enum sandbox_level)level, .limits = limits,
		.script_name = text_of(line, "name"), .code = json_string_value(code),
		.code_size = json_string_length(code), .input = text_of(line, "input"),
		.context = text_of(line, "context"), .environment = environment,
		.working_directory = text_of(line, "directory"), .thread_id = "thread",
		.node_id = "node", .execution_id = "execution", .attempt = 2,
		.compile_bytes = (size_t)json_integer_value(json_object_get(line, "compile_bytes"))};
	char *compiled = hex_bytes(text_of(line, "compiled"), &job.compiled_size);
	job.compiled = compiled;
	int result = sandbox_start(sandbox, &job, err);
	free(compiled);
	return result;
}

static int64_t boot_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static void line_take(struct sandbox *sandbox, const char *text)
{
	struct err err = {0};
	json_t *line = json_loads(text, JSON_ALLOW_NUL, NULL);
	const json_t *kill = json_object_get(line, "kill"), *lease = json_object_get(line, "lease");
	if (kill)
		sandbox_kill(sandbox, (uint64_t)json_integer_value(kill));
	else if (lease)
		(void)sandbox_lease(sandbox, boot_ms() + json_integer_value(lease));
	else if (job_start(sandbox, line, &err) < 0)
		line_print(json_pack("{s:O?, s:s, s:i}", "tag", json_object_get(line, "tag"), "error",
			err.text, "code", err.code));
	json_decref(line);
}

/* Returns false at the end of stdin. */
static bool lines_read(struct sandbox *sandbox, char **buffer, size_t *size)
{
	char chunk[65536], *end;
	ssize_t got = read(0, chunk, sizeof chunk);
	if (got <= 0)
		return false;
	char *grown = realloc(*buffer, *size + (size_t)got + 1);
	if (!grown)
		return false;
	*buffer = grown;
	memcpy(grown + *size, chunk, (size_t)got);
	*size += (size_t)got;
	grown[*size] = '\0';
	while ((end = memchr(*buffer, '\n', *size))) {
		*end = '\0';
		line_take(sandbox, *buffer);
		*size -= (size_t)(end + 1 - *buffer);
		memmove(*buffer, end + 1, *size + 1);
	}
	return true;
}

static int serve(struct sandbox *sandbox)
{
	char *buffer = NULL;
	size_t size = 0;
	bool more = true;
	int result = 0;
	while (result == 0 && (more || sandbox_running(sandbox) > 0)) {
		struct pollfd wanted[2] = {{.fd = sandbox_fd(sandbox), .events = POLLIN},
			{.fd = more ? 0 : -1, .events = POLLIN}};
		struct sandbox_result done;
		struct err err = {0};
		if (poll(wanted, 2, -1) < 0 && errno != EINTR)
			result = fail("poll");
		if (more && (wanted[1].revents & (POLLIN | POLLHUP)))
			more = lines_read(sandbox, &buffer, &size);
		int got;
		while ((got = sandbox_poll(sandbox, 0, &done, &err)) == 1)
			result_print(&done);
		if (got < 0)
			result = fail(err.text);
	}
	free(buffer);
	return result;
}

static int mode_serve(const struct options *options)
{
	struct sandbox *sandbox;
	struct err err = {0};
	if (sandbox_open(&options->config, &sandbox, &err) < 0)
		return fail(err.text);
	self_test_print(sandbox_self_test(sandbox), true);
	int result = serve(sandbox);
	sandbox_close(sandbox);
	return result;
}

int main(int argc, char **argv)
{
	struct options options;
	if (!options_parse(argc, argv, &options))
		return fail("usage: driver [OPTIONS] attack [NAME...] | serve");
	if (strcmp(argv[optind], "attack") == 0)
		return mode_attack(&options, argv + optind + 1);
	if (strcmp(argv[optind], "serve") == 0)
		return mode_serve(&options);
	return fail("unknown mode");
}
