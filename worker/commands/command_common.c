/* command_common.c: see command_common.h. */
#include "command_common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"\nOptions of every command:\n"
	"  --config FILE            the configuration (default: $CODEWORKER_CONFIG, else none)\n"
	"  --set SECTION.OPTION=VALUE\n"
	"                           overrides one option (repeatable)\n"
	"  -b HOST:PORT[,...]       brokers: kafka.bootstrap.servers\n"
	"  -X NAME=VALUE            a property of librdkafka: kafka.NAME (repeatable)\n"
	"  -h, --help               this text\n"
	"  --version                the version\n";

/* Adds prefix and value to the overrides. */
static enum command_taken add(struct command_common *common, const char *prefix,
	const char *value)
{
	char **set = realloc(common->set, (common->set_count + 1) * sizeof *set);
	if (set)
		common->set = set;
	if (!set || asprintf(&set[common->set_count], "%s%s", prefix, value) < 0) {
		fprintf(stderr, "codeworker: no memory\n");
		return COMMAND_WRONG;
	}
	common->set_count++;
	return COMMAND_TAKEN;
}

static enum command_taken add_assignment(struct command_common *common, const char *option,
	const char *prefix, const char *value)
{
	const char *equals = strchr(value, '=');
	if (equals && equals != value)
		return add(common, prefix, value);
	fprintf(stderr, "codeworker: %s takes NAME=VALUE, not '%s'\n", option, value);
	return COMMAND_WRONG;
}

enum command_taken command_common_take(struct command_common *common, int option,
	const char *argument)
{
	switch (option) {
	case COMMAND_OPTION_CONFIG:
		common->overrides.file = argument;
		return COMMAND_TAKEN;
	case COMMAND_OPTION_SET:
		return add_assignment(common, "--set", "", argument);
	case 'X':
		return add_assignment(common, "-X", "kafka.", argument);
	case 'b':
		return add(common, "kafka.bootstrap.servers=", argument);
	case COMMAND_OPTION_VERSION:
		puts("codeworker " CODEWORKER_VERSION);
		return COMMAND_DONE;
	case 'h':
		common->usage(stdout);
		fputs(help, stdout);
		return COMMAND_DONE;
	case '?':			/* getopt has said what is wrong */
		return COMMAND_WRONG;
	default:
		return COMMAND_NOT_COMMON;
	}
}

int command_common_config(struct command_common *common, struct config **config,
	struct err *err)
{
	common->overrides.set = (const char *const *)common->set;
	common->overrides.set_count = common->set_count;
	return config_load(&common->overrides, config, err);
}

void command_common_free(struct command_common *common)
{
	for (size_t i = 0; i < common->set_count; i++)
		free(common->set[i]);
	free(common->set);
	common->set = NULL;
	common->set_count = 0;
}

int command_parse_count(const char *text, int64_t *count)
{
	char *rest;
	errno = 0;
	*count = strtoll(text, &rest, 10);
	return errno || *rest || *count < 1 ? -1 : 0;
}

int command_wrong(const char *command, const char *format, ...)
{
	va_list args;
	fprintf(stderr, "codeworker: %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see codeworker %s --help\n", command);
	return COMMAND_USAGE;
}

int command_failed(const struct err *err)
{
	fprintf(stderr, "codeworker: %s\n", err->text);
	return err->code == ERR_INVALID ? COMMAND_USAGE : 1;
}
