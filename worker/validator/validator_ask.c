/* validator_ask.c: asks the rules about one request.
 *
 * The code is read once; each word, command and name that the reading finds is put to the rules of
 * its kind that hold at the request's risk. */
#include "validator_rules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "code_names.h"
#include "../codec/codec.h"
#include "shell_words.h"

#define PATTERN_WORD_BYTES 64

struct asking {
	const struct validator *validator;
	const struct request *request;
	struct validation *found;
	enum reading_as as;
};

static bool holds(const struct asking *asking, const struct rule *rule, enum rule_kind kind)
{
	const struct request *request = asking->request;
	return rule->kind == kind && request->risk >= rule->from && request->risk <= rule->to &&
		(!rule->script_type || strcmp(rule->script_type, request->script_type) == 0);
}

/* Always false: nothing more need be asked. match ends between characters. */
static bool object(const struct asking *asking, const struct rule *rule, const char *match,
	size_t size)
{
	struct validation *found = asking->found;
	if (size >= sizeof found->match)
		for (size = sizeof found->match - 1; size > 0 &&
				((unsigned char)match[size] & 0xc0) == 0x80; size--)
			;
	memcpy(found->match, match, size);
	found->match[size] = '\0';
	found->rule = rule->name;
	if (rule->message)
		snprintf(found->message, sizeof found->message, "%.250s", rule->message);
	else
		snprintf(found->message, sizeof found->message,
			"The code was refused by the rule %.80s: %s", rule->name, found->match);
	return false;
}

static bool object_all(const struct asking *asking, enum rule_kind kind, const char *match)
{
	for (size_t i = 0; i < asking->validator->count; i++)
		if (holds(asking, &asking->validator->rules[i].rule, kind))
			return object(asking, &asking->validator->rules[i].rule, match, strlen(match));
	return true;
}

/* ---- paths */

static bool climbs(const char *path)
{
	static const char ends[] = "/\\=";
	for (const char *part = path; *part; part += *part != '\0') {
		size_t length = strcspn(part, ends);
		if (length == 2 && part[0] == '.' && part[1] == '.')
			return true;
		part += length;
	}
	return false;
}

/* The shell expands no quoted '~'; what begins as a path still is one. */
static bool path_word(void *context, const char *text, bool quoted)
{
	bool home = quoted ? text[0] == '~' && text[1] == '/' && !strpbrk(text, " \t\n") :
		text[0] == '~';
	return home || climbs(text) ? object_all(context, RULE_PATH, text) : true;
}

static bool ask_path(const struct asking *asking, const char *path)
{
	return path && (path[0] == '~' || climbs(path)) ? object_all(asking, RULE_PATH, path) : true;
}

/* ---- commands */

/* "mkfs" is mkfs.ext4, too, and "format" format.com. */
static bool command_is(const struct asking *asking, const char *word, const char *name)
{
	const char *slash = strrchr(word, '/');
	const char *base = slash ? slash + 1 : word;
	bool windows = asking->as == READ_WINDOWS;
	size_t length = strlen(name);
	if (windows ? strncasecmp(base, name, length) : strncmp(base, name, length))
		return false;
	const char *rest = base + length;
	return *rest == '\0' || strcasecmp(rest, ".exe") == 0 || strcasecmp(rest, ".com") == 0 ||
		(*rest == '.' && strcmp(name, "mkfs") == 0);
}

/* "-rf" asks for the letters r and f in whatever options come, in any order and case. */
static bool has_letters(const char *letters, const char *const *words, size_t count)
{
	for (; *letters; letters++) {
		bool here = false;
		for (size_t i = 1; i < count && strcmp(words[i], "--") != 0 && !here; i++) {
			const char *option = words[i];
			if (option[0] == '-' && option[1] == '-')
				here = tolower((unsigned char)option[2]) == *letters;
			else if (option[0] == '-')
				here = strchr(option + 1, *letters) ||
					strchr(option + 1, toupper((unsigned char)*letters));
		}
		if (!here)
			return false;
	}
	return true;
}

static bool same_word(const struct asking *asking, const char *word, const char *wanted)
{
	return asking->as == READ_WINDOWS ? !strcasecmp(word, wanted) : !strcmp(word, wanted);
}

/* Options may stand anywhere, other words next to each other but for options. */
static bool has_word(const struct asking *asking, const char *wanted, const char *const *words,
	size_t count, size_t *at)
{
	if (wanted[0] == '-' && wanted[1] != '-')
		return has_letters(wanted + 1, words, count);
	if (wanted[0] == '-' || wanted[0] == '/') {
		for (size_t i = 1; i < count; i++)
			if (same_word(asking, words[i], wanted))
				return true;
		return false;
	}
	while (*at < count && words[*at][0] == '-')
		++*at;
	return *at < count && same_word(asking, words[(*at)++], wanted);
}

/* The pattern's words, in their order. */
static bool command_fits(const struct asking *asking, const char *pattern,
	const char *const *words, size_t count)
{
	size_t at = 0, taken = 0;
	for (const char *from = pattern + strspn(pattern, " "); *from; from += strspn(from, " ")) {
		char wanted[PATTERN_WORD_BYTES];
		size_t length = strcspn(from, " ");
		snprintf(wanted, sizeof wanted, "%.*s",
			(int)(length < sizeof wanted ? length : sizeof wanted), from);
		from += length;
		if (taken++ == 0 ? !command_is(asking, words[at++], wanted) :
				!has_word(asking, wanted, words, count, &at))
			return false;
	}
	return taken > 0;
}

static bool object_words(const struct asking *asking, const struct rule *rule,
	const char *const *words, size_t count)
{
	char text[2 * sizeof asking->found->match];
	size_t used = 0;
	for (size_t i = 0; i < count && used < sizeof text; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, i ? " %s" : "%s", words[i]);
	return object(asking, rule, text, strlen(text));
}

static bool command(void *context, const char *const *words, size_t count)
{
	const struct asking *asking = context;
	for (size_t i = 0; i < asking->validator->count; i++) {
		const struct rule *rule = &asking->validator->rules[i].rule;
		if (holds(asking, rule, RULE_COMMAND) &&
				command_fits(asking, rule->pattern, words, count))
			return object_words(asking, rule, words, count);
	}
	return true;
}

/* ---- names */

/* A module's bare name is its use only where it is imported, or something of it is named. */
static bool name_fits(const char *pattern, const char *name, bool imported)
{
	size_t length = strlen(pattern);
	if (strncmp(name, pattern, length) != 0)
		return false;
	return name[length] == '.' || (name[length] == '\0' && (imported || strchr(pattern, '.')));
}

static bool name(void *context, const char *text, bool imported)
{
	const struct asking *asking = context;
	for (size_t i = 0; i < asking->validator->count; i++) {
		const struct rule *rule = &asking->validator->rules[i].rule;
		if (holds(asking, rule, RULE_CALL) && name_fits(rule->pattern, text, imported))
			return object(asking, rule, rule->pattern, strlen(rule->pattern));
	}
	return true;
}

/* ---- what is left */

static enum reading_as reads_as(const struct validator *validator, const char *type)
{
	static const struct validator_type known[] = {{"shell", READ_SHELL}, {"cmd", READ_WINDOWS},
		{"powershell", READ_WINDOWS}, {"python", READ_PYTHON},
		{"javascript", READ_JAVASCRIPT}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].name, type) == 0)
			return known[i].as;
	for (size_t i = 0; i < validator->type_count; i++)
		if (strcmp(validator->types[i].name, type) == 0)
			return validator->types[i].as;
	return READ_NOT;
}

static bool ask_code(struct asking *asking)
{
	const struct request *request = asking->request;
	struct name_reader reader = {.name = name, .context = asking,
		.shell = {.command = command, .context = asking}};
	switch (asking->as) {
	case READ_SHELL:
	case READ_WINDOWS:
		reader.shell.word = path_word;
		return shell_words(request->code, request->code_size, &reader.shell);
	case READ_PYTHON:
	case READ_JAVASCRIPT:
		asking->found->rule = NULL;
		code_names(asking->as == READ_PYTHON ? CODE_PYTHON : CODE_JAVASCRIPT, request->code,
			request->code_size, &reader);
		return asking->found->rule == NULL;
	case READ_NOT:
		break;
	}
	return true;
}

static bool ask_extension(const struct asking *asking, const struct rule *rule)
{
	const char *script = asking->request->script_name;
	size_t length = strlen(rule->pattern), own = script ? strlen(script) : 0;
	return own < length || strcasecmp(script + own - length, rule->pattern) != 0 ||
		object(asking, rule, script, own);
}

static bool ask_length(const struct asking *asking, const struct rule *rule)
{
	const struct request *request = asking->request;
	size_t limit = strtoul(rule->pattern, NULL, 10);
	char text[64];
	if (!request->code || request->code_size <= limit)
		return true;
	size_t length = utf8_length(request->code, request->code_size);
	if (length <= limit)
		return true;
	snprintf(text, sizeof text, "%zu characters, at most %zu", length, limit);
	return object(asking, rule, text, strlen(text));
}

static bool ask_pattern(const struct asking *asking, const struct validator_rule *rule)
{
	const struct request *request = asking->request;
	pcre2_match_data *data = request->code ?
		pcre2_match_data_create_from_pattern(rule->pattern, NULL) : NULL;
	bool more = true;
	if (data && pcre2_match(rule->pattern, (PCRE2_SPTR)request->code, request->code_size, 0, 0,
			data, asking->validator->limits) > 0) {
		const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
		size_t size = ends[1] > ends[0] ? ends[1] - ends[0] : 0;
		more = object(asking, &rule->rule, request->code + ends[0], size);
	}
	pcre2_match_data_free(data);
	return more;
}

/* The rules that need no reading. */
static bool ask_simple(const struct asking *asking)
{
	bool more = true;
	for (size_t i = 0; more && i < asking->validator->count; i++) {
		const struct validator_rule *rule = &asking->validator->rules[i];
		if (holds(asking, &rule->rule, RULE_EXTENSION))
			more = ask_extension(asking, &rule->rule);
		else if (holds(asking, &rule->rule, RULE_LENGTH))
			more = ask_length(asking, &rule->rule);
		else if (holds(asking, &rule->rule, RULE_PATTERN))
			more = ask_pattern(asking, rule);
	}
	return more;
}

static bool ask_functions(const struct asking *asking)
{
	struct validation *found = asking->found;
	for (size_t i = 0; i < asking->validator->added_count; i++) {
		const struct validator_added *added = &asking->validator->added[i];
		*found = (struct validation){.rule = added->name};
		if (asking->request->risk < added->from || !added->function(asking->request, found))
			continue;
		if (!found->message[0])
			snprintf(found->message, sizeof found->message,
				"The code was refused by the rule %.200s", added->name);
		return false;
	}
	return true;
}

/* Code that no rule is about is not read: at high risk it may be large. */
static bool reading_pays(const struct asking *asking)
{
	for (size_t i = 0; i < asking->validator->count; i++) {
		const struct rule *rule = &asking->validator->rules[i].rule;
		if (holds(asking, rule, RULE_PATH) || holds(asking, rule, RULE_COMMAND) ||
				holds(asking, rule, RULE_CALL))
			return asking->request->code != NULL;
	}
	return false;
}

bool validator_allows(const struct validator *validator, const struct request *request,
	struct validation *found)
{
	struct asking asking = {.validator = validator, .request = request, .found = found,
		.as = reads_as(validator, request->script_type)};
	return ask_path(&asking, request->script_name) &&
		ask_path(&asking, request->working_directory) && ask_simple(&asking) &&
		(!reading_pays(&asking) || ask_code(&asking)) && ask_functions(&asking);
}
