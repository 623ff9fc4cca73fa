/* shell_paths.h: which words of shell code may name a file. Of shell_state.c alone. Pure. */
#ifndef CODEWORKER_SHELL_PATHS_H
#define CODEWORKER_SHELL_PATHS_H

#include "shell_state.h"

/* A command of that name begins. */
void shell_paths_command(struct scanner *scanner, const char *name);

/* Asked once for each word in order, before the scanner's state moves. False: it is a pattern, a program of
 * sed's kind, or one side of a comparison. */
bool shell_paths_word(struct scanner *scanner, const struct shell_word *word);

#endif
