/* command_common.h: the options that every command has.
 *
 * A command puts COMMAND_COMMON_OPTIONS into its getopt_long table and COMMAND_COMMON_LETTERS into
 * its letters, and hands what getopt returns to command_common_take() first:
 *
 *	struct command_common common = {.usage = print_usage};
 *	while ((option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS "c:", options, NULL)) != -1)
 *		switch (command_common_take(&common, option, optarg)) { ... }
 */
#ifndef CODEWORKER_COMMAND_COMMON_H
#define CODEWORKER_COMMAND_COMMON_H

#include <getopt.h>
#include <stdio.h>

#include "../config/config.h"

enum command_common_option {
	COMMAND_OPTION_CONFIG = 900, COMMAND_OPTION_SET, COMMAND_OPTION_VERSION,
};

#define COMMAND_COMMON_LETTERS "b:X:h"
#define COMMAND_COMMON_OPTIONS                                                                   \
	{"config", required_argument, NULL, COMMAND_OPTION_CONFIG},                              \
	{"set", required_argument, NULL, COMMAND_OPTION_SET},                                    \
	{"version", no_argument, NULL, COMMAND_OPTION_VERSION},                                  \
	{"help", no_argument, NULL, 'h'}

#define CODEWORKER_VERSION "0.1.0"
#define COMMAND_USAGE 2			/* exit code of a usage error */

struct command_common {
	void (*usage)(FILE *out);	/* the command's --help, without the common options */
	struct config_overrides overrides;
	char **set;			/* what overrides.set points to */
	size_t set_count;
};

enum command_taken {
	COMMAND_TAKEN,			/* it was a common option */
	COMMAND_NOT_COMMON,		/* the command's own */
	COMMAND_DONE,			/* --help, --version: printed; exit with 0 */
	COMMAND_WRONG,			/* a message was printed; exit with COMMAND_USAGE */
};

enum command_taken command_common_take(struct command_common *common, int option,
	const char *argument);

/* Loads the configuration that the options ask for. */
int command_common_config(struct command_common *common, struct config **config,
	struct err *err);
void command_common_free(struct command_common *common);

/* A number from 1 on. Returns 0, or -1: none. */
int command_parse_count(const char *text, int64_t *count);

/* Prints "codeworker: COMMAND: text" and where help is; returns COMMAND_USAGE. */
int command_wrong(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints "codeworker: text"; returns 1, or COMMAND_USAGE where err is ERR_INVALID. */
int command_failed(const struct err *err);

#endif
