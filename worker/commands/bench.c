/* bench.c: `codeworker bench`: what jobs cost in sandboxes (bench_jobs.h) and, with --kafka, what a worker
 * does through a real broker (bench_kafka.h).
 */
#include "command.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "../bench/bench_jobs.h"
#include "../bench/bench_kafka.h"
#include "command_common.h"

struct bench_options {
	struct bench_settings settings;
	bool jobs, kafka;
	const struct command_common *common;
	const struct config *config;	/* with kafka only */
};

static int measure_kafka(const struct bench_options *options, struct err *err)
{
	const struct bench_context context = {.config = options->config,
		.settings = (const char *const *)options->common->set,
		.setting_count = options->common->set_count, .slots = options->settings.slots,
		.count = options->settings.count, .seconds = options->settings.seconds};
	return bench_kafka_measure(&context, err);
}

static void usage(FILE *out)
{
	fputs("usage: codeworker bench [--count N] [--seconds N] [--kafka | --kafka-only]\n\n"
		"Measures strict jobs, cold and warm, beside the same programs bare, in one run.\n\n"
		"  --count N     pairs a measurement (100)\n"
		"  --seconds N   length of each measurement at full load (3)\n"
		"  --kafka       also what a worker does through the brokers of the configuration, beside\n"
		"                jobs without Kafka and a bare loop of librdkafka: rates, latencies,\n"
		"                cancels, tenants; makes topics for it and leaves them (scripts/kafka run\n"
		"                gives a broker of its own)\n"
		"  --kafka-only  that alone\n",
		out);
}

static int run(const struct bench_options *options)
{
	struct err err = {0};
	for (int warm = 0; warm < 2 && options->jobs; warm++)
		if (bench_jobs_measure(&options->settings, warm, &err) < 0)
			return command_failed(&err);
	if (options->kafka && measure_kafka(options, &err) < 0)
		return command_failed(&err);
	return 0;
}

static int processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count < 1 ? 1 : count > 64 ? 64 : (int)count;
}

static int run_configured(struct bench_options *options, struct command_common *common)
{
	struct config *config;
	struct err err = {0};
	if (common->overrides.file && setenv("CODEWORKER_CONFIG", common->overrides.file, 1) < 0)
		return 1;		/* for the worker, which is a process of its own */
	if (command_common_config(common, &config, &err) < 0)
		return command_failed(&err);
	options->config = config;
	int answer = run(options);
	config_free(config);
	return answer;
}

int command_bench(int argc, char **argv)
{
	enum { OPTION_COUNT = 2000, OPTION_SECONDS, OPTION_KAFKA, OPTION_KAFKA_ONLY };
	static const struct option long_options[] = {
		{"count", required_argument, NULL, OPTION_COUNT},
		{"seconds", required_argument, NULL, OPTION_SECONDS},
		{"kafka", no_argument, NULL, OPTION_KAFKA},
		{"kafka-only", no_argument, NULL, OPTION_KAFKA_ONLY}, COMMAND_COMMON_OPTIONS, {0}};
	struct command_common common = {.usage = usage};
	struct bench_options options = {.settings.slots = processors(), .jobs = true, .common = &common};
	long count = 100, seconds = 3;
	int option, answer = -1;
	while (answer < 0 && (option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS, long_options,
			NULL)) != -1)
		switch (command_common_take(&common, option, optarg)) {
		case COMMAND_TAKEN:
			break;
		case COMMAND_DONE:
			answer = 0;
			break;
		case COMMAND_WRONG:
			answer = COMMAND_USAGE;
			break;
		case COMMAND_NOT_COMMON:
			if (option == OPTION_COUNT)
				count = strtol(optarg, NULL, 10);
			else if (option == OPTION_SECONDS)
				seconds = strtol(optarg, NULL, 10);
			else if (option == OPTION_KAFKA || option == OPTION_KAFKA_ONLY)
				options.kafka = true, options.jobs = option == OPTION_KAFKA;
			else
				answer = COMMAND_USAGE;
			break;
		}
	if (answer < 0 && (count < 1 || count > 100000 || seconds < 1 || seconds > 3600 ||
			optind < argc))
		answer = command_wrong("bench", "--count takes 1 to 100000, --seconds 1 to 3600, and "
			"there are no arguments");
	options.settings.count = (size_t)count;
	options.settings.seconds = (double)seconds;
	if (answer < 0)
		answer = run_configured(&options, &common);
	command_common_free(&common);
	return answer;
}
