/* submit.c: `codeworker submit`: publishes requests, and with --wait prints their results. */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../codec/codec.h"
#include "../kafka/kafka_client.h"
#include "request_options.h"
#include "../kafka/result_wait.h"
#include "../time_text.h"
#include "command_common.h"

#define PATIENCE_MS 10000		/* until a word about why nothing comes */

struct submit_options {
	const char *thread, *node, *execution_id;
	const char *topic;		/* NULL: topics.requests */
	int64_t count;
	enum encoding encoding;
	bool wait;
	int64_t wait_ms;		/* 0: as long as it takes */
};

struct submission {
	const struct config *config;
	const struct submit_options *options;
	struct codec *codec;
	struct kafka_producer *producer;
	struct result_wait *wait;	/* NULL without --wait */
	char *key;
};

/* A random UUID (version 4). */
static int fresh_id(char id[37], struct err *err)
{
	unsigned char b[16];
	if (getrandom(b, sizeof b, 0) != sizeof b)
		return err_system(err, "no randomness for an executionId");
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(id, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		b[13], b[14], b[15]);
	return 0;
}

static const char *topic_of(const struct submission *submission)
{
	const char *topic = submission->options->topic;
	return topic ? topic : submission->config->topics.requests;
}

static int submit_one(struct submission *submission, struct request *request, struct err *err)
{
	char id[37];
	void *bytes;
	size_t size;
	request->execution_id = submission->options->execution_id;
	if (!request->execution_id) {
		if (fresh_id(id, err) != 0)
			return -1;
		request->execution_id = id;
	}
	if (submission->wait && result_wait_add(submission->wait, request->execution_id, err) != 0)
		return -1;
	if (codec_encode_request(submission->codec, submission->options->encoding, request, &bytes,
		&size, err) != 0)
		return -1;
	const struct kafka_message message = {.topic = topic_of(submission),
		.key = submission->key, .key_size = strlen(submission->key), .value = bytes,
		.value_size = size};
	int answer = kafka_producer_send(submission->producer, &message, err);
	free(bytes);
	if (answer == 0)
		fprintf(submission->wait ? stderr : stdout, "%s\n", request->execution_id);
	request->execution_id = NULL;
	return answer;
}

static void say_waiting(const struct submission *submission)
{
	fprintf(stderr, "codeworker: still waiting for %zu result%s on %s; is a worker running "
		"(codeworker run)?\n", result_wait_missing(submission->wait),
		result_wait_missing(submission->wait) == 1 ? "" : "s",
		submission->config->topics.results);
}

/* Prints results as they come. Returns 0 when all were successes, 1 when not, -1 with err. */
static int print_results(struct submission *submission, struct err *err)
{
	int64_t began_ms = time_now_ms(), word_ms = began_ms + PATIENCE_MS;
	int64_t limit_ms = submission->options->wait_ms;
	int answer = 0;
	while (result_wait_missing(submission->wait) > 0) {
		char *json;
		bool success;
		int came = result_wait_next(submission->wait, 200, &json, &success, err);
		if (came < 0)
			return -1;
		if (came > 0) {
			bool written = printf("%s\n", json) >= 0 && fflush(stdout) == 0;
			free(json);
			if (!written)
				return err_system(err, "write to standard output");
			answer = success ? answer : 1;
			word_ms = time_now_ms() + PATIENCE_MS;
		}
		if (limit_ms > 0 && time_now_ms() - began_ms > limit_ms)
			return err_set(err, ERR_BROKER, "no result of %zu within %" PRId64 " ms",
				result_wait_missing(submission->wait), limit_ms);
		if (time_now_ms() > word_ms) {
			say_waiting(submission);
			word_ms = INT64_MAX;
		}
	}
	return answer;
}

static int open_all(struct submission *submission, struct err *err)
{
	const struct config *config = submission->config;
	const struct submit_options *options = submission->options;
	if (asprintf(&submission->key, "%s:%s", options->thread, options->node) < 0) {
		submission->key = NULL;
		return err_set(err, ERR_MEMORY, "no memory for a key");
	}
	if (codec_new(config->schemas.path, &submission->codec, err) != 0 ||
		kafka_producer_new(config, &submission->producer, err) != 0 ||
		kafka_producer_need_topic(submission->producer, topic_of(submission), err) != 0)
		return -1;
	if (!options->wait)
		return 0;
	return result_wait_new(config, submission->codec, options->thread, options->node,
		options->execution_id != NULL, &submission->wait, err);
}

static int submit_all(struct submission *submission, struct request *request, struct err *err)
{
	request->thread_id = submission->options->thread;
	request->node_id = submission->options->node;
	for (int64_t i = 0; i < submission->options->count; i++)
		if (submit_one(submission, request, err) != 0)
			return -1;
	if (kafka_producer_flush(submission->producer, err) != 0)
		return -1;
	if (fflush(stdout) != 0)
		return err_system(err, "write to standard output");
	return submission->wait ? print_results(submission, err) : 0;
}

static int submit_run(const struct config *config, const struct submit_options *options,
	struct request *request, struct err *err)
{
	struct submission submission = {.config = config, .options = options};
	int answer = open_all(&submission, err);
	if (answer == 0)
		answer = submit_all(&submission, request, err);
	result_wait_free(submission.wait);
	kafka_producer_free(submission.producer);
	codec_free(submission.codec);
	free(submission.key);
	return answer;
}

static void print_usage(FILE *out)
{
	fputs("codeworker submit --thread T --node N [OPTIONS] (FILE | --code TEXT | --script NAME | -)\n\n"
		"Publishes a request and prints its executionId.\n\n"
		"  --thread T, --node N     who the result is for\n"
		"  --execution-id ID        the request's identity (default: a fresh one)\n"
		"  --topic NAME             one of topics.priorities (default: topics.requests)\n"
		"  -c, --count N            publish it N times (each with a fresh id by default)\n"
		"  --encoding json|avro     of the request (default json)\n"
		"  --wait[=TIME]            print the result as a line of JSON; exit with 0 when it is\n"
		"                           a success, else with 1; TIME: give up after it\n", out);
	request_options_help(out);
}

enum { OPTION_THREAD = 1, OPTION_NODE, OPTION_EXECUTION, OPTION_TOPIC, OPTION_ENCODING, OPTION_WAIT };

static const struct option long_options[] = {
	{"thread", required_argument, NULL, OPTION_THREAD},
	{"node", required_argument, NULL, OPTION_NODE},
	{"execution-id", required_argument, NULL, OPTION_EXECUTION},
	{"topic", required_argument, NULL, OPTION_TOPIC},
	{"count", required_argument, NULL, 'c'},
	{"encoding", required_argument, NULL, OPTION_ENCODING},
	{"wait", optional_argument, NULL, OPTION_WAIT},
	REQUEST_OPTIONS, COMMAND_COMMON_OPTIONS, {0}};

static int parse_encoding(const char *text, enum encoding *encoding)
{
	bool avro = strcmp(text, "avro") == 0;
	*encoding = avro ? ENCODING_AVRO : ENCODING_JSON;
	return avro || strcmp(text, "json") == 0 ? 0 : -1;
}

static int take_own(struct submit_options *options, int option)
{
	int wrong = 0;
	switch (option) {
	case OPTION_THREAD: options->thread = optarg; break;
	case OPTION_NODE: options->node = optarg; break;
	case OPTION_EXECUTION: options->execution_id = optarg; break;
	case OPTION_TOPIC: options->topic = optarg; break;
	case 'c': wrong = command_parse_count(optarg, &options->count); break;
	case OPTION_ENCODING: wrong = parse_encoding(optarg, &options->encoding); break;
	case OPTION_WAIT:
		options->wait = true;
		wrong = optarg && (config_parse_duration(optarg, &options->wait_ms) != 0 ||
			options->wait_ms < 1);
		break;
	}
	return wrong ? command_wrong("submit", "'%s' is not what that option takes", optarg) : -1;
}

/* Returns -1 to go on, otherwise the exit code. */
static int take(struct command_common *common, struct request_options *request,
	struct submit_options *options, int option)
{
	struct err err;
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
	if (option < REQUEST_OPTION_FIRST || option > REQUEST_OPTION_LAST)
		return take_own(options, option);
	if (request_options_take(request, option, optarg, &err) != 0)
		return command_wrong("submit", "%s", err.text);
	return -1;
}

/* Returns 0, or the exit code: a worker would never read it. */
static int topic_check(const struct config *config, const char *topic)
{
	for (size_t i = 0; topic && i < config_request_topics(config); i++)
		if (strcmp(config_request_topic(config, i), topic) == 0)
			return 0;
	return !topic ? 0 : command_wrong("submit", "%s is neither topics.requests nor one of "
		"topics.priorities", topic);
}

static int submit_with(struct command_common *common, struct request_options *request_options,
	const struct submit_options *options, const char *file)
{
	struct config *config;
	struct request *request;
	struct err err;
	if (command_common_config(common, &config, &err) != 0)
		return command_failed(&err);
	int answer = topic_check(config, options->topic);
	if (answer == 0)
		answer = request_options_finish(request_options, config, file, &request, &err);
	if (answer == 0)
		answer = submit_run(config, options, request, &err);
	config_free(config);
	return answer < 0 ? command_failed(&err) : answer;
}

static int check_arguments(int argc, char **argv, const struct submit_options *options)
{
	if (!options->thread || !*options->thread || !options->node || !*options->node)
		return command_wrong("submit", "--thread and --node are needed");
	if (options->execution_id && !*options->execution_id)
		return command_wrong("submit", "--execution-id is empty");
	if (strlen(options->thread) > ID_BYTES || strlen(options->node) > ID_BYTES ||
		(options->execution_id && strlen(options->execution_id) > ID_BYTES))
		return command_wrong("submit", "an id has at most %d bytes: a worker would refuse the "
			"request", ID_BYTES);
	if (optind + 1 < argc)
		return command_wrong("submit", "one FILE at a time; what is '%s'?",
			argv[optind + 1]);
	return -1;
}

int command_submit(int argc, char **argv)
{
	struct command_common common = {.usage = print_usage};
	struct submit_options options = {.count = 1, .encoding = ENCODING_JSON};
	struct request_options *request = request_options_new();
	int option, answer = request ? -1 : 1;
	while (answer < 0 && (option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS "c:",
		long_options, NULL)) != -1)
		answer = take(&common, request, &options, option);
	if (answer < 0)
		answer = check_arguments(argc, argv, &options);
	if (answer < 0)
		answer = submit_with(&common, request, &options,
			optind < argc ? argv[optind] : NULL);
	request_options_free(request);
	command_common_free(&common);
	return answer;
}
