/* bench_jobs.c: see bench_jobs.h. */
#include "bench_jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_measure.h"
#include "bench_nothing.h"

#define IDLE_MS 50
#define REFILL_MS 30			/* by then the pool holds what it is to hold */

struct program {
	const char *name;
	struct sandbox_runtime runtime;
	const char *code;
	const char *bare[4];
	const char *clock;		/* code that prints CLOCK_MONOTONIC in ns before anything else; NULL: none */
};

static const char *const shell_argv[] = {"/bin/sh", "{file}", NULL};
static const char *const python_argv[] = {"/usr/bin/python3", NULL};
static const char *const node_argv[] = {"/usr/bin/node", NULL};

static const struct program programs[BENCH_PROGRAMS] = {
	[BENCH_SHELL] = {"shell", {"shell", SANDBOX_RUNTIME_EXEC, shell_argv, ".sh"}, "true",
		{"/bin/sh", "-c", "true", NULL}, NULL},
	[BENCH_PYTHON] = {"python", {"python", SANDBOX_RUNTIME_PYTHON, python_argv, ".py"}, "pass",
		{"/usr/bin/python3", "-c", "pass", NULL},
		"import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC))"},
	[BENCH_JAVASCRIPT] = {"javascript", {"javascript", SANDBOX_RUNTIME_NODE, node_argv, ".js"}, "0",
		{"/usr/bin/node", "-e", "0", NULL}, "console.log(String(process.hrtime.bigint()))"},
};

/* What people put around a program where there is no sandbox for it. */
static const char *const bubblewrap[] = {"/usr/bin/bwrap", "--unshare-all", "--die-with-parent",
	"--new-session", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--", NULL};
#define WRAP_WORDS (sizeof bubblewrap / sizeof *bubblewrap - 1)

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* ---- bare */

static int spawn(const char *const *argv, pid_t *pid)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", language[] = "LANG=C.UTF-8";
	char *environment[] = {path, language, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	int result = posix_spawn(pid, argv[0], &actions, NULL, (char *const *)argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	return result == 0 ? 0 : -1;
}

static int bare_run(const char *const *argv, double *ms, struct err *err)
{
	double begin = bench_now_ms();
	pid_t pid;
	int status;
	if (spawn(argv, &pid) < 0)
		return err_set(err, ERR_UNAVAILABLE, "%s can't be started", argv[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	*ms = bench_now_ms() - begin;
	return status == 0 ? 0 : err_set(err, ERR_SYSTEM, "%s failed", argv[0]);
}

/* argv: as many at once as there are slots, for some seconds. */
static int spawn_rate(const char *const *argv, const struct bench_settings *settings, double *rate, struct err *err)
{
	double begin = bench_now_ms(), end = begin + settings->seconds * 1e3;
	uint64_t done = 0;
	int running = 0, status;
	while (bench_now_ms() < end || running > 0) {
		pid_t pid;
		while (running < settings->slots && bench_now_ms() < end) {
			if (spawn(argv, &pid) < 0)
				return err_set(err, ERR_UNAVAILABLE, "%s can't be started", argv[0]);
			running++;
		}
		/* by group: the launcher is a child too, and leads a session of its own */
		if (running > 0 && waitpid(0, &status, 0) > 0) {
			if (status != 0)
				return err_set(err, ERR_SYSTEM, "%s failed", argv[0]);
			running--;
			done++;
		}
	}
	*rate = (double)done / (bench_now_ms() - begin) * 1e3;
	return 0;
}

/* The same program inside of bubblewrap; 0 where it is not installed or can't run here. */
static double wrapped_rate(const struct program *program, const struct bench_settings *settings)
{
	const char *argv[WRAP_WORDS + 4];
	double rate, ms;
	struct err err;
	memcpy(argv, bubblewrap, sizeof bubblewrap);
	memcpy(argv + WRAP_WORDS, program->bare, sizeof program->bare);
	if (access(argv[0], X_OK) < 0 || bare_run(argv, &ms, &err) < 0)
		return 0;
	return spawn_rate(argv, settings, &rate, &err) < 0 ? 0 : rate;
}

/* ---- sandboxed */

static int job_start(struct sandbox *sandbox, size_t at, const char *code, uint64_t tag, struct err *err)
{
	struct sandbox_job job = {.tag = tag, .runtime = at, .level = SANDBOX_STRICT,
		.code = code, .code_size = strlen(code), .thread_id = "bench", .node_id = "bench",
		.execution_id = "bench"};
	return sandbox_start(sandbox, &job, err);
}

/* out: of size bytes, or NULL. */
static int job_collect(struct sandbox *sandbox, char *out, size_t size, struct err *err)
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
	if (out)
		snprintf(out, size, "%s", result.out.data ? result.out.data : "");
	sandbox_result_free(&result);
	return passed ? 0 : -1;
}

int bench_jobs_one(struct sandbox *sandbox, size_t at, double *ms, struct err *err)
{
	double begin = bench_now_ms();
	if (job_start(sandbox, at, programs[at].code, 1, err) < 0 || job_collect(sandbox, NULL, 0, err) < 0)
		return -1;
	*ms = bench_now_ms() - begin;
	return 0;
}

const char *bench_jobs_type(size_t at)
{
	return programs[at].name;
}

const char *bench_jobs_code(size_t at)
{
	return programs[at].code;
}

int bench_jobs_rate(struct sandbox *sandbox, size_t at, const struct bench_settings *settings, double *rate,
	struct err *err)
{
	double begin = bench_now_ms(), end = begin + settings->seconds * 1e3;
	uint64_t tag = 1, done = 0;
	while (bench_now_ms() < end) {
		while (sandbox_running(sandbox) < settings->slots)
			if (job_start(sandbox, at, programs[at].code, tag++, err) < 0)
				return -1;
		if (job_collect(sandbox, NULL, 0, err) < 0)
			return -1;
		done++;
	}
	*rate = (double)done / (bench_now_ms() - begin) * 1e3;
	while (sandbox_running(sandbox) > 0)
		if (job_collect(sandbox, NULL, 0, err) < 0)
			return -1;
	return 0;
}

int bench_jobs_open(const struct bench_settings *settings, bool warm, int pool, struct sandbox **sandbox,
	struct err *err)
{
	struct sandbox_runtime runtimes[BENCH_PROGRAMS];
	for (size_t i = 0; i < BENCH_PROGRAMS; i++)
		runtimes[i] = programs[i].runtime;
	const struct sandbox_config config = {.slots = settings->slots, .floor = SANDBOX_STRICT,
		.runtimes = runtimes, .runtime_count = BENCH_PROGRAMS, .pool = pool, .no_warm = !warm};
	if (sandbox_open(&config, sandbox, err) < 0)
		return -1;
	const struct sandbox_self_test *found = sandbox_self_test(*sandbox);
	if (found->available[SANDBOX_STRICT])
		return 0;
	err_set(err, ERR_UNAVAILABLE, "no strict sandbox here: %s", found->reason[SANDBOX_STRICT]);
	sandbox_close(*sandbox);
	return -1;
}

/* ---- pairs of both */

/* Of each pair what is measured against and what is measured, in milliseconds. */
struct pairs {
	double *bare, *boxed;
	size_t count;
};

static int pairs_make(struct pairs *pairs, size_t count, struct err *err)
{
	*pairs = (struct pairs){calloc(count, sizeof(double)), calloc(count, sizeof(double)), count};
	if (pairs->bare && pairs->boxed)
		return 0;
	free(pairs->bare);
	free(pairs->boxed);
	return err_set(err, ERR_MEMORY, "no memory");
}

static void pairs_print(struct pairs *pairs, const char *name, const char *what)
{
	double bare = bench_quantile(pairs->bare, pairs->count, 0.5);
	double boxed = bench_quantile(pairs->boxed, pairs->count, 0.5);
	printf("%-11s %-13s %8.2f %8.2f %10.2f %10.2f %8.2fx %+8.2f\n", name, what, bare,
		bench_quantile(pairs->bare, pairs->count, 0.95), boxed,
		bench_quantile(pairs->boxed, pairs->count, 0.95), boxed / bare, boxed - bare);
	fflush(stdout);
}

/* One row: how a pair of it is taken, and with what. */
struct row {
	const char *what;
	int (*take)(const struct row *row, double *bare, double *boxed, struct err *err);
	struct sandbox *sandbox;
	size_t at;
	long idle_ms;
	size_t other;			/* of pair_empty */
	const char *nothing;		/* of pair_first: a path */
};

static int measure_pairs(const struct row *row, size_t count, struct err *err)
{
	struct pairs pairs;
	int result = 0;
	if (pairs_make(&pairs, count, err) < 0)
		return -1;
	for (size_t i = 0; i < count && result == 0; i++)
		result = row->take(row, &pairs.bare[i], &pairs.boxed[i], err);
	if (result == 0)
		pairs_print(&pairs, programs[row->at].name, row->what);
	free(pairs.bare);
	free(pairs.boxed);
	return result;
}

static int pair_ready(const struct row *row, double *bare, double *boxed, struct err *err)
{
	pause_ms(row->idle_ms);
	if (bare_run(programs[row->at].bare, bare, err) < 0)
		return -1;
	pause_ms(row->idle_ms);
	return bench_jobs_one(row->sandbox, row->at, boxed, err);
}

/* The pool's one place holds a sandbox for another program. */
static int pair_empty(const struct row *row, double *bare, double *boxed, struct err *err)
{
	double ms;
	if (bench_jobs_one(row->sandbox, row->other, &ms, err) < 0 ||
			bare_run(programs[row->at].bare, bare, err) < 0)
		return -1;
	pause_ms(REFILL_MS);
	return bench_jobs_one(row->sandbox, row->at, boxed, err);
}

/* From handing the job over to its code's first instruction, beside a static program that does nothing. */
static int pair_first(const struct row *row, double *bare, double *boxed, struct err *err)
{
	const char *const argv[] = {row->nothing, NULL};
	char text[64];
	pause_ms(row->idle_ms);
	if (bare_run(argv, bare, err) < 0)
		return -1;
	pause_ms(row->idle_ms);
	double begin = bench_now_ms();
	if (job_start(row->sandbox, row->at, programs[row->at].clock, 1, err) < 0 ||
			job_collect(row->sandbox, text, sizeof text, err) < 0)
		return -1;
	*boxed = strtod(text, NULL) / 1e6 - begin;
	return 0;
}

static bool is_here(const struct sandbox_self_test *found, size_t runtime, bool warm)
{
	return found->runtime_available[runtime] && (!warm || found->runtime_warm[runtime]);
}

bool bench_jobs_have(struct sandbox *sandbox, size_t at, bool warm)
{
	return is_here(sandbox_self_test(sandbox), at,
		warm && programs[at].runtime.kind != SANDBOX_RUNTIME_EXEC);
}

/* warm: only what is forked from a warm interpreter here. */
static int measure_latency(struct sandbox *sandbox, const struct bench_settings *settings, bool warm,
	struct err *err)
{
	const struct sandbox_self_test *found = sandbox_self_test(sandbox);
	printf("\nOne job at a time, strict, %s, beside the program bare; milliseconds.\n"
		"%-11s %-13s %8s %8s %10s %10s %9s %8s\n", warm ? "warm" : "cold", "", "",
		"bare p50", "p95", "strict p50", "p95", "ratio", "more");
	for (size_t i = 0; i < BENCH_PROGRAMS; i++) {
		if (!is_here(found, i, warm)) {
			if (programs[i].runtime.kind != SANDBOX_RUNTIME_EXEC)
				printf("%-11s left out: %s\n", programs[i].name,
					found->runtime_reason[i][0] ? found->runtime_reason[i] :
					"it is not here");
			continue;
		}
		const struct row rows[] = {{"back to back", pair_ready, sandbox, i, 0},
			{"50 ms idle", pair_ready, sandbox, i, IDLE_MS}};
		if (measure_pairs(&rows[0], settings->count, err) < 0 ||
				measure_pairs(&rows[1], settings->count / 2 + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* Cold sandboxes are for any program, so only warm ones can be of another kind. */
static int measure_latency_empty(const struct bench_settings *settings, struct err *err)
{
	struct bench_settings one = {.slots = 1};
	struct sandbox *sandbox;
	int result = 0;
	if (bench_jobs_open(&one, true, 1, &sandbox, err) < 0)
		return -1;
	const struct sandbox_self_test *found = sandbox_self_test(sandbox);
	for (size_t i = 0; i < BENCH_PROGRAMS && result == 0; i++) {
		const struct row row = {"pool empty", pair_empty, sandbox, i,
			.other = i == 0 ? BENCH_PYTHON : 0};
		if (is_here(found, i, true))
			result = measure_pairs(&row, settings->count / 2 + 1, err);
	}
	sandbox_close(sandbox);
	return result;
}

static int measure_latency_first(struct sandbox *sandbox, const struct bench_settings *settings, struct err *err)
{
	const struct sandbox_self_test *found = sandbox_self_test(sandbox);
	char path[32];
	int result = 0, fd = sizeof bench_nothing > 1 ? memfd_create("nothing", 0) : -1;
	if (fd < 0)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (write(fd, bench_nothing, sizeof bench_nothing) != sizeof bench_nothing)
		result = err_system(err, "a memfd");
	for (size_t i = 0; i < BENCH_PROGRAMS && result == 0; i++) {
		const struct row row = {"first instr.", pair_first, sandbox, i, IDLE_MS, .nothing = path};
		if (programs[i].clock && is_here(found, i, true))
			result = measure_pairs(&row, settings->count / 2 + 1, err);
	}
	close(fd);
	return result;
}

static void load_print(const struct program *program, double bare, double wrapped, double boxed)
{
	printf("%-11s %12.0f %12.0f %8.2fx ", program->name, bare, boxed, boxed / bare);
	if (wrapped > 0)
		printf("%12.0f %8.2fx\n", wrapped, boxed / wrapped);
	else
		printf("%12s\n", "not here");
	fflush(stdout);
}

static int measure_load(struct sandbox *sandbox, const struct bench_settings *settings, bool warm,
	struct err *err)
{
	const struct sandbox_self_test *found = sandbox_self_test(sandbox);
	printf("\nFull load, strict, %s, %d at once; jobs a second.\n%-11s %12s %12s %9s %12s %9s\n",
		warm ? "warm" : "cold", settings->slots, "", "bare", "strict", "ratio", "bubblewrap", "ratio");
	for (size_t i = 0; i < BENCH_PROGRAMS; i++) {
		double bare, boxed;
		if (!is_here(found, i, warm))
			continue;
		if (spawn_rate(programs[i].bare, settings, &bare, err) < 0 ||
				bench_jobs_rate(sandbox, i, settings, &boxed, err) < 0)
			return -1;
		load_print(&programs[i], bare, wrapped_rate(&programs[i], settings), boxed);
	}
	return 0;
}

int bench_jobs_measure(const struct bench_settings *settings, bool warm, struct err *err)
{
	struct sandbox *sandbox;
	if (bench_jobs_open(settings, warm, -1, &sandbox, err) < 0)
		return -1;
	int result = measure_latency(sandbox, settings, warm, err);
	if (result == 0 && warm)
		result = measure_latency_empty(settings, err);
	if (result == 0 && warm)
		result = measure_latency_first(sandbox, settings, err);
	if (result == 0)
		result = measure_load(sandbox, settings, warm, err);
	sandbox_close(sandbox);
	return result;
}
