/* shell_state.h: what a reader of shell code expects next. Of shell_words.c alone. Pure. */
#ifndef CODEWORKER_SHELL_STATE_H
#define CODEWORKER_SHELL_STATE_H

#include "shell_words.h"

#define SHELL_DEPTH_MAX 8
#define SHELL_HEREDOCS 4
#define SHELL_TEXT_BYTES 8192		/* of one simple command's words */
#define SHELL_STARTS 8
#define SHELL_FUNCTIONS 32		/* of one script; what is beyond is taken for a command */
#define SHELL_FUNCTION_BYTES 64
#define SHELL_CASE_END '\1'		/* the separator ";;" */

enum expect {
	EXPECT_COMMAND,
	EXPECT_ARGUMENT,
	EXPECT_SCRIPT,			/* an argument that is shell code */
	EXPECT_PREFIXED,		/* options, assignments, then a command's name */
	EXPECT_VALUE,			/* the value of such an option */
	EXPECT_REDIRECT,		/* a file */
	EXPECT_FUNCTION,		/* a name behind "function" */
	EXPECT_CASE,			/* what stands between "case" and "in" */
	EXPECT_PATTERN,
};

struct shell_functions {
	char names[SHELL_FUNCTIONS][SHELL_FUNCTION_BYTES];
	size_t count;
};

struct shell_tool;

struct scanner {
	const char *code;
	size_t size, at;
	const struct shell_reader *reader;
	int depth, open, cases;
	bool closes, closed;		/* ends at a ')' that is not its own; has done so */
	bool array;			/* in NAME=( ... ) */
	enum expect expect, after_redirect;
	const char *name;		/* of the command under way; NULL: none */
	const char *option_letters;	/* of a prefix: options that take a value */
	char heredocs[SHELL_HEREDOCS][64];
	size_t heredoc_count;
	char text[SHELL_TEXT_BYTES];
	size_t used, begin;
	const char *words[SHELL_COMMAND_WORDS];
	size_t count;
	size_t starts[SHELL_STARTS], start_count;
	struct shell_functions *functions; /* that the script defines; NULL: none */
	const struct shell_tool *tool;	/* these four: of shell_paths.c */
	char value_due;
	bool text_due, compared;
};

struct shell_word {
	const char *text;		/* in the scanner */
	bool any;			/* there is a word, if only '' */
	bool quoted, quote_first, escaped;
	bool defines;			/* "()" follows */
};

/* A word's life: begin, put each byte, then shell_state_word judges it. */
const char *shell_state_begin(struct scanner *scanner);
void shell_state_put(struct scanner *scanner, char c);
bool shell_state_word(struct scanner *scanner, const struct shell_word *word);

bool shell_state_separator(struct scanner *scanner, char separator);
void shell_state_redirect(struct scanner *scanner);
/* The command under way is whole. */
bool shell_state_end(struct scanner *scanner);

/* Reads code within code. */
bool shell_scan_nested(const struct scanner *outer, const char *code, size_t size);

#endif
