/* bench.c: `codeworker bench`: what jobs cost in sandboxes (bench_jobs.h) and, with --kafka, through a real
 * broker, beside jobs without, before and after it (bench_kafka.h).
 */
#include "../command.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "../bench_jobs.h"
#include "../bench_kafka.h"
#include "../command_common.h"

#define PARTITIONS 8
#define KAFKA_SECONDS 10		/* at least: a broker that has just started is not yet itself */

struct bench_options {
	struct bench_settings settings;
	bool kafka;
	const struct command_common *common;
	const struct config *config;	/* with kafka only */
};

/* Without Kafka, for as long as the other. */
static int rate_without(struct sandbox *sandbox, const struct bench_options *options, double *rate,
	double *by_cpu, struct err *err)
{
	double cpu = bench_cpu_seconds(getpid()), begin = bench_now_ms();
	if (bench_jobs_rate(sandbox, BENCH_PYTHON, &options->settings, rate, err) < 0)
		return -1;
	double jobs = *rate * (bench_now_ms() - begin) / 1e3;
	*by_cpu = jobs / (bench_cpu_seconds(getpid()) - cpu);
	return 0;
}

/* Cold jobs or warm ones; the worker's are the same. */
static int measure_kafka(const struct bench_options *options, bool warm, struct err *err)
{
	struct sandbox *sandbox;
	double rate[2], by_cpu[2];
	struct bench_rate through;
	if (bench_jobs_open(&options->settings, warm, -1, &sandbox, err) < 0)
		return -1;
	double seconds = options->settings.seconds > KAFKA_SECONDS ? options->settings.seconds : KAFKA_SECONDS;
	int result = rate_without(sandbox, options, &rate[0], &by_cpu[0], err);
	const struct bench_load load = {.script_type = "python", .code = BENCH_PYTHON_CODE,
		.slots = options->settings.slots, .partitions = PARTITIONS, .warm = warm,
		.jobs = result < 0 ? 0 : (size_t)(rate[0] * seconds) + 20};
	if (result == 0)
		result = bench_kafka_run(options->config, (const char *const *)options->common->set,
			options->common->set_count, &load, &through, err);
	if (result == 0)
		result = rate_without(sandbox, options, &rate[1], &by_cpu[1], err);
	sandbox_close(sandbox);
	if (result < 0)
		return -1;
	double without = (rate[0] + rate[1]) / 2, without_cpu = (by_cpu[0] + by_cpu[1]) / 2;
	double with = through.jobs / through.seconds, with_cpu = through.jobs / through.cpu_seconds;
	printf("\nPython, %s, through Kafka, exactly once: %zu requests over %d partitions, %d at once.\n"
		"%-28s %14s %14s %9s\n%-28s %14.0f %14.0f %8.0f%%\n%-28s %14.0f %14.0f %8.0f%%\n",
		warm ? "warm" : "cold", load.jobs, PARTITIONS, options->settings.slots, "", "without Kafka",
		"through Kafka", "ratio", "jobs a second", without, with, 100 * with / without,
		"jobs a CPU second", without_cpu, with_cpu, 100 * with_cpu / without_cpu);
	printf("CPU ms a job: %.2f without Kafka; %.2f through it, and on the same processors %.2f of the broker\n"
		"and %.2f of the reader that counts the results.\n", 1000 / without_cpu, 1000 / with_cpu,
		1000 * through.broker_cpu_seconds / through.jobs,
		1000 * through.reader_cpu_seconds / through.jobs);
	return 0;
}

static void usage(FILE *out)
{
	fputs("usage: codeworker bench [--count N] [--seconds N] [--kafka]\n\n"
		"Measures strict jobs, cold and warm, beside the same programs bare, in one run.\n\n"
		"  --count N     pairs a measurement (100)\n"
		"  --seconds N   length of each measurement at full load (3)\n"
		"  --kafka       also jobs through the brokers of the configuration, beside jobs without;\n"
		"                makes seven topics for it (scripts/kafka run gives a broker of its own)\n",
		out);
}

static int run(const struct bench_options *options)
{
	struct err err = {0};
	for (int warm = 0; warm < 2; warm++)
		if (bench_jobs_measure(&options->settings, warm, &err) < 0 ||
				(options->kafka && measure_kafka(options, warm, &err) < 0))
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
	enum { OPTION_COUNT = 2000, OPTION_SECONDS, OPTION_KAFKA };
	static const struct option long_options[] = {
		{"count", required_argument, NULL, OPTION_COUNT},
		{"seconds", required_argument, NULL, OPTION_SECONDS},
		{"kafka", no_argument, NULL, OPTION_KAFKA}, COMMAND_COMMON_OPTIONS, {0}};
	struct command_common common = {.usage = usage};
	struct bench_options options = {.settings.slots = processors(), .common = &common};
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
			else if (option == OPTION_KAFKA)
				options.kafka = true;
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
