/* validator.c: the rules in force: those built in, changed and joined by the configuration's. How they
 * are asked is validator_ask.c. */
#include "validator_rules.h"

#include <stdlib.h>
#include <string.h>

/* A pattern that needs more is taken as not met: advice must not stall. */
#define MATCH_LIMIT 1000000
#define HEAP_LIMIT_KIB 16384
#define ARENA_BYTES (4u << 20)

static int no_memory(struct err *err)
{
	return err_set(err, ERR_MEMORY, "no memory for rules");
}

static int kind_parse(const char *name, enum rule_kind *kind)
{
	static const char *const names[] = {"path", "extension", "length", "command", "call",
		"pattern"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0) {
			*kind = (enum rule_kind)i;
			return 0;
		}
	return -1;
}

static int compile_pattern(struct validator_rule *rule, struct err *err)
{
	int code;
	PCRE2_SIZE offset;
	PCRE2_UCHAR text[120];
	rule->pattern = pcre2_compile((PCRE2_SPTR)rule->rule.pattern, PCRE2_ZERO_TERMINATED,
		PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);
	if (rule->pattern)
		return 0;
	pcre2_get_error_message(code, text, sizeof text);
	return err_set(err, ERR_INVALID, "rules.%s.pattern: %s at character %zu", rule->rule.name,
		(const char *)text, (size_t)offset);
}

static struct validator_rule *rule_named(struct validator *validator, const char *name)
{
	for (size_t i = 0; i < validator->count; i++)
		if (strcmp(validator->rules[i].rule.name, name) == 0)
			return &validator->rules[i];
	return NULL;
}

static void rule_drop(struct validator *validator, struct validator_rule *rule)
{
	size_t behind = validator->count - (size_t)(rule - validator->rules) - 1;
	memmove(rule, rule + 1, behind * sizeof *rule);
	validator->count--;
}

static int take_text(struct validator *validator, const char **to, const char *from, struct err *err)
{
	if (!from)
		return 0;
	*to = arena_string(validator->arena, from);
	return *to ? 0 : no_memory(err);
}

static int rule_fill(struct validator *validator, struct rule *rule, const struct config_rule *from,
	struct err *err)
{
	if (from->kind && kind_parse(from->kind, &rule->kind) < 0)
		return err_set(err, ERR_INVALID, "rules.%s.kind: %s is none of path, extension, length, "
			"command, call, pattern", from->name, from->kind);
	if (from->risk && risk_parse(from->risk, &rule->from) < 0)
		return err_set(err, ERR_INVALID, "rules.%s.risk: %s is no risk level", from->name,
			from->risk);
	if (rule->to < rule->from)
		rule->to = rule->from;
	if (take_text(validator, &rule->script_type, from->script_type, err) < 0 ||
			take_text(validator, &rule->pattern, from->pattern, err) < 0)
		return -1;
	return take_text(validator, &rule->message, from->message, err);
}

static int rule_check(struct validator_rule *rule, struct err *err)
{
	const char *name = rule->rule.name, *pattern = rule->rule.pattern;
	if (rule->rule.kind == RULE_PATH)
		return 0;
	if (!pattern || !*pattern)
		return err_set(err, ERR_INVALID, "rules.%s needs a pattern", name);
	if (rule->rule.kind == RULE_LENGTH && pattern[strspn(pattern, "0123456789")])
		return err_set(err, ERR_INVALID, "rules.%s.pattern: %s is no number of characters",
			name, pattern);
	return rule->rule.kind == RULE_PATTERN ? compile_pattern(rule, err) : 0;
}

static int rule_configure(struct validator *validator, const struct config_rule *from,
	struct err *err)
{
	struct validator_rule *rule = rule_named(validator, from->name);
	if (!from->enabled) {
		if (rule)
			rule_drop(validator, rule);
		return 0;
	}
	if (!rule) {
		rule = &validator->rules[validator->count];
		*rule = (struct validator_rule){.rule = {.kind = RULE_PATTERN, .from = RISK_LOW,
			.to = RISK_MEDIUM}};
		if (take_text(validator, &rule->rule.name, from->name, err) < 0)
			return -1;
		validator->count++;
	}
	return rule_fill(validator, &rule->rule, from, err) < 0 ? -1 : rule_check(rule, err);
}

/* The same, with the place in the configuration. */
static int rule_take(struct validator *validator, const struct config_rule *from, struct err *err)
{
	const char *origin = from->pattern_origin ? from->pattern_origin : from->origin;
	struct err why = {0};
	if (rule_configure(validator, from, &why) == 0)
		return 0;
	return err_set(err, why.code, "%s%s%s", origin ? origin : "", origin ? ": " : "", why.text);
}

static bool is_shell(const char *program)
{
	static const char *const names[] = {"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh",
		"busybox"};
	const char *slash = strrchr(program, '/');
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(slash ? slash + 1 : program, names[i]) == 0)
			return true;
	return false;
}

static enum reading_as runtime_reads(const struct config_runtime *runtime)
{
	if (runtime->kind && strcmp(runtime->kind, "python") == 0)
		return READ_PYTHON;
	if (runtime->kind && strcmp(runtime->kind, "node") == 0)
		return READ_JAVASCRIPT;
	return runtime->argv.count > 0 && is_shell(runtime->argv.items[0]) ? READ_SHELL : READ_NOT;
}

static int types_fill(struct validator *validator, const struct config *config, struct err *err)
{
	size_t count = config->runtime_count;
	validator->types = arena_alloc(validator->arena, (count + 1) * sizeof *validator->types);
	if (!validator->types)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		struct validator_type *type = &validator->types[validator->type_count++];
		type->as = runtime_reads(&config->runtimes[i]);
		if (take_text(validator, &type->name, config->runtimes[i].name, err) < 0)
			return -1;
	}
	return 0;
}

static int fill(struct validator *validator, const struct config *config, struct err *err)
{
	size_t more = config ? config->rule_count : 0;
	validator->arena = arena_new(ARENA_BYTES);
	validator->limits = pcre2_match_context_create(NULL);
	validator->rules = calloc(rules_builtin_count + more, sizeof *validator->rules);
	if (!validator->arena || !validator->limits || !validator->rules)
		return no_memory(err);
	pcre2_set_match_limit(validator->limits, MATCH_LIMIT);
	pcre2_set_heap_limit(validator->limits, HEAP_LIMIT_KIB);
	for (size_t i = 0; i < rules_builtin_count; i++)
		validator->rules[validator->count++].rule = rules_builtin[i];
	for (size_t i = 0; i < more; i++)
		if (rule_take(validator, &config->rules[i], err) < 0)
			return -1;
	return config ? types_fill(validator, config, err) : 0;
}

int validator_new(const struct config *config, struct validator **made, struct err *err)
{
	struct validator *validator = calloc(1, sizeof *validator);
	if (!validator)
		return no_memory(err);
	if (fill(validator, config, err) < 0) {
		validator_free(validator);
		return -1;
	}
	*made = validator;
	return 0;
}

void validator_free(struct validator *validator)
{
	if (!validator)
		return;
	for (size_t i = 0; i < validator->count; i++)
		pcre2_code_free(validator->rules[i].pattern);
	pcre2_match_context_free(validator->limits);
	free(validator->rules);
	arena_free(validator->arena);
	free(validator);
}

int validator_add(struct validator *validator, const char *name, enum risk from_risk,
	validator_function *function, struct err *err)
{
	if (validator->added_count == VALIDATOR_FUNCTIONS)
		return err_set(err, ERR_INVALID, "more than %d rule functions", VALIDATOR_FUNCTIONS);
	validator->added[validator->added_count++] =
		(struct validator_added){name, from_risk, function};
	return 0;
}
