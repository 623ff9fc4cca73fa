/* replay.c: `codeworker replay`: puts jobs back, or runs them here and compares. */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "command_common.h"
#include "../log.h"
#include "../config/nearest.h"
#include "../replay/replay_run.h"
#include "start_text.h"
#include "../time_text.h"

static void print_usage(FILE *out)
{
	fputs("codeworker replay --from dead|errors|results|requests [OPTIONS]\n\n"
		"Puts jobs back: their requests go to the request topic once more, as they were, with\n"
		"executionId ID~r1 (then ~r2, ...) and replayOf. Prints the new ids. An execution that has\n"
		"a replay is left out, so replaying twice does not run twice.\n\n"
		"  --from TOPIC             which topic tells of the jobs: dead letters, error events (of\n"
		"                           last attempts), results, or requests\n"
		"  --since TIME, --until TIME\n"
		"                           of that topic's records: 10m (ago), 2025-01-31T12:00,\n"
		"                           milliseconds since 1970\n"
		"  --thread T, --node N, --tenant T\n"
		"                           only of this thread, node, tenant\n"
		"  --status S               only what ended COMPLETED, FAILED, CANCELLED or SKIPPED\n"
		"  --error CODE             only what ended with this error, such as timeout\n"
		"  -c, --limit N            end after N jobs\n"
		"  --rate N[/s|/m|/h]       at most so many a second (minute, hour)\n"
		"  --dry-run                put nothing back; print the executionIds of what would be\n"
		"  --verify                 put nothing back; run the jobs here, in the sandbox, and show\n"
		"                           how each result differs from the recorded one; exit with 1\n"
		"                           when one does\n"
		"  --force                  also what has a replay already, and the eleventh of a job\n"
		"  --json                   the records instead of ids, one JSON value a line: with\n"
		"                           --dry-run what was found, otherwise what was put back\n"
		"  -o OFFSET                as kcat: beginning, end, N, -N (before the end), s@MS\n"
		"  -e                       end at the end (it always does)\n\n"
		"SIGINT ends it in order, with 130; running it again goes on from there.\n", out);
}

enum { OPTION_FROM = 1, OPTION_SINCE, OPTION_UNTIL, OPTION_THREAD, OPTION_NODE, OPTION_TENANT,
	OPTION_STATUS, OPTION_ERROR, OPTION_RATE, OPTION_DRY_RUN, OPTION_VERIFY, OPTION_FORCE,
	OPTION_JSON };

static const struct option long_options[] = {
	{"from", required_argument, NULL, OPTION_FROM},
	{"since", required_argument, NULL, OPTION_SINCE},
	{"until", required_argument, NULL, OPTION_UNTIL},
	{"thread", required_argument, NULL, OPTION_THREAD},
	{"node", required_argument, NULL, OPTION_NODE},
	{"tenant", required_argument, NULL, OPTION_TENANT},
	{"status", required_argument, NULL, OPTION_STATUS},
	{"error", required_argument, NULL, OPTION_ERROR},
	{"limit", required_argument, NULL, 'c'}, {"rate", required_argument, NULL, OPTION_RATE},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN}, {"verify", no_argument, NULL, OPTION_VERIFY},
	{"force", no_argument, NULL, OPTION_FORCE}, {"json", no_argument, NULL, OPTION_JSON},
	COMMAND_COMMON_OPTIONS, {0}};

/* "5", "5/s", "30/m", "0.5/s": to the time between two. */
static int parse_rate(const char *text, int64_t *interval_us)
{
	static const struct { const char *suffix; double seconds; } units[] = {{"", 1}, {"/s", 1},
		{"/m", 60}, {"/h", 3600}};
	char *rest;
	errno = 0;
	double count = strtod(text, &rest);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(rest, units[i].suffix) != 0)
			continue;
		double us = units[i].seconds * 1e6 / count;
		if (errno || rest == text || !(count > 0) || !(us >= 0 && us < 1e15))
			return -1;
		*interval_us = (int64_t)us;
		return 0;
	}
	return -1;
}

static int wrong_error(const char *text)
{
	char hint[80];
	struct nearest nearest = nearest_to(text);
	for (int i = 0; i < ERROR_CODE_COUNT; i++)
		nearest_offer(&nearest, error_code_name((enum error_code)i));
	return command_wrong("replay", "there is no error '%s'%s", text,
		nearest_hint(&nearest, hint, sizeof hint));
}

static bool is_error_code(const char *text)
{
	for (int i = 0; i < ERROR_CODE_COUNT; i++)
		if (strcmp(text, error_code_name((enum error_code)i)) == 0)
			return true;
	return false;
}

struct arguments {
	struct replay_options options;
	bool from_given, offset_given;
};

/* Returns -1 to go on, otherwise the exit code. */
static int take_own(struct arguments *given, int option)
{
	struct replay_options *options = &given->options;
	struct replay_filter *filter = &options->filter;
	int wrong = 0;
	switch (option) {
	case OPTION_FROM:
		given->from_given = true;
		wrong = replay_from_parse(optarg, &options->from);
		break;
	case OPTION_SINCE: wrong = time_parse(optarg, time_now_ms(), &filter->since_ms); break;
	case OPTION_UNTIL: wrong = time_parse(optarg, time_now_ms(), &filter->until_ms); break;
	case OPTION_THREAD: filter->thread_id = optarg; break;
	case OPTION_NODE: filter->node_id = optarg; break;
	case OPTION_TENANT: filter->tenant = optarg; break;
	case OPTION_STATUS: wrong = !(filter->status = status_find(optarg)); break;
	case OPTION_ERROR:
		filter->error = optarg;
		if (!is_error_code(optarg))
			return wrong_error(optarg);
		break;
	case OPTION_RATE: wrong = parse_rate(optarg, &options->interval_us); break;
	case OPTION_DRY_RUN: options->dry_run = true; break;
	case OPTION_VERIFY: options->verify = true; break;
	case OPTION_FORCE: options->force = true; break;
	case OPTION_JSON: options->json = true; break;
	case 'c': wrong = command_parse_count(optarg, &options->limit); break;
	case 'o':
		given->offset_given = true;
		wrong = start_parse_offset(optarg, &options->start);
		break;
	case 'e': break;
	}
	return wrong ? command_wrong("replay", "'%s' is not what that option takes", optarg) : -1;
}

static int take(struct command_common *common, struct arguments *given, int option)
{
	switch (command_common_take(common, option, optarg)) {
	case COMMAND_DONE:
		return 0;
	case COMMAND_WRONG:
		return COMMAND_USAGE;
	case COMMAND_NOT_COMMON:
		return take_own(given, option);
	case COMMAND_TAKEN:
		break;
	}
	return -1;
}

static int replay_with(struct command_common *common, struct arguments *given)
{
	struct config *config;
	struct err err;
	struct replay_options *options = &given->options;
	if (!given->from_given)
		return command_wrong("replay", "--from dead, errors, results or requests is needed");
	if (!given->offset_given && options->filter.since_ms != INT64_MIN)
		options->start = (struct kafka_start){.from = START_TIME,
			.value = options->filter.since_ms};
	if (command_common_config(common, &config, &err) != 0)
		return command_failed(&err);
	log_setup(config);
	int answer = replay_run(config, options, &err);
	config_free(config);
	return answer < 0 ? command_failed(&err) : answer;
}

int command_replay(int argc, char **argv)
{
	struct command_common common = {.usage = print_usage};
	struct arguments given = {.options = {.start = {.from = START_BEGINNING},
		.filter = {.since_ms = INT64_MIN, .until_ms = INT64_MAX}}};
	int option, answer = -1;
	while (answer < 0 && (option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS "ec:o:",
		long_options, NULL)) != -1)
		answer = take(&common, &given, option);
	if (answer < 0 && optind < argc)
		answer = command_wrong("replay", "what is '%s'?", argv[optind]);
	if (answer < 0)
		answer = replay_with(&common, &given);
	command_common_free(&common);
	return answer;
}
