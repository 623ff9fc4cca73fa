/* code_calls.h: the literals of a call that runs commands, as commands. Of code_names.c alone. Pure. */
#ifndef CODEWORKER_CODE_CALLS_H
#define CODEWORKER_CODE_CALLS_H

#include "code_tokens.h"
#include "shell_words.h"

#define CALL_TEXT_BYTES 8192
#define CALL_WORDS 32

enum runner {
	RUNNER_NONE,
	RUNNER_SHELL,			/* takes shell code, or a list of words */
	RUNNER_WORDS,			/* takes a program and its words one by one */
};

/* What name("...") does with its literals. modules: the bits of code_calls_module seen so far; where
 * a module is imported, its functions are known by their last name alone. */
enum runner code_calls_runner(enum code_language language, const char *name, unsigned modules);
unsigned code_calls_module(const char *name);

struct call {
	enum runner runner;		/* RUNNER_NONE: no such call is open */
	int depth;			/* brackets open since, its own included */
	int argument;
	bool listed;			/* the first or second argument is a list */
	char text[CALL_TEXT_BYTES];
	size_t used;
	const char *words[CALL_WORDS];
	size_t count;
};

/* Behind the "(" of a call. */
void code_calls_begin(struct call *call, enum runner runner);
/* The tokens up to its ")". Returns false when the reader stopped it. */
bool code_calls_token(struct call *call, const struct token *token,
	const struct shell_reader *reader);

#endif
