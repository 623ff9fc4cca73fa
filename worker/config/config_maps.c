/* config_maps.c: runtimes.<name>.* and rules.<name>.*.
 *
 * A name may hold dots, so the field is what stands behind the last one. The built-in runtimes are
 * entries like any other: a field that is set changes them, an empty argv takes one away.
 */
#include "config_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nearest.h"

#define NAME_BYTES 64
#define RUNTIMES 64			/* as many as the sandbox takes */
#define RULES 512
#define ARGUMENTS 64

static const char runtime_fields[] = "argv|extension|kind";
static const char rule_kinds[] = "path|extension|length|command|call|pattern";
static const char rule_fields[] = "kind|risk|script_type|pattern|message|enabled";

static const struct {
	const char *name, *value;
} standard[] = {
	{"runtimes.shell.argv", "/bin/sh, {file}"},
	{"runtimes.shell.extension", ".sh"},
	{"runtimes.python.argv", "/usr/bin/python3"},
	{"runtimes.python.extension", ".py"},
	{"runtimes.python.kind", "python"},
	{"runtimes.javascript.argv", "node"},
	{"runtimes.javascript.extension", ".js"},
	{"runtimes.javascript.kind", "node"},
};

bool config_is_map(const char *name)
{
	return strncmp(name, "runtimes.", 9) == 0 || strncmp(name, "rules.", 6) == 0;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the configuration");
}

/* Cuts "rules.NAME.FIELD" into name, and field within assignment's name. */
static int cut(const char *text, const char *fields, char name[NAME_BYTES + 1],
	const char **field, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._+#/ -";
	const char *start = strchr(text, '.') + 1, *dot = strrchr(start, '.');
	if (!dot || dot == start)
		return err_set(err, ERR_INVALID, "takes the fields %s under a name of its own",
			fields);
	size_t length = (size_t)(dot - start);
	if (length > NAME_BYTES || strspn(start, allowed) < length)
		return err_set(err, ERR_INVALID, "has a name that is longer than %d or holds more "
			"than letters, digits, blanks and ._+#/-", NAME_BYTES);
	memcpy(name, start, length);
	name[length] = '\0';
	*field = dot + 1;
	return 0;
}

/* Room for one more entry of size bytes; NULL: no memory. */
static void *grown(struct arena *arena, void *entries, size_t count, size_t size)
{
	if (count % 8 != 0)
		return entries;
	void *more = arena_alloc(arena, (count + 8) * size);
	if (more && count)
		memcpy(more, entries, count * size);
	return more;
}

static struct config_runtime *runtime_at(struct config *config, const char *name, struct err *err)
{
	for (size_t i = 0; i < config->runtime_count; i++)
		if (strcmp(config->runtimes[i].name, name) == 0)
			return &config->runtimes[i];
	if (config->runtime_count == RUNTIMES) {
		err_set(err, ERR_INVALID, "is one runtime too many (at most %d)", RUNTIMES);
		return NULL;
	}
	struct config_runtime *runtimes = grown(config->arena, config->runtimes,
		config->runtime_count, sizeof *runtimes);
	char *copy = arena_string(config->arena, name);
	if (!runtimes || !copy) {
		no_memory(err);
		return NULL;
	}
	config->runtimes = runtimes;
	runtimes[config->runtime_count].name = copy;
	return &runtimes[config->runtime_count++];
}

static struct config_rule *rule_at(struct config *config, const char *name, struct err *err)
{
	for (size_t i = 0; i < config->rule_count; i++)
		if (strcmp(config->rules[i].name, name) == 0)
			return &config->rules[i];
	if (config->rule_count == RULES) {
		err_set(err, ERR_INVALID, "is one rule too many (at most %d)", RULES);
		return NULL;
	}
	struct config_rule *rules = grown(config->arena, config->rules, config->rule_count,
		sizeof *rules);
	char *copy = arena_string(config->arena, name);
	if (!rules || !copy) {
		no_memory(err);
		return NULL;
	}
	config->rules = rules;
	rules[config->rule_count] = (struct config_rule){.name = copy, .enabled = true};
	return &rules[config->rule_count++];
}

static int set_extension(struct config *config, struct config_runtime *runtime,
	const struct option_value *value, struct err *err)
{
	char *text;
	if (option_parse_text(value, config->arena, &text, err) != 0)
		return -1;
	size_t length = text ? strlen(text) : 0;
	bool right = !text || (text[0] == '.' && length >= 2 && length <= 16);
	for (size_t i = 1; right && i < length; i++)
		right = isalnum((unsigned char)text[i]) || strchr("+_-", text[i]);
	if (!right)
		return err_set(err, ERR_INVALID, "takes an extension such as .rb, not '%.40s'",
			text);
	runtime->extension = text;
	return 0;
}

static int set_choice(struct config *config, char **member, const char *choices,
	const struct option_value *value, struct err *err)
{
	char *text;
	if (option_parse_text(value, config->arena, &text, err) != 0 ||
		(text && option_parse_choice(text, choices, err) != 0))
		return -1;
	*member = text;
	return 0;
}

static int assign_runtime(struct config *config, const struct assignment *assignment,
	struct err *err)
{
	char name[NAME_BYTES + 1];
	const char *field;
	if (cut(assignment->name, runtime_fields, name, &field, err) != 0 ||
		option_parse_choice(field, runtime_fields, err) != 0)
		return -1;
	struct config_runtime *runtime = runtime_at(config, name, err);
	if (!runtime)
		return -1;
	runtime->origin = assignment->origin;
	if (strcmp(field, "argv") == 0)
		return option_parse_list(&assignment->value, config->arena, &runtime->argv, err);
	if (strcmp(field, "extension") == 0)
		return set_extension(config, runtime, &assignment->value, err);
	return set_choice(config, &runtime->kind, "exec|python|node", &assignment->value, err);
}

static int set_enabled(struct config *config, struct config_rule *rule,
	const struct option_value *value, struct err *err)
{
	char *text;
	if (option_parse_text(value, config->arena, &text, err) != 0)
		return -1;
	return option_parse_boolean(text ? text : "", &rule->enabled, err);
}

static int assign_rule(struct config *config, const struct assignment *assignment,
	struct err *err)
{
	char name[NAME_BYTES + 1];
	const char *field;
	if (cut(assignment->name, rule_fields, name, &field, err) != 0 ||
		option_parse_choice(field, rule_fields, err) != 0)
		return -1;
	struct config_rule *rule = rule_at(config, name, err);
	if (!rule)
		return -1;
	rule->origin = assignment->origin;
	if (strcmp(field, "enabled") == 0)
		return set_enabled(config, rule, &assignment->value, err);
	if (strcmp(field, "risk") == 0)
		return set_choice(config, &rule->risk, "low|medium|high", &assignment->value, err);
	if (strcmp(field, "kind") == 0)
		return set_choice(config, &rule->kind, rule_kinds, &assignment->value, err);
	if (strcmp(field, "pattern") == 0)
		rule->pattern_origin = assignment->origin;
	char **member = strcmp(field, "script_type") == 0 ? &rule->script_type :
		strcmp(field, "pattern") == 0 ? &rule->pattern : &rule->message;
	return option_parse_text(&assignment->value, config->arena, member, err);
}

int config_map_assign(struct config *config, const struct assignment *assignment,
	struct err *err)
{
	return strncmp(assignment->name, "rules.", 6) == 0 ?
		assign_rule(config, assignment, err) : assign_runtime(config, assignment, err);
}

int config_map_defaults(struct config *config, struct err *err)
{
	for (size_t i = 0; i < sizeof standard / sizeof *standard; i++) {
		const struct assignment assignment = {standard[i].name,
			{&standard[i].value, 1, false}, "default"};
		if (config_map_assign(config, &assignment, err) != 0)
			return -1;
	}
	return 0;
}

/* A program's name becomes a path: the first there is, or else the first where it could be. The
 * environment's PATH is no part of it: jobs get none of it either. */
static char *find_program(struct arena *arena, const char *name)
{
	static const char *const directories[] = {"/usr/bin", "/usr/local/bin", "/bin"};
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		char path[300];
		if (snprintf(path, sizeof path, "%s/%s", directories[i], name) < (int)sizeof path &&
			access(path, X_OK) == 0)
			return arena_string(arena, path);
	}
	return arena_format(arena, "%s/%s", directories[0], name);
}

static int refuse_runtime(const struct config_runtime *runtime, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s: runtimes.%s.argv %s", runtime->origin, runtime->name,
		why);
}

static int finish_runtime(struct config *config, struct config_runtime *runtime, struct err *err)
{
	bool file = false;
	if (runtime->argv.count > ARGUMENTS)
		return refuse_runtime(runtime, "has too many items", err);
	if (!runtime->kind)
		runtime->kind = arena_string(config->arena, "exec");
	for (size_t i = 1; i < runtime->argv.count; i++)
		file = file || strstr(runtime->argv.items[i], "{file}");
	if (runtime->kind && strcmp(runtime->kind, "exec") == 0 && !file)
		return refuse_runtime(runtime, "needs an item {file}: the script's path", err);
	char *program = runtime->argv.items[0];
	if (!strchr(program, '/'))
		program = find_program(config->arena, program);
	if (!program || !runtime->kind)
		return no_memory(err);
	if (program[0] != '/')
		return refuse_runtime(runtime, "begins with a relative path", err);
	runtime->argv.items[0] = program;
	return 0;
}

int config_map_finish(struct config *config, struct err *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < config->runtime_count; i++) {
		struct config_runtime runtime = config->runtimes[i];
		if (runtime.argv.count == 0)
			continue;
		if (finish_runtime(config, &runtime, err) != 0)
			return -1;
		config->runtimes[kept++] = runtime;
	}
	config->runtime_count = kept;
	return 0;
}
