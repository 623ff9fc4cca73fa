/* shell_words.h: the words and the commands of shell code. Pure.
 *
 * POSIX shell grammar (XCU 2.3, 2.10) as far as a reader of commands needs it: quotes, comments,
 * here-documents (skipped), separators, reserved words, case patterns, assignments, arithmetic, and
 * commands inside $(), `` and sh -c '...'. Anything may be given to it; garbage yields words, never
 * a failure.
 */
#ifndef CODEWORKER_SHELL_WORDS_H
#define CODEWORKER_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define SHELL_WORD_BYTES 1024		/* longer words are cut */
#define SHELL_COMMAND_WORDS 64		/* the words beyond are left out */

/* Called while reading, each with context. Returning false stops the reading. */
struct shell_reader {
	/* Every word that may name a file, quotes taken off. quoted: it had some. NULL: not wanted. */
	bool (*word)(void *context, const char *text, bool quoted);
	/* Every simple command, words[0] its name; of "env X=1 ls -l" also "ls -l". What calls a function
	 * of the script's own is none. */
	bool (*command)(void *context, const char *const *words, size_t count);
	void *context;
};

/* Returns false when the reader stopped it. */
bool shell_words(const char *code, size_t size, const struct shell_reader *reader);

/* The same of one command whose words are at hand, as execve takes them. */
bool shell_argv(const char *const *words, size_t count, const struct shell_reader *reader);

#endif
