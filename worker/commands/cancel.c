/* cancel.c: `codeworker cancel`: publishes a cancel. */
#include "command.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command_common.h"
#include "../codec/contract.h"
#include "../kafka/kafka_client.h"
#include "../time_text.h"

struct cancel_options {
	const char *thread, *node, *execution_id;	/* NULL: not given */
};

/* malloc'ed; NULL: no memory, or a name that is not UTF-8. */
static char *record_make(const struct cancel_options *options)
{
	json_t *record = json_pack("{s:s, s:s*, s:s*, s:s*, s:I}", "action", "cancel", "threadId",
		options->thread, "nodeId", options->node, "executionId", options->execution_id,
		"issuedAt", (json_int_t)time_now_ms());
	char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;
	json_decref(record);
	return text;
}

static int publish(const struct config *config, const char *key, const char *value,
	struct err *err)
{
	struct kafka_producer *producer;
	const struct kafka_message message = {.topic = config->topics.control, .key = key,
		.key_size = strlen(key), .value = value, .value_size = strlen(value)};
	if (kafka_producer_new(config, &producer, err) != 0)
		return -1;
	int answer = kafka_producer_need_topic(producer, config->topics.control, err);
	if (answer == 0)
		answer = kafka_producer_send(producer, &message, err);
	if (answer == 0)
		answer = kafka_producer_flush(producer, err);
	kafka_producer_free(producer);
	return answer;
}

static void say_done(const struct config *config, const struct cancel_options *options)
{
	if (options->execution_id)
		printf("cancel of execution %s", options->execution_id);
	else if (options->node)
		printf("cancel of thread %s, node %s,", options->thread, options->node);
	else
		printf("cancel of thread %s", options->thread);
	printf(" written to %s\n", config->topics.control);
}

static int cancel_run(const struct config *config, const struct cancel_options *options,
	struct err *err)
{
	char *record = record_make(options);
	if (!record)
		return err_set(err, ERR_INVALID, "cancel: an id is not UTF-8");
	int answer = publish(config, options->execution_id ? options->execution_id :
		options->thread, record, err);
	free(record);
	if (answer == 0)
		say_done(config, options);
	return answer;
}

static void print_usage(FILE *out)
{
	fputs("codeworker cancel (--thread T [--node N] | --execution-id ID)\n\n"
		"Stops jobs: those that run are killed, those that wait are not started. They end as\n"
		"CANCELLED, which is final. Of a thread, what was submitted before is meant; of an\n"
		"execution, also what comes within worker.cancel_window.\n\n"
		"  --thread T               all of a thread\n"
		"  --node N                 only this node of it\n"
		"  --execution-id ID        one execution\n", out);
}

enum { OPTION_THREAD = 1, OPTION_NODE, OPTION_EXECUTION };

static const struct option long_options[] = {
	{"thread", required_argument, NULL, OPTION_THREAD},
	{"node", required_argument, NULL, OPTION_NODE},
	{"execution-id", required_argument, NULL, OPTION_EXECUTION},
	COMMAND_COMMON_OPTIONS, {0}};

/* Returns -1 to go on, otherwise the exit code. */
static int take(struct command_common *common, struct cancel_options *options, int option)
{
	switch (command_common_take(common, option, optarg)) {
	case COMMAND_TAKEN:
		return -1;
	case COMMAND_DONE:
		return 0;
	case COMMAND_WRONG:
		return COMMAND_USAGE;
	case COMMAND_NOT_COMMON:
		break;
	}
	if (!*optarg || strlen(optarg) > ID_BYTES)
		return command_wrong("cancel", "an id has 1 to %d bytes", ID_BYTES);
	if (option == OPTION_THREAD)
		options->thread = optarg;
	else if (option == OPTION_NODE)
		options->node = optarg;
	else
		options->execution_id = optarg;
	return -1;
}

static int check_arguments(int argc, char **argv, const struct cancel_options *options)
{
	if (optind < argc)
		return command_wrong("cancel", "there are no arguments; what is '%s'?", argv[optind]);
	if (!options->thread == !options->execution_id)
		return command_wrong("cancel", "say --thread or --execution-id");
	if (options->node && !options->thread)
		return command_wrong("cancel", "--node goes with --thread");
	return -1;
}

static int cancel_with(struct command_common *common, const struct cancel_options *options)
{
	struct config *config;
	struct err err;
	if (command_common_config(common, &config, &err) != 0)
		return command_failed(&err);
	int answer = cancel_run(config, options, &err);
	config_free(config);
	return answer < 0 ? command_failed(&err) : answer;
}

int command_cancel(int argc, char **argv)
{
	struct command_common common = {.usage = print_usage};
	struct cancel_options options = {0};
	int option, answer = -1;
	while (answer < 0 && (option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS, long_options,
			NULL)) != -1)
		answer = take(&common, &options, option);
	if (answer < 0)
		answer = check_arguments(argc, argv, &options);
	if (answer < 0)
		answer = cancel_with(&common, &options);
	command_common_free(&common);
	return answer;
}
