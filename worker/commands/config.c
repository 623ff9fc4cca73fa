/* config.c: `codeworker config`: the configuration as it stands, and its documents. */
#include "command.h"

#include <getopt.h>
#include <string.h>

#include "command_common.h"
#include "../kafka/kafka_conf.h"
#include "../validator/validator.h"

static void print_usage(FILE *out)
{
	fputs("codeworker config check|print|docs|sample\n\n"
		"  check     whether the configuration is right\n"
		"  print     what is in effect, and where each value comes from; secrets are masked\n"
		"  docs      every option, as docs/configuration.md\n"
		"  sample    every option with its default, as config/codeworker.yaml\n", out);
}

/* Patterns are compiled by the validator alone, and librdkafka alone knows its properties. */
static int check_rest(const struct config *config, struct err *err)
{
	struct validator *validator;
	if (kafka_conf_check(config, err) != 0)
		return -1;
	if (validator_new(config, &validator, err) != 0)
		return -1;
	validator_free(validator);
	return 0;
}

static int print_effective(struct command_common *common, bool print)
{
	struct config *config;
	struct err err = {0};
	if (command_common_config(common, &config, &err) != 0)
		return command_failed(&err);
	int answer = print ? (config_print(config, stdout), 0) : check_rest(config, &err);
	if (answer == 0 && !print)
		puts("the configuration is right");
	config_free(config);
	return answer == 0 ? 0 : command_failed(&err);
}

static int act(struct command_common *common, const char *what)
{
	if (strcmp(what, "check") == 0 || strcmp(what, "print") == 0)
		return print_effective(common, what[0] == 'p');
	if (strcmp(what, "docs") == 0)
		config_print_markdown(stdout);
	else if (strcmp(what, "sample") == 0)
		config_print_sample(stdout);
	else
		return command_wrong("config", "no such thing as '%s'", what);
	return 0;
}

/* Options may stand before and after the word: both are natural to write. */
static int take(struct command_common *common, int argc, char **argv)
{
	static const struct option options[] = {COMMAND_COMMON_OPTIONS, {0}};
	int option;
	while ((option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS, options, NULL)) != -1)
		switch (command_common_take(common, option, optarg)) {
		case COMMAND_TAKEN:
			break;
		case COMMAND_DONE:
			return 0;
		default:
			return COMMAND_USAGE;
		}
	return -1;
}

static int run(struct command_common *common, int argc, char **argv)
{
	int answer = take(common, argc, argv);
	if (answer >= 0)
		return answer;
	if (optind == argc)
		return command_wrong("config", "check, print, docs or sample?");
	const char *what = argv[optind++];
	if (optind < argc) {
		int skip = optind - 1;	/* the word takes the place of the program's name */
		optind = 1;
		answer = take(common, argc - skip, argv + skip);
		if (answer >= 0)
			return answer;
		if (optind < argc - skip)
			return command_wrong("config", "unexpected '%s'", argv[skip + optind]);
	}
	return act(common, what);
}

int command_config(int argc, char **argv)
{
	struct command_common common = {.usage = print_usage};
	int answer = run(&common, argc, argv);
	command_common_free(&common);
	return answer;
}
