/* code_tokens.c: see code_tokens.h. */
#include "code_tokens.h"

#include <ctype.h>
#include <string.h>

struct lexer {
	enum code_language language;
	const char *code;
	size_t size, at;
	bool value_before;		/* a '/' now divides; else it begins a pattern (JavaScript) */
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

static struct token string(struct lexer *lexer)
{
	char quote = lexer->code[lexer->at];
	bool triple = lexer->language == CODE_PYTHON && lexer->size - lexer->at >= 3 &&
		lexer->code[lexer->at + 1] == quote && lexer->code[lexer->at + 2] == quote;
	size_t marks = triple ? 3 : 1;
	lexer->at += marks;
	struct token token = {TOKEN_STRING, lexer->code + lexer->at, 0};
	while (lexer->at < lexer->size) {
		char c = lexer->code[lexer->at];
		if (c == '\\' && lexer->at + 1 < lexer->size) {
			lexer->at += 2;
			continue;
		}
		bool end = triple ? lexer->size - lexer->at >= 3 && c == quote &&
			lexer->code[lexer->at + 1] == quote && lexer->code[lexer->at + 2] == quote :
			c == quote;
		if (end || (c == '\n' && !triple && quote != '`'))
			break;
		lexer->at++;
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
		if (c == '\\')
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

static struct token next(struct lexer *lexer)
{
	char c = lexer->code[lexer->at];
	if (c == '"' || c == '\'' || (c == '`' && lexer->language == CODE_JAVASCRIPT)) {
		lexer->value_before = true;
		return string(lexer);
	}
	if (name_part(c)) {
		lexer->value_before = true;
		return name(lexer);
	}
	struct token token = {TOKEN_SIGN, lexer->code + lexer->at, 1};
	if (c == '/' && lexer->language == CODE_JAVASCRIPT && !lexer->value_before)
		pattern(lexer);
	else
		lexer->at++;
	lexer->value_before = c == ')' || c == ']' || c == '}';
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
