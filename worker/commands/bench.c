/* bench.c: `codeworker bench`: sandboxed jobs beside the same programs bare, in turn, in one run.
 *
 * A pair is one bare spawn and one sandboxed job, so both meet the machine in the same mood; the ratio
 * is of medians. Each program is measured back to back, and with a pause before each, since a
 * machine that has just been idle behaves differently (grace periods, sleeping processors). With --kafka,
 * jobs a second through a real broker stand beside those without, before and after it.
 */
#include "../command.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../sandbox/sandbox.h"
#include "../bench_kafka.h"
#include "../command_common.h"

struct program {
	const char *name;
	struct sandbox_runtime runtime;
	const char *code;
	const char *bare[4];
};

#define PYTHON 1			/* its place among the programs */
#define PARTITIONS 8

struct bench_options {
	size_t count;
	double seconds;
	bool kafka;
	int slots;
	const struct command_common *common;
	const struct config *config;	/* with kafka only */
};

static const char *const shell_argv[] = {"/bin/sh", "{file}", NULL};
static const char *const python_argv[] = {"/usr/bin/python3", NULL};
static const char *const node_argv[] = {"/usr/bin/node", NULL};

static const struct program programs[] = {
	{"shell", {"shell", SANDBOX_RUNTIME_EXEC, shell_argv, ".sh"}, "true",
		{"/bin/sh", "-c", "true", NULL}},
	{"python", {"python", SANDBOX_RUNTIME_PYTHON, python_argv, ".py"}, "pass",
		{"/usr/bin/python3", "-c", "pass", NULL}},
	{"javascript", {"javascript", SANDBOX_RUNTIME_NODE, node_argv, ".js"}, "0",
		{"/usr/bin/node", "-e", "0", NULL}},
};
#define PROGRAMS (sizeof programs / sizeof *programs)

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int bare_spawn(const struct program *program, pid_t *pid)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", language[] = "LANG=C.UTF-8";
	char *environment[] = {path, language, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	int result = posix_spawn(pid, program->bare[0], &actions, NULL,
		(char *const *)program->bare, environment);
	posix_spawn_file_actions_destroy(&actions);
	return result == 0 ? 0 : -1;
}

static int bare_run(const struct program *program, double *ms, struct err *err)
{
	double begin = now_ms();
	pid_t pid;
	int status;
	if (bare_spawn(program, &pid) < 0)
		return err_set(err, ERR_UNAVAILABLE, "%s can't be started", program->bare[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	*ms = now_ms() - begin;
	return status == 0 ? 0 : err_set(err, ERR_SYSTEM, "%s failed", program->bare[0]);
}

static int job_start(struct sandbox *sandbox, size_t runtime, uint64_t tag, struct err *err)
{
	const struct program *program = &programs[runtime];
	struct sandbox_job job = {.tag = tag, .runtime = runtime, .level = SANDBOX_STRICT,
		.code = program->code, .code_size = strlen(program->code), .thread_id = "bench",
		.node_id = "bench", .execution_id = "bench"};
	return sandbox_start(sandbox, &job, err);
}

static int job_collect(struct sandbox *sandbox, struct err *err)
{
	struct sandbox_result result;
	int got = sandbox_poll(sandbox, 60000, &result, err);
	if (got < 0)
		return -1;
	if (got == 0)
		return err_set(err, ERR_SYSTEM, "a job gave no answer in 60 s");
	bool passed = result.verdict == SANDBOX_EXITED && result.exit_code == 0;
	if (!passed)
		err_set(err, ERR_SYSTEM, "a job failed: %s", result.reason[0] ? result.reason :
			result.err.data ? result.err.data : "no reason given");
	sandbox_result_free(&result);
	return passed ? 0 : -1;
}

static int job_run(struct sandbox *sandbox, size_t runtime, double *ms, struct err *err)
{
	double begin = now_ms();
	if (job_start(sandbox, runtime, 1, err) < 0 || job_collect(sandbox, err) < 0)
		return -1;
	*ms = now_ms() - begin;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static double quantile(double *values, size_t count, double part)
{
	qsort(values, count, sizeof *values, compare);
	size_t at = (size_t)((double)count * part);
	return values[at < count ? at : count - 1];
}

static int measure_pairs(struct sandbox *sandbox, size_t runtime, size_t count, long pause_ms,
	struct err *err)
{
	double *bare = calloc(count, sizeof *bare), *boxed = calloc(count, sizeof *boxed);
	struct timespec pause = {.tv_nsec = pause_ms * 1000000};
	int result = bare && boxed ? 0 : err_set(err, ERR_MEMORY, "no memory");
	for (size_t i = 0; i < count && result == 0; i++) {
		nanosleep(&pause, NULL);
		result = bare_run(&programs[runtime], &bare[i], err);
		nanosleep(&pause, NULL);
		if (result == 0)
			result = job_run(sandbox, runtime, &boxed[i], err);
	}
	if (result == 0) {
		double bare_p50 = quantile(bare, count, 0.5), boxed_p50 = quantile(boxed, count, 0.5);
		printf("%-11s %-13s %8.2f %8.2f %10.2f %10.2f %8.2fx %+8.2f\n", programs[runtime].name,
			pause_ms ? "50 ms idle" : "back to back", bare_p50, quantile(bare, count, 0.95),
			boxed_p50, quantile(boxed, count, 0.95), boxed_p50 / bare_p50,
			boxed_p50 - bare_p50);
		fflush(stdout);
	}
	free(bare);
	free(boxed);
	return result;
}

/* As many at once as there are slots, for some seconds. */
static int measure_boxed_rate(struct sandbox *sandbox, size_t runtime, int slots, double seconds,
	double *rate, struct err *err)
{
	double begin = now_ms(), end = begin + seconds * 1e3;
	uint64_t tag = 1, done = 0;
	while (now_ms() < end) {
		while (sandbox_running(sandbox) < slots)
			if (job_start(sandbox, runtime, tag++, err) < 0)
				return -1;
		if (job_collect(sandbox, err) < 0)
			return -1;
		done++;
	}
	*rate = (double)done / (now_ms() - begin) * 1e3;
	while (sandbox_running(sandbox) > 0)
		if (job_collect(sandbox, err) < 0)
			return -1;
	return 0;
}

static int measure_bare_rate(size_t runtime, int slots, double seconds, double *rate,
	struct err *err)
{
	double begin = now_ms(), end = begin + seconds * 1e3;
	uint64_t done = 0;
	int running = 0;
	while (now_ms() < end || running > 0) {
		pid_t pid;
		while (running < slots && now_ms() < end) {
			if (bare_spawn(&programs[runtime], &pid) < 0)
				return err_set(err, ERR_UNAVAILABLE, "%s can't be started",
					programs[runtime].bare[0]);
			running++;
		}
		/* by group: the launcher is a child too, and leads a session of its own */
		if (running > 0 && waitpid(0, NULL, 0) > 0) {
			running--;
			done++;
		}
	}
	*rate = (double)done / (now_ms() - begin) * 1e3;
	return 0;
}

static bool is_here(const struct sandbox_self_test *found, size_t runtime, bool warm)
{
	return found->runtime_available[runtime] && (!warm || found->runtime_warm[runtime]);
}

/* warm: only what is forked from a warm interpreter here. */
static int measure_latency(struct sandbox *sandbox, const struct bench_options *options, bool warm,
	struct err *err)
{
	const struct sandbox_self_test *found = sandbox_self_test(sandbox);
	printf("\nOne job at a time, strict, %s, beside the program bare; milliseconds.\n"
		"%-11s %-13s %8s %8s %10s %10s %9s %8s\n", warm ? "warm" : "cold", "", "",
		"bare p50", "p95", "strict p50", "p95", "ratio", "more");
	for (size_t i = 0; i < PROGRAMS; i++) {
		if (!is_here(found, i, warm)) {
			if (programs[i].runtime.kind != SANDBOX_RUNTIME_EXEC)
				printf("%-11s left out: %s\n", programs[i].name,
					found->runtime_reason[i][0] ? found->runtime_reason[i] :
					"it is not here");
			continue;
		}
		if (measure_pairs(sandbox, i, options->count, 0, err) < 0 ||
				measure_pairs(sandbox, i, options->count / 2 + 1, 50, err) < 0)
			return -1;
	}
	return 0;
}

static int measure_load(struct sandbox *sandbox, const struct bench_options *options, bool warm,
	struct err *err)
{
	const struct sandbox_self_test *found = sandbox_self_test(sandbox);
	printf("\nFull load, strict, %s, %d at once; jobs a second.\n%-11s %12s %12s %9s\n",
		warm ? "warm" : "cold", options->slots, "", "bare", "strict", "ratio");
	for (size_t i = 0; i < PROGRAMS; i++) {
		double bare = 0, boxed = 0;
		if (!is_here(found, i, warm))
			continue;
		if (measure_bare_rate(i, options->slots, options->seconds, &bare, err) < 0 ||
				measure_boxed_rate(sandbox, i, options->slots, options->seconds, &boxed,
				err) < 0)
			return -1;
		printf("%-11s %12.0f %12.0f %8.2fx\n", programs[i].name, bare, boxed, boxed / bare);
		fflush(stdout);
	}
	return 0;
}

static int sandbox_made(const struct bench_options *options, bool warm, struct sandbox **sandbox,
	struct err *err)
{
	struct sandbox_runtime runtimes[PROGRAMS];
	for (size_t i = 0; i < PROGRAMS; i++)
		runtimes[i] = programs[i].runtime;
	const struct sandbox_config config = {.slots = options->slots, .floor = SANDBOX_STRICT,
		.runtimes = runtimes, .runtime_count = PROGRAMS, .pool = -1, .no_warm = !warm};
	if (sandbox_open(&config, sandbox, err) < 0)
		return -1;
	const struct sandbox_self_test *found = sandbox_self_test(*sandbox);
	if (found->available[SANDBOX_STRICT])
		return 0;
	err_set(err, ERR_UNAVAILABLE, "no strict sandbox here: %s", found->reason[SANDBOX_STRICT]);
	sandbox_close(*sandbox);
	return -1;
}

static int measure(const struct bench_options *options, bool warm, struct err *err)
{
	struct sandbox *sandbox;
	if (sandbox_made(options, warm, &sandbox, err) < 0)
		return -1;
	int result = measure_latency(sandbox, options, warm, err);
	if (result == 0)
		result = measure_load(sandbox, options, warm, err);
	sandbox_close(sandbox);
	return result;
}

/* Without Kafka, for as long as the other. */
static int rate_without(struct sandbox *sandbox, const struct bench_options *options, double *rate,
	double *by_cpu, struct err *err)
{
	double cpu = bench_cpu_seconds(getpid()), begin = now_ms();
	if (measure_boxed_rate(sandbox, PYTHON, options->slots, options->seconds, rate, err) < 0)
		return -1;
	double jobs = *rate * (now_ms() - begin) / 1e3;
	*by_cpu = jobs / (bench_cpu_seconds(getpid()) - cpu);
	return 0;
}

/* Cold jobs or warm ones; the worker's are the same. */
static int measure_kafka(const struct bench_options *options, bool warm, struct err *err)
{
	struct sandbox *sandbox;
	double rate[2], by_cpu[2];
	struct bench_rate through;
	if (sandbox_made(options, warm, &sandbox, err) < 0)
		return -1;
	int result = rate_without(sandbox, options, &rate[0], &by_cpu[0], err);
	const struct bench_load load = {.script_type = "python", .code = programs[PYTHON].code,
		.slots = options->slots, .partitions = PARTITIONS, .warm = warm,
		.jobs = result < 0 ? 0 : (size_t)(rate[0] * options->seconds) + 20};
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
		warm ? "warm" : "cold", load.jobs, PARTITIONS, options->slots, "", "without Kafka",
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
		if (measure(options, warm, &err) < 0 ||
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
	struct bench_options options = {.slots = processors(), .common = &common};
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
	options.count = (size_t)count;
	options.seconds = (double)seconds;
	if (answer < 0)
		answer = run_configured(&options, &common);
	command_common_free(&common);
	return answer;
}
