/* code_names.c: see code_names.h.
 *
 * State is a dotted name under way and, in Python, the import statement under way; each token either
 * goes on with them or ends them. */
#include "code_names.h"

#include <stdio.h>
#include <string.h>

#include "code_calls.h"

enum clause {
	CLAUSE_NONE,
	CLAUSE_IMPORT,			/* import a.b as c, d */
	CLAUSE_FROM,			/* from a.b */
	CLAUSE_NAMES,			/* ... import x as y, z */
};

struct reading {
	const struct name_reader *reader;
	enum code_language language;
	enum clause clause;
	bool item_done;			/* of a clause: only a comma or "as" can follow */
	bool alias;			/* "as" was read */
	char name[CODE_NAME_BYTES];	/* under way; "" none */
	char module[CODE_NAME_BYTES];	/* of "from" */
	bool required;			/* a string that comes now names a module */
	bool more;
	unsigned modules;		/* imported so far: code_calls.h */
	struct call call;
};

static bool is(const struct token *token, const char *text)
{
	return token->kind != TOKEN_STRING && token->size == strlen(text) &&
		memcmp(token->text, text, token->size) == 0;
}

static void append(struct reading *reading, const char *text, size_t size)
{
	size_t used = strlen(reading->name);
	snprintf(reading->name + used, CODE_NAME_BYTES - used, "%.*s",
		(int)(size < CODE_NAME_BYTES ? size : CODE_NAME_BYTES), text);
}

static void report(struct reading *reading, const char *name, bool imported)
{
	if (imported)
		reading->modules |= code_calls_module(name);
	if (reading->more && name[0])
		reading->more = reading->reader->name(reading->reader->context, name, imported);
}

static bool open_ended(const char *name)
{
	return name[0] && name[strlen(name) - 1] == '.';
}

/* Whether the token goes on with the dotted name. */
static bool joins(struct reading *reading, const struct token *token)
{
	bool dot = is(token, ".");
	if (!dot && !(token->kind == TOKEN_NAME && open_ended(reading->name)))
		return false;
	if (dot && !reading->name[0] && reading->clause == CLAUSE_NONE)
		append(reading, "?", 1);	/* of a value that has no name */
	append(reading, token->text, token->size);
	return true;
}

/* ---- Python's import statements: each returns whether the token was part of one */

static bool clause_begins(struct reading *reading, const struct token *token)
{
	bool from = is(token, "from");
	if (open_ended(reading->name) || (!from && !is(token, "import")))
		return false;
	report(reading, reading->name, false);
	reading->name[0] = '\0';
	reading->clause = from ? CLAUSE_FROM : CLAUSE_IMPORT;
	reading->item_done = reading->alias = false;
	return true;
}

static bool from_goes_on(struct reading *reading, const struct token *token)
{
	if (is(token, "import")) {
		snprintf(reading->module, sizeof reading->module, "%s", reading->name);
		report(reading, reading->module, true);
		reading->name[0] = '\0';
		reading->clause = CLAUSE_NAMES;
		return true;
	}
	if (joins(reading, token))
		return true;
	if (token->kind == TOKEN_NAME && !reading->name[0]) {
		append(reading, token->text, token->size);
		return true;
	}
	reading->clause = CLAUSE_NONE;	/* "yield from", "raise ... from" */
	return false;
}

static void item_ends(struct reading *reading)
{
	char whole[2 * CODE_NAME_BYTES + 2];
	bool names = reading->clause == CLAUSE_NAMES;
	snprintf(whole, sizeof whole, "%s%s%s", names ? reading->module : "", names ? "." : "",
		reading->name);
	if (reading->name[0] && !reading->item_done)
		report(reading, whole, true);
	reading->item_done = true;
}

static bool items_go_on(struct reading *reading, const struct token *token)
{
	if (reading->alias && token->kind == TOKEN_NAME) {
		reading->alias = false;
		return true;
	}
	if (!reading->item_done && joins(reading, token))
		return true;
	if (is(token, "(") && reading->clause == CLAUSE_NAMES && !reading->name[0])
		return true;
	if (token->kind == TOKEN_NAME && !reading->name[0]) {
		append(reading, token->text, token->size);
		return true;
	}
	item_ends(reading);
	if (is(token, "as")) {
		reading->alias = true;
		return true;
	}
	reading->name[0] = '\0';
	reading->item_done = false;
	if (is(token, ","))
		return true;
	reading->clause = CLAUSE_NONE;
	return clause_begins(reading, token);
}

static bool import_token(struct reading *reading, const struct token *token)
{
	switch (reading->clause) {
	case CLAUSE_NONE: return clause_begins(reading, token);
	case CLAUSE_FROM: return from_goes_on(reading, token);
	default: return items_go_on(reading, token);
	}
}

/* ---- names and calls */

static bool last_is(const char *name, const char *wanted)
{
	const char *dot = strrchr(name, '.');
	return strcmp(dot ? dot + 1 : name, wanted) == 0;
}

static bool requires(const struct reading *reading, const char *name)
{
	if (reading->language == CODE_PYTHON)
		return last_is(name, "__import__") || last_is(name, "import_module");
	return last_is(name, "require") || strcmp(name, "import") == 0;
}

static void call_opens(struct reading *reading)
{
	enum runner runner = code_calls_runner(reading->language, reading->name, reading->modules);
	reading->required = requires(reading, reading->name);
	if (reading->call.runner == RUNNER_NONE && runner != RUNNER_NONE)
		code_calls_begin(&reading->call, runner);
}

static void module_named(struct reading *reading, const struct token *token)
{
	char module[CODE_NAME_BYTES];
	bool scheme = token->size > 5 && memcmp(token->text, "node:", 5) == 0;
	size_t skip = scheme ? 5 : 0, size = token->size - skip;
	snprintf(module, sizeof module, "%.*s",
		(int)(size < CODE_NAME_BYTES ? size : CODE_NAME_BYTES), token->text + skip);
	report(reading, module, true);
}

static void plain_token(struct reading *reading, const struct token *token)
{
	bool named = reading->name[0] != '\0';
	if (joins(reading, token))
		return;
	bool inside = reading->call.runner != RUNNER_NONE;
	if (token->kind == TOKEN_STRING && reading->required)
		module_named(reading, token);
	reading->required = false;
	if (named && is(token, "("))
		call_opens(reading);
	if (named)
		report(reading, reading->name, false);
	reading->name[0] = '\0';
	if (token->kind == TOKEN_NAME)
		append(reading, token->text, token->size);
	if (reading->language == CODE_JAVASCRIPT && (is(token, "from") || is(token, "import")))
		reading->required = true;
	if (inside && reading->more)
		reading->more = code_calls_token(&reading->call, token, &reading->reader->shell);
}

static bool take(void *context, const struct token *token)
{
	struct reading *reading = context;
	if (reading->language != CODE_PYTHON || !import_token(reading, token))
		plain_token(reading, token);
	return reading->more;
}

void code_names(enum code_language language, const char *code, size_t size,
	const struct name_reader *reader)
{
	struct reading reading = {.reader = reader, .language = language, .more = true};
	struct token end = {TOKEN_SIGN, ";", 1};
	code_tokens(language, code, size, take, &reading);
	if (reading.more)
		take(&reading, &end);
}
