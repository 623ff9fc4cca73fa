/* shell_words.h: the words of shell code, and which stand where a command's name stands. Pure.
 *
 * POSIX shell grammar (XCU 2.3, 2.10) as far as a reader of commands needs it: quotes, comments,
 * here-documents (skipped), separators, reserved words, assignments, and commands inside $(), ``
 * and sh -c '...'. Anything may be given to it; garbage yields words, never a failure.
 */
#ifndef CODEWORKER_SHELL_WORDS_H
#define CODEWORKER_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define SHELL_WORD_BYTES 256		/* longer words are cut */

struct shell_word {
	char text[SHELL_WORD_BYTES];	/* quotes taken off */
	bool command;			/* the name of a command */
	bool begins;			/* the first word of a simple command */
};

/* Called for each word in order. Returns false to stop. */
typedef bool shell_word_function(void *context, const struct shell_word *word);

/* Returns false when the function stopped it. */
bool shell_words(const char *code, size_t size, shell_word_function *function, void *context);

#endif
