/* code_tokens.h: names, strings and signs of Python or JavaScript code; comments are left out. Pure.
 *
 * Enough of both lexical grammars to tell code from strings and comments. Template literals and
 * f-strings are strings, with whatever they compute. Anything may be given to it.
 */
#ifndef CODEWORKER_CODE_TOKENS_H
#define CODEWORKER_CODE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

enum token_kind { TOKEN_NAME, TOKEN_STRING, TOKEN_SIGN };
enum code_language { CODE_PYTHON, CODE_JAVASCRIPT };

struct token {
	enum token_kind kind;
	const char *text;		/* of a string: without its quotes */
	size_t size;
};

/* Called for each token in order. Returns false to stop. */
typedef bool token_function(void *context, const struct token *token);

void code_tokens(enum code_language language, const char *code, size_t size,
	token_function *function, void *context);

#endif
