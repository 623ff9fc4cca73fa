/* code_names.h: what Python or JavaScript code names, imports and hands to other programs. Pure.
 *
 * A reader of tokens, not a parser: it knows dotted names, the forms of import, and calls that
 * run commands. Anything may be given to it.
 */
#ifndef CODEWORKER_CODE_NAMES_H
#define CODEWORKER_CODE_NAMES_H

#include "code_tokens.h"
#include "shell_words.h"

#define CODE_NAME_BYTES 128		/* longer names are cut */

struct name_reader {
	/* Every dotted name, as far as it is written in one piece: "os.path.join"; of
	 * "from os import system" it is "os.system". imported: it is a module, or of one, that is
	 * imported or required here. Returns false to stop. */
	bool (*name)(void *context, const char *name, bool imported);
	void *context;
	/* Commands in string literals handed to something that runs commands. */
	struct shell_reader shell;
};

void code_names(enum code_language language, const char *code, size_t size,
	const struct name_reader *reader);

#endif
