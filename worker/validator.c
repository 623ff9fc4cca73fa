/* validator.c: see validator.h. The code is read once per request into facts (words of commands, names,
 * strings), and each rule is asked about them; rules themselves are data (rules.h). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "validator.h"

#include <ctype.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "code_tokens.h"
#include "codec.h"
#include "rules.h"
#include "shell_words.h"

#define FUNCTIONS_MAX 64
#define MATCH_LIMIT 200000	/* a pattern that needs more is taken as not met: advice must not stall */
#define DEPTH_LIMIT 2000
#define SEQUENCE_WORDS 6

struct compiled {
	struct rule rule;
	pcre2_code *pattern;		/* of RULE_PATTERN */
};

struct added {
	const char *name;
	enum risk from;
	validator_function *function;
};

struct validator {
	struct compiled *rules;
	size_t count;
	struct added added[FUNCTIONS_MAX];
	size_t added_count;
	pcre2_match_context *limits;
};

/* ---- making one */

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

static int compile_pattern(struct compiled *compiled, struct err *err)
{
	int code;
	PCRE2_SIZE offset;
	PCRE2_UCHAR text[120];
	compiled->pattern = pcre2_compile((PCRE2_SPTR)compiled->rule.pattern,
		PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code,
		&offset, NULL);
	if (compiled->pattern)
		return 0;
	pcre2_get_error_message(code, text, sizeof text);
	return err_set(err, ERR_INVALID, "rules.%s.pattern: %s at character %zu",
		compiled->rule.name, (const char *)text, (size_t)offset);
}

static struct compiled *rule_named(struct validator *validator, const char *name)
{
	for (size_t i = 0; i < validator->count; i++)
		if (strcmp(validator->rules[i].rule.name, name) == 0)
			return &validator->rules[i];
	return NULL;
}

/* Strings of the configuration outlive the validator only if copied. */
static int rule_configure(struct validator *validator, const struct config_rule *from,
	struct err *err)
{
	struct compiled *compiled = rule_named(validator, from->name);
	if (!from->enabled) {
		if (compiled)
			*compiled = validator->rules[--validator->count];
		return 0;
	}
	if (!compiled) {
		compiled = &validator->rules[validator->count++];
		*compiled = (struct compiled){.rule = {.name = strdup(from->name),
			.kind = RULE_PATTERN, .from = RISK_LOW, .to = RISK_MEDIUM}};
	}
	if (from->kind && kind_parse(from->kind, &compiled->rule.kind) < 0)
		return err_set(err, ERR_INVALID, "rules.%s.kind: %s is none of path, extension, length, "
			"command, call, pattern", from->name, from->kind);
	if (from->risk && risk_parse(from->risk, &compiled->rule.from) < 0)
		return err_set(err, ERR_INVALID, "rules.%s.risk: %s is no risk level", from->name,
			from->risk);
	if (compiled->rule.to < compiled->rule.from)
		compiled->rule.to = compiled->rule.from;
	if (from->script_type)
		compiled->rule.script_type = strdup(from->script_type);
	if (from->pattern)
		compiled->rule.pattern = strdup(from->pattern);
	if (from->message)
		compiled->rule.message = strdup(from->message);
	if (!compiled->rule.name)
		return err_set(err, ERR_MEMORY, "no memory for rules");
	if (compiled->rule.kind != RULE_PATH && !compiled->rule.pattern)
		return err_set(err, ERR_INVALID, "rules.%s needs a pattern", from->name);
	return compiled->rule.kind == RULE_PATTERN ? compile_pattern(compiled, err) : 0;
}

int validator_new(const struct config *config, struct validator **made, struct err *err)
{
	size_t more = config ? config->rule_count : 0;
	struct validator *validator = calloc(1, sizeof *validator);
	if (!validator)
		return err_set(err, ERR_MEMORY, "no memory for rules");
	validator->rules = calloc(rules_builtin_count + more, sizeof *validator->rules);
	validator->limits = pcre2_match_context_create(NULL);
	if (!validator->rules || !validator->limits) {
		validator_free(validator);
		return err_set(err, ERR_MEMORY, "no memory for rules");
	}
	pcre2_set_match_limit(validator->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(validator->limits, DEPTH_LIMIT);
	for (size_t i = 0; i < rules_builtin_count; i++)
		validator->rules[validator->count++].rule = rules_builtin[i];
	for (size_t i = 0; i < more; i++)
		if (rule_configure(validator, &config->rules[i], err) < 0) {
			validator_free(validator);
			return -1;
		}
	*made = validator;
	return 0;
}

static bool is_builtin(const char *text)
{
	for (size_t i = 0; i < rules_builtin_count; i++)
		if (text == rules_builtin[i].name || text == rules_builtin[i].pattern ||
				text == rules_builtin[i].script_type)
			return true;
	return false;
}

static void free_copy(const char *text)
{
	if (text && !is_builtin(text))
		free((char *)text);
}

void validator_free(struct validator *validator)
{
	if (!validator)
		return;
	for (size_t i = 0; i < validator->count; i++) {
		struct rule *rule = &validator->rules[i].rule;
		pcre2_code_free(validator->rules[i].pattern);
		free_copy(rule->name);
		free_copy(rule->pattern);
		free_copy(rule->script_type);
		free_copy(rule->message);
	}
	pcre2_match_context_free(validator->limits);
	free(validator->rules);
	free(validator);
}

int validator_add(struct validator *validator, const char *name, enum risk from_risk,
	validator_function *function, struct err *err)
{
	if (validator->added_count == FUNCTIONS_MAX)
		return err_set(err, ERR_INVALID, "more than %d rule functions", FUNCTIONS_MAX);
	validator->added[validator->added_count++] = (struct added){name, from_risk, function};
	return 0;
}

/* ---- asking a rule */

struct question {
	const struct rule *rule;
	struct validation *found;
	bool met;
	/* of a command sequence under way */
	char sequence[SEQUENCE_WORDS][SHELL_WORD_BYTES];
	size_t words, at;
	bool following;			/* the words before matched: this one must be the next */
	char letters[32];		/* option letters still wanted */
	/* of code */
	enum code_language language;
	char dotted[128];
	char before[64];		/* the name before the bracket that is open */
	int runner_depth;		/* brackets open since a call that runs commands; 0: none */
};

static void object(struct question *question, const char *match, size_t size)
{
	const struct rule *rule = question->rule;
	question->met = true;
	question->found->rule = rule->name;
	snprintf(question->found->match, sizeof question->found->match, "%.*s",
		(int)(size > 120 ? 120 : size), match);
	if (rule->message)
		snprintf(question->found->message, sizeof question->found->message, "%.250s",
			rule->message);
	else
		snprintf(question->found->message, sizeof question->found->message,
			"The code was refused by the rule %s: %.100s", rule->name,
			question->found->match);
}

static bool path_forbidden(const char *path)
{
	if (path[0] == '~')
		return true;
	for (const char *part = path; *part; part += strcspn(part, "/"), part += *part == '/')
		if (strcspn(part, "/") == 2 && part[0] == '.' && part[1] == '.')
			return true;
	return false;
}

/* A word of shell code that is a path: a leading '~' alone or before a slash or a name. */
static bool path_word(void *context, const struct shell_word *word)
{
	struct question *question = context;
	const char *text = word->text;
	if (path_forbidden(text)) {
		object(question, text, strlen(text));
		return false;
	}
	return true;
}

static const char *base_name(const char *word)
{
	const char *slash = strrchr(word, '/');
	return slash ? slash + 1 : word;
}

/* "mkfs" is mkfs.ext4, too. */
static bool command_is(const char *word, const char *name)
{
	const char *base = base_name(word);
	size_t length = strlen(name);
	return strncmp(base, name, length) == 0 && (base[length] == '\0' ||
		(base[length] == '.' && strcmp(name, "mkfs") == 0));
}

/* "-rf" asks for the letters r and f in whatever options come, in any order and case. */
static bool option_takes(struct question *question, const char *word)
{
	for (const char *letter = word + 1; *letter; letter++) {
		char *at = strchr(question->letters, tolower((unsigned char)*letter));
		if (at)
			memmove(at, at + 1, strlen(at));
	}
	return question->letters[0] == '\0';
}

static bool sequence_word(void *context, const struct shell_word *word)
{
	struct question *question = context;
	if (word->command) {
		question->following = command_is(word->text, question->sequence[0]);
		question->at = 1;
		if (question->following && question->words > 1 && question->sequence[1][0] == '-')
			snprintf(question->letters, sizeof question->letters, "%.30s",
				question->sequence[1] + 1);
		if (question->following && question->words == 1) {
			object(question, word->text, strlen(word->text));
			return false;
		}
		return true;
	}
	if (!question->following || question->at >= question->words)
		return true;
	const char *wanted = question->sequence[question->at];
	bool here = wanted[0] == '-' ? word->text[0] == '-' && word->text[1] != '-' &&
		option_takes(question, word->text) : strcasecmp(word->text, wanted) == 0;
	question->at += here;
	if (here && question->at == question->words) {
		object(question, question->rule->pattern, strlen(question->rule->pattern));
		return false;
	}
	return true;
}

static void sequence_split(struct question *question)
{
	const char *at = question->rule->pattern;
	while (*at && question->words < SEQUENCE_WORDS) {
		size_t length = strcspn(at, " ");
		if (length > 0)
			snprintf(question->sequence[question->words++], SHELL_WORD_BYTES, "%.*s",
				(int)(length > 200 ? 200 : length), at);
		at += length;
		at += strspn(at, " ");
	}
}

/* ---- names and strings of Python and JavaScript */

static bool token_is(const struct token *token, const char *text)
{
	return token->size == strlen(text) && memcmp(token->text, text, token->size) == 0;
}

static bool runs_commands(const char *dotted)
{
	static const char *const endings[] = {"system", "popen", "run", "call", "Popen", "check_call",
		"check_output", "getoutput", "exec", "execSync", "spawn", "spawnSync", "execFile",
		"execFileSync"};
	static const char *const owners[] = {"os.", "subprocess.", "child_process.", "cp."};
	const char *last = strrchr(dotted, '.');
	last = last ? last + 1 : dotted;
	bool ending = false, owner = strchr(dotted, '.') == NULL;
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
		ending |= strcmp(last, endings[i]) == 0;
	for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
		owner |= strncmp(dotted, owners[i], strlen(owners[i])) == 0;
	return ending && owner && strcmp(dotted, "run") != 0 && strcmp(dotted, "call") != 0;
}

/* Gathers a.b.c, whitespace or not. */
static void dotted_add(struct question *question, const struct token *token)
{
	size_t used = strlen(question->dotted);
	bool joins = token->kind == TOKEN_NAME && used > 0 && question->dotted[used - 1] == '.';
	bool dot = token->kind == TOKEN_SIGN && token_is(token, ".") && used > 0;
	if (!joins && !dot)
		used = 0;
	if (token->kind == TOKEN_STRING || (token->kind == TOKEN_SIGN && !dot)) {
		question->dotted[0] = '\0';
		return;
	}
	snprintf(question->dotted + used, sizeof question->dotted - used, "%.*s",
		(int)(token->size > 100 ? 100 : token->size), token->text);
}

/* The pattern as a whole name, or as the first parts of a longer one. */
static bool dotted_is(const char *dotted, const char *pattern)
{
	size_t length = strlen(pattern);
	return strncmp(dotted, pattern, length) == 0 && (dotted[length] == '\0' ||
		dotted[length] == '.');
}

static bool call_token(void *context, const struct token *token)
{
	struct question *question = context;
	const char *pattern = question->rule->pattern;
	dotted_add(question, token);
	bool module = token->kind == TOKEN_STRING && question->language == CODE_JAVASCRIPT &&
		strcmp(question->before, "require") == 0 && (token_is(token, pattern) ||
		(token->size > 5 && memcmp(token->text, "node:", 5) == 0 &&
		strlen(pattern) == token->size - 5 &&
		memcmp(token->text + 5, pattern, token->size - 5) == 0));
	if (token->kind == TOKEN_NAME)
		snprintf(question->before, sizeof question->before, "%.*s",
			(int)(token->size > 60 ? 60 : token->size), token->text);
	/* A bare name is the module only where it is imported or used as one. */
	if (module || (token->kind == TOKEN_NAME && dotted_is(question->dotted, pattern) &&
			strchr(pattern, '.'))) {
		object(question, pattern, strlen(pattern));
		return false;
	}
	return true;
}

/* import NAME, from NAME import, NAME. — for patterns without a dot, in Python. */
static bool import_token(void *context, const struct token *token)
{
	struct question *question = context;
	const char *pattern = question->rule->pattern;
	bool after_import = strcmp(question->before, "import") == 0 ||
		strcmp(question->before, "from") == 0;
	bool used = token->kind == TOKEN_SIGN && token_is(token, ".") &&
		strcmp(question->dotted, pattern) == 0;
	if ((after_import && token->kind == TOKEN_NAME && token_is(token, pattern)) || used) {
		object(question, pattern, strlen(pattern));
		return false;
	}
	dotted_add(question, token);
	if (token->kind == TOKEN_NAME)
		snprintf(question->before, sizeof question->before, "%.*s",
			(int)(token->size > 60 ? 60 : token->size), token->text);
	else if (!(token->kind == TOKEN_SIGN && token_is(token, ",")))
		question->before[0] = '\0';
	else
		snprintf(question->before, sizeof question->before, "import");
	return true;
}

/* String literals handed to something that runs commands are read as shell code; a list of them, as one
 * command's words. */
static bool literal_token(void *context, const struct token *token)
{
	struct question *question = context;
	if (token->kind == TOKEN_SIGN && token_is(token, "(")) {
		if (question->runner_depth > 0 || runs_commands(question->dotted))
			question->runner_depth++;
	} else if (token->kind == TOKEN_SIGN && token_is(token, ")") && question->runner_depth > 0) {
		question->runner_depth--;
		question->following = false;
	} else if (token->kind == TOKEN_STRING && question->runner_depth > 0) {
		bool listed = strcmp(question->before, "[") == 0 || strcmp(question->before, ",") == 0;
		struct shell_word word = {.command = !question->following && !listed};
		snprintf(word.text, sizeof word.text, "%.*s",
			(int)(token->size > 250 ? 250 : token->size), token->text);
		if (listed || strchr(word.text, ' ') == NULL) {
			word.command = strcmp(question->before, ",") != 0;
			sequence_word(question, &word);
		} else {
			shell_words(token->text, token->size, sequence_word, question);
		}
	}
	dotted_add(question, token);
	snprintf(question->before, sizeof question->before, "%.*s",
		(int)(token->size > 60 ? 60 : token->size), token->text);
	return !question->met;
}

/* ---- the kinds */

static void ask_path(struct question *question, const struct request *request)
{
	const char *paths[] = {request->script_name, request->working_directory};
	for (size_t i = 0; i < 2 && !question->met; i++) {
		/* inline, a script's name is a label, or the SDK's source */
		if (i == 0 && request->is_inline)
			continue;
		if (paths[i] && path_forbidden(paths[i]))
			object(question, paths[i], strlen(paths[i]));
	}
	if (!question->met && strcmp(request->script_type, "shell") == 0)
		shell_words(request->code, request->code_size, path_word, question);
}

static void ask_extension(struct question *question, const struct request *request)
{
	const char *name = request->is_inline ? NULL : request->script_name;
	size_t length = strlen(question->rule->pattern);
	if (name && strlen(name) >= length &&
			strcasecmp(name + strlen(name) - length, question->rule->pattern) == 0)
		object(question, name, strlen(name));
}

static void ask_length(struct question *question, const struct request *request)
{
	size_t limit = strtoul(question->rule->pattern, NULL, 10);
	char text[64];
	if (request->code_size <= limit || utf8_length(request->code, request->code_size) <= limit)
		return;
	snprintf(text, sizeof text, "%zu characters, at most %zu",
		utf8_length(request->code, request->code_size), limit);
	object(question, text, strlen(text));
}

static bool language_of(const char *script_type, enum code_language *language)
{
	*language = strcmp(script_type, "python") == 0 ? CODE_PYTHON : CODE_JAVASCRIPT;
	return strcmp(script_type, "python") == 0 || strcmp(script_type, "javascript") == 0;
}

static void ask_command(struct question *question, const struct request *request)
{
	sequence_split(question);
	if (language_of(request->script_type, &question->language))
		code_tokens(question->language, request->code, request->code_size, literal_token,
			question);
	else
		shell_words(request->code, request->code_size, sequence_word, question);
}

static void ask_call(struct question *question, const struct request *request)
{
	if (!language_of(request->script_type, &question->language))
		return;
	bool bare = question->language == CODE_PYTHON && !strchr(question->rule->pattern, '.');
	code_tokens(question->language, request->code, request->code_size,
		bare ? import_token : call_token, question);
}

static void ask_pattern(const struct validator *validator, const struct compiled *compiled,
	struct question *question, const struct request *request)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(compiled->pattern, NULL);
	if (!data)
		return;
	if (pcre2_match(compiled->pattern, (PCRE2_SPTR)request->code, request->code_size, 0, 0, data,
			validator->limits) > 0) {
		const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
		object(question, request->code + ends[0], ends[1] - ends[0]);
	}
	pcre2_match_data_free(data);
}

static bool holds(const struct rule *rule, const struct request *request)
{
	return request->risk >= rule->from && request->risk <= rule->to &&
		(!rule->script_type || strcmp(rule->script_type, request->script_type) == 0);
}

bool validator_allows(const struct validator *validator, const struct request *request,
	struct validation *found)
{
	for (size_t i = 0; i < validator->count; i++) {
		const struct compiled *compiled = &validator->rules[i];
		struct question question = {.rule = &compiled->rule, .found = found};
		if (!holds(&compiled->rule, request))
			continue;
		switch (compiled->rule.kind) {
		case RULE_PATH: ask_path(&question, request); break;
		case RULE_EXTENSION: ask_extension(&question, request); break;
		case RULE_LENGTH: ask_length(&question, request); break;
		case RULE_COMMAND: ask_command(&question, request); break;
		case RULE_CALL: ask_call(&question, request); break;
		case RULE_PATTERN: ask_pattern(validator, compiled, &question, request); break;
		}
		if (question.met)
			return false;
	}
	for (size_t i = 0; i < validator->added_count; i++) {
		const struct added *added = &validator->added[i];
		found->rule = added->name;
		if (request->risk >= added->from && request->risk != RISK_NONE &&
				added->function(request, found))
			return false;
	}
	return true;
}
