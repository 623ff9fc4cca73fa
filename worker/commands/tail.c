/* tail.c: `codeworker tail`: results and error events, decoded.
 *
 * One loop: read, decode, filter, print. It ends at the end of the topics, after -c records, on a
 * signal, or when nobody reads its output any more; each of these is success.
 */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../codec/codec.h"
#include "../kafka/kafka_client.h"
#include "record_view.h"
#include "start_text.h"
#include "table.h"
#include "../time_text.h"
#include "command_common.h"

struct tail_options {
	bool results, errors, follow, json;
	const char *thread, *node, *status;
	struct kafka_start start;
	int64_t count;			/* 0: no bound */
};

static const struct table_column columns[] = {{"TIME", 23}, {"STATUS", 9}, {"THREAD:NODE", 20},
	{"EXECUTION", 36}, {"TYPE", 10}, {"TRY", 3}, {"MS", 6}, {"", 0}};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static void signals_take(void)
{
	struct sigaction action = {.sa_handler = stop};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;	/* a closed pipe is seen where we write */
	sigaction(SIGPIPE, &action, NULL);
}

static bool nobody_reads(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};
	return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLNVAL));
}

static bool is_wanted(const struct tail_options *options, const struct record_view *view)
{
	const struct { const char *wanted, *found; } pairs[] = {{options->thread, view->thread_id},
		{options->node, view->node_id}, {options->status, view->status}};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (pairs[i].wanted && (!pairs[i].found || strcmp(pairs[i].wanted, pairs[i].found)))
			return false;
	return true;
}

static int print_line(const struct table *table, const struct record_view *view)
{
	char when[40], key[512], attempt[12], took[24] = "";
	time_format(view->timestamp_ms, when, sizeof when);
	snprintf(key, sizeof key, "%s:%s", view->thread_id ? view->thread_id : "",
		view->node_id ? view->node_id : "");
	snprintf(attempt, sizeof attempt, "%d", view->attempt);
	if (view->execution_time_ms >= 0)
		snprintf(took, sizeof took, "%lld", (long long)view->execution_time_ms);
	const struct table_cell cells[] = {{when, TABLE_DIM},
		{record_view_status(view), record_view_colour(view)}, {key, TABLE_PLAIN},
		{view->execution_id, TABLE_DIM}, {view->script_type, TABLE_PLAIN},
		{attempt, TABLE_PLAIN}, {took, TABLE_PLAIN}, {view->detail, TABLE_PLAIN}};
	return table_row(table, cells);
}

static int print_json(FILE *out, const char *json)
{
	fputs(json, out);
	putc('\n', out);
	return fflush(out) == EOF || ferror(out) ? -1 : 0;
}

/* Returns 1 when a line was printed, 0 when not, -1 when output failed. */
static int show(struct codec *codec, const struct tail_options *options,
	const struct table *table, const struct kafka_record *record)
{
	struct record_view view;
	struct err err;
	if (record_view_open(codec, record->value, record->value_size, &view, &err) != 0) {
		fprintf(stderr, "codeworker: %s partition %d offset %lld skipped: %s\n",
			record->topic, record->partition, (long long)record->offset, err.text);
		return 0;
	}
	int shown = 0;
	if (is_wanted(options, &view)) {
		int failed = options->json ? print_json(table->out, view.json) :
			print_line(table, &view);
		shown = failed ? -1 : 1;
	}
	record_view_close(&view);
	return shown;
}

static int tail_loop(struct kafka_reader *reader, struct codec *codec,
	const struct tail_options *options, struct err *err)
{
	const struct table table = {stdout, columns, sizeof columns / sizeof *columns,
		table_wants_colour(stdout)};
	int64_t printed = 0;
	if (!options->json)
		table_header(&table);
	while (!stopped && !nobody_reads()) {
		struct kafka_record record;
		enum kafka_read read = kafka_reader_next(reader, 200, &record, err);
		if (read == KAFKA_READ_ERROR)
			return -1;
		if (read == KAFKA_READ_END && !options->follow)
			return 0;
		if (read != KAFKA_READ_RECORD)
			continue;
		int shown = show(codec, options, &table, &record);
		if (shown < 0)
			return errno == EPIPE ? 0 : err_system(err, "write to standard output");
		printed += shown;
		if (options->count > 0 && printed >= options->count)
			return 0;
	}
	return 0;
}

static int tail_run(const struct config *config, const struct tail_options *options,
	struct err *err)
{
	const char *topics[2];
	size_t count = 0;
	struct codec *codec = NULL;
	struct kafka_reader *reader = NULL;
	if (options->results)
		topics[count++] = config->topics.results;
	if (options->errors)
		topics[count++] = config->topics.errors;
	signals_take();
	int answer = codec_new(config->schemas.path, &codec, err);
	if (answer == 0)
		answer = kafka_reader_new(config, topics, count, options->start, &reader, err);
	if (answer == 0)
		answer = tail_loop(reader, codec, options, err);
	kafka_reader_free(reader);
	codec_free(codec);
	/* What nobody wanted to read is no failure: nothing may stay to be flushed at exit. */
	if (answer == 0 && nobody_reads() && !freopen("/dev/null", "w", stdout))
		return err_system(err, "open /dev/null");
	return answer;
}

static void print_usage(FILE *out)
{
	fputs("codeworker tail [--results] [--errors] [--thread T] [--node N] [--status S]\n"
		"                [--from beginning|end|TIME] [--follow] [--json]\n\n"
		"Shows results and error events, decoded, one a line; ends at the end.\n\n"
		"  --results, --errors      only these (default: both)\n"
		"  --thread T, --node N     only of this thread, this node\n"
		"  --status S               only results with COMPLETED, FAILED, CANCELLED or SKIPPED\n"
		"  --from FROM              beginning (default), end, or a time: 10m (ago),\n"
		"                           2025-01-31T12:00, milliseconds since 1970\n"
		"  -f, --follow             go on with what comes\n"
		"  --json                   the records themselves, one JSON value a line\n"
		"  -c N                     end after N records\n"
		"  -o OFFSET                as kcat: beginning, end, N, -N (before the end), s@MS\n"
		"  -e                       end at the end (default without --follow)\n", out);
}

enum { OPTION_RESULTS = 1, OPTION_ERRORS, OPTION_THREAD, OPTION_NODE, OPTION_STATUS, OPTION_FROM,
	OPTION_JSON };

static const struct option long_options[] = {
	{"results", no_argument, NULL, OPTION_RESULTS}, {"errors", no_argument, NULL, OPTION_ERRORS},
	{"thread", required_argument, NULL, OPTION_THREAD},
	{"node", required_argument, NULL, OPTION_NODE},
	{"status", required_argument, NULL, OPTION_STATUS},
	{"from", required_argument, NULL, OPTION_FROM}, {"follow", no_argument, NULL, 'f'},
	{"json", no_argument, NULL, OPTION_JSON}, COMMAND_COMMON_OPTIONS, {0}};

static int take_own(struct tail_options *options, int option)
{
	int wrong = 0;
	switch (option) {
	case OPTION_RESULTS: options->results = true; break;
	case OPTION_ERRORS: options->errors = true; break;
	case OPTION_THREAD: options->thread = optarg; break;
	case OPTION_NODE: options->node = optarg; break;
	case OPTION_STATUS: wrong = !(options->status = status_find(optarg)); break;
	case OPTION_FROM: wrong = start_parse(optarg, &options->start); break;
	case OPTION_JSON: options->json = true; break;
	case 'f': options->follow = true; break;
	case 'e': options->follow = false; break;
	case 'c': wrong = command_parse_count(optarg, &options->count); break;
	case 'o': wrong = start_parse_offset(optarg, &options->start); break;
	}
	return wrong ? command_wrong("tail", "'%s' is not what that option takes", optarg) : -1;
}

/* Returns -1 to go on, otherwise the exit code. */
static int take(struct command_common *common, struct tail_options *options, int option)
{
	switch (command_common_take(common, option, optarg)) {
	case COMMAND_DONE:
		return 0;
	case COMMAND_WRONG:
		return COMMAND_USAGE;
	case COMMAND_NOT_COMMON:
		return take_own(options, option);
	case COMMAND_TAKEN:
		break;
	}
	return -1;
}

static int tail_with(struct command_common *common, struct tail_options *options)
{
	struct config *config;
	struct err err;
	if (!options->results && !options->errors) {
		options->results = true;
		options->errors = !options->status;	/* error events have none */
	}
	if (command_common_config(common, &config, &err) != 0)
		return command_failed(&err);
	int answer = tail_run(config, options, &err);
	config_free(config);
	return answer < 0 ? command_failed(&err) : answer;
}

int command_tail(int argc, char **argv)
{
	struct command_common common = {.usage = print_usage};
	struct tail_options options = {.start = {.from = START_BEGINNING}};
	int option, answer = -1;
	while (answer < 0 && (option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS "fec:o:",
		long_options, NULL)) != -1)
		answer = take(&common, &options, option);
	if (answer < 0 && optind < argc)
		answer = command_wrong("tail", "what is '%s'?", argv[optind]);
	if (answer < 0)
		answer = tail_with(&common, &options);
	command_common_free(&common);
	return answer;
}
