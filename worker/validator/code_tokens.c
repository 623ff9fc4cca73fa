/* code_tokens.c: see code_tokens.h. */
#include "code_tokens.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define TEMPLATES_MAX 16

struct lexer {
	enum code_language language;
	const char *code;
	size_t size, at;
	bool value_before;		/* a '/' now divides; else it begins a pattern (JavaScript) */
	bool dot_before, control_before; /* the last token: a dot; "if" or another with a condition */
	int depth;			/* parentheses open */
	uint64_t conditions;		/* a bit an open one: it holds such a condition */
};

static bool starts(const struct lexer *lexer, const char *text)
{
	size_t length = strlen(text);
	return lexer->size - lexer->at >= length &&
		memcmp(lexer->code + lexer->at, text, length) == 0;
}

static void skip_to(struct lexer *lexer, const char *end)
{
	while (lexer->at < lexer->size && !starts(lexer, end))
		lexer->at++;
	if (lexer->at < lexer->size)
		lexer->at += strlen(end);
}

static bool comment(struct lexer *lexer)
{
	bool python = lexer->language == CODE_PYTHON;
	if (python ? starts(lexer, "#") : starts(lexer, "//")) {
		while (lexer->at < lexer->size && lexer->code[lexer->at] != '\n')
			lexer->at++;
		return true;
	}
	if (!python && starts(lexer, "/*")) {
		lexer->at += 2;
		skip_to(lexer, "*/");
		return true;
	}
	return false;
}

static bool marks_at(const struct lexer *lexer, char quote, size_t marks)
{
	for (size_t i = 0; i < marks; i++)
		if (lexer->at + i >= lexer->size || lexer->code[lexer->at + i] != quote)
			return false;
	return true;
}

/* At "${" in a template literal: to behind its "}", past strings and templates inside. */
static void skip_template_code(struct lexer *lexer, int depth)
{
	int open = 0;
	char quote = '\0';
	for (; lexer->at < lexer->size; lexer->at++) {
		char c = lexer->code[lexer->at];
		if (c == '\\')
			lexer->at++;
		else if (quote == '`' && starts(lexer, "${") && depth < TEMPLATES_MAX) {
			skip_template_code(lexer, depth + 1);
			lexer->at--;
		} else if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'' || c == '`')
			quote = c;
		else if (c == '{')
			open++;
		else if (c == '}' && --open == 0)
			break;
	}
	lexer->at = lexer->at < lexer->size ? lexer->at + 1 : lexer->size;
}

static struct token string(struct lexer *lexer)
{
	char quote = lexer->code[lexer->at];
	size_t marks = lexer->language == CODE_PYTHON && marks_at(lexer, quote, 3) ? 3 : 1;
	lexer->at += marks;
	struct token token = {TOKEN_STRING, lexer->code + lexer->at, 0};
	while (lexer->at < lexer->size && !marks_at(lexer, quote, marks)) {
		char c = lexer->code[lexer->at];
		if (c == '\n' && marks == 1 && quote != '`')
			break;
		if (quote == '`' && starts(lexer, "${"))
			skip_template_code(lexer, 0);
		else
			lexer->at += c == '\\' && lexer->at + 1 < lexer->size ? 2 : 1;
	}
	token.size = (size_t)(lexer->code + lexer->at - token.text);
	lexer->at = lexer->size - lexer->at < marks ? lexer->size : lexer->at + marks;
	return token;
}

static bool name_part(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static struct token name(struct lexer *lexer)
{
	struct token token = {TOKEN_NAME, lexer->code + lexer->at, 0};
	while (lexer->at < lexer->size && name_part(lexer->code[lexer->at]))
		lexer->at++;
	token.size = (size_t)(lexer->code + lexer->at - token.text);
	return token;
}

/* A regular expression literal ends on its line; brackets hide slashes. */
static void pattern(struct lexer *lexer)
{
	bool bracket = false;
	for (lexer->at++; lexer->at < lexer->size && lexer->code[lexer->at] != '\n'; lexer->at++) {
		char c = lexer->code[lexer->at];
		if (c == '\\' && lexer->at + 1 < lexer->size)
			lexer->at++;
		else if (c == '[')
			bracket = true;
		else if (c == ']')
			bracket = false;
		else if (c == '/' && !bracket)
			break;
	}
	lexer->at += lexer->at < lexer->size;
}

static bool is_one_of(const struct token *token, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == token->size && !memcmp(*words, token->text, token->size))
			return true;
	return false;
}

/* Keywords that a value follows: a '/' behind them begins a pattern. */
static bool expects_value(const struct token *token)
{
	static const char *const words[] = {"return", "typeof", "case", "in", "of", "delete", "void",
		"throw", "new", "else", "do", "await", "yield", "instanceof", NULL};
	return is_one_of(token, words);
}

static bool has_condition(const struct token *token)
{
	static const char *const words[] = {"if", "while", "for", "with", NULL};
	return is_one_of(token, words);
}

/* Notes a bracket. Returns whether a value ends with it: behind a condition a statement begins. */
static bool bracket(struct lexer *lexer, char c)
{
	uint64_t bit = lexer->depth < 64 ? UINT64_C(1) << lexer->depth : 0;
	if (c == '(') {
		lexer->conditions = lexer->control_before ? lexer->conditions | bit :
			lexer->conditions & ~bit;
		lexer->depth++;
	} else if (c == ')' && lexer->depth > 0) {
		lexer->depth--;
		bit = lexer->depth < 64 ? UINT64_C(1) << lexer->depth : 0;
		return !(lexer->conditions & bit);
	}
	return c == ')' || c == ']' || c == '}';
}

/* r"", rb'', F"": letters that belong to the string behind them. */
static size_t prefix_length(const struct lexer *lexer)
{
	for (size_t i = 0; i < 3 && lexer->at + i < lexer->size; i++) {
		char c = lexer->code[lexer->at + i];
		if (c == '"' || c == '\'')
			return i;
		if (c == '\0' || !strchr("rbufRBUF", c))
			break;
	}
	return 0;
}

static struct token next(struct lexer *lexer)
{
	if (lexer->language == CODE_PYTHON)
		lexer->at += prefix_length(lexer);
	char c = lexer->code[lexer->at];
	if (c == '"' || c == '\'' || (c == '`' && lexer->language == CODE_JAVASCRIPT)) {
		lexer->value_before = true;
		lexer->control_before = lexer->dot_before = false;
		return string(lexer);
	}
	if (name_part(c)) {
		struct token token = name(lexer);
		lexer->value_before = lexer->dot_before || !expects_value(&token);
		lexer->control_before = !lexer->dot_before && has_condition(&token);
		lexer->dot_before = false;
		return token;
	}
	struct token token = {TOKEN_SIGN, lexer->code + lexer->at, 1};
	bool matches = c == '/' && lexer->language == CODE_JAVASCRIPT && !lexer->value_before;
	if (matches)
		pattern(lexer);
	else
		lexer->at++;
	lexer->value_before = matches || bracket(lexer, c);
	lexer->control_before = false;
	lexer->dot_before = c == '.';
	return token;
}

void code_tokens(enum code_language language, const char *code, size_t size,
	token_function *function, void *context)
{
	struct lexer lexer = {.language = language, .code = code, .size = size};
	while (lexer.at < lexer.size) {
		if (isspace((unsigned char)code[lexer.at])) {
			lexer.at++;
			continue;
		}
		if (comment(&lexer))
			continue;
		struct token token = next(&lexer);
		if (!function(context, &token))
			return;
	}
}
