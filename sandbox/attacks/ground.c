/* ground.c: lets attacks loose, one at a time, and says what became of each. See attacks.h. */
#include "attacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bait.h"

#define TRIES_MAX (BAIT_VARIABLES + 16)

struct attack_ground {
	struct sandbox *sandbox;
	struct bait bait;
	const struct sandbox_self_test *self_test;
	int runtimes[3];		/* shell, python, javascript; -1: not configured */
	uint64_t serial;
};

static const char *const languages[] = {"shell", "python", "javascript"};

/* Small, so that an attack on a limit is over soon; an attack that needs a limit reads it from the
 * environment. */
static const struct sandbox_limits usual = {.wall_ms = 10000, .cpu_ms = 5000,
	.memory_bytes = 96u << 20, .disk_bytes = 16u << 20, .processes = 32,
	.output_bytes = 64u << 10, .open_files = 128};

static struct sandbox_limits limits_for(const struct attack *attack)
{
	struct sandbox_limits limits = usual;
	if (attack->end == ATTACK_ENDS_TIMEOUT)
		limits.wall_ms = 700;
	if (attack->end == ATTACK_ENDS_CPU)
		limits.cpu_ms = 700;
	return limits;
}

static void runtimes_find(struct attack_ground *ground, const struct sandbox_config *base)
{
	for (size_t l = 0; l < 3; l++) {
		ground->runtimes[l] = -1;
		for (size_t i = 0; i < base->runtime_count; i++)
			if (strcmp(base->runtimes[i].name, languages[l]) == 0 &&
					ground->self_test->runtime_available[i])
				ground->runtimes[l] = (int)i;
	}
}

int attack_ground_open(const struct sandbox_config *base, struct attack_ground **opened,
	struct err *err)
{
	struct attack_ground *ground = calloc(1, sizeof *ground);
	if (!ground)
		return err_set(err, ERR_MEMORY, "no memory");
	if (bait_lay(&ground->bait, err) < 0) {
		free(ground);
		return -1;
	}
	const char *paths[] = {ground->bait.shown, NULL};
	struct sandbox_config config = *base;
	config.slots = 1;
	config.pool = 1;
	config.limits = usual;
	config.read_only_paths = paths;
	if (sandbox_open(&config, &ground->sandbox, err) < 0) {
		bait_remove(&ground->bait);
		free(ground);
		return -1;
	}
	ground->self_test = sandbox_self_test(ground->sandbox);
	runtimes_find(ground, base);
	*opened = ground;
	return 0;
}

void attack_ground_close(struct attack_ground *ground)
{
	if (!ground)
		return;
	sandbox_close(ground->sandbox);
	bait_remove(&ground->bait);
	free(ground);
}

const struct sandbox_self_test *attack_ground_self_test(const struct attack_ground *ground)
{
	return ground->self_test;
}

static int runtime_of(const struct attack_ground *ground, const struct attack *attack)
{
	for (size_t l = 0; l < 3; l++)
		if (strcmp(languages[l], attack->runtime) == 0)
			return ground->runtimes[l];
	return -1;
}

static bool skipped(const struct attack_ground *ground, const struct attack *attack,
	enum sandbox_level level, struct attack_report *report)
{
	uint32_t missing = attack->needs & ~ground->self_test->mechanisms[level];
	const char *what = NULL;
	if (level < attack->level)
		what = "meant for higher levels";
	else if (!ground->self_test->available[level])
		what = ground->self_test->reason[level];
	else if (runtime_of(ground, attack) < 0)
		what = attack->runtime;
	for (int i = 0; !what && i < SANDBOX_MECHANISM_COUNT; i++)
		if (missing >> i & 1)
			what = sandbox_mechanism_name((enum sandbox_mechanism)i);
	if (what)
		*report = (struct attack_report){.outcome = ATTACK_SKIPPED};
	if (what)
		snprintf(report->detail, sizeof report->detail, "missing here: %.200s", what);
	return what != NULL;
}

static int run(struct attack_ground *ground, const struct attack *attack, enum sandbox_level level,
	const char *mark, struct sandbox_result *result, struct err *err)
{
	const struct sandbox_limits limits = limits_for(attack);
	const char *environment[TRIES_MAX];
	char own[4][80];
	size_t count = 0;
	for (; count < ground->bait.variables; count++)
		environment[count] = ground->bait.environment[count];
	snprintf(own[0], sizeof own[0], "ATTACK_MARK=%s", mark);
	snprintf(own[1], sizeof own[1], "LIMIT_MEMORY=%llu", (unsigned long long)limits.memory_bytes);
	snprintf(own[2], sizeof own[2], "LIMIT_DISK=%llu", (unsigned long long)limits.disk_bytes);
	snprintf(own[3], sizeof own[3], "LIMIT_PROCESSES=%llu",
		(unsigned long long)limits.processes);
	for (size_t i = 0; i < 4; i++)
		environment[count++] = own[i];
	environment[count] = NULL;
	struct sandbox_job job = {.tag = ground->serial, .level = level, .limits = limits,
		.runtime = (size_t)runtime_of(ground, attack), .code = attack->code,
		.code_size = strlen(attack->code), .environment = environment, .thread_id = "attack",
		.node_id = attack->name, .execution_id = mark, .attempt = 1};
	if (sandbox_start(ground->sandbox, &job, err) < 0)
		return -1;
	return sandbox_poll(ground->sandbox, -1, result, err) == 1 ? 0 : -1;
}

static bool says_so(const struct sandbox_buffer *buffer, char detail[256])
{
	const char *line = buffer->data ? memmem(buffer->data, buffer->size, ATTACK_SUCCEEDED,
		sizeof ATTACK_SUCCEEDED - 1) : NULL;
	if (line)
		snprintf(detail, 256, "%.*s", (int)strcspn(line, "\n\""), line);
	return line != NULL;
}

static bool got_through(struct attack_ground *ground, const char *mark,
	const struct sandbox_result *result, char detail[256])
{
	const char *what = NULL;
	if (says_so(&result->out, detail) || says_so(&result->value, detail))
		return true;
	if (bait_touched(&ground->bait, &what))
		snprintf(detail, 256, "%s", what);
	else if (bait_process_left(mark))
		snprintf(detail, 256, "%s", what = "a process of the job is still running");
	else if (result->out.size > usual.output_bytes || result->err.size > usual.output_bytes ||
			result->value.size > usual.output_bytes)
		snprintf(detail, 256, "%s", what = "more output than its limit was kept");
	return what != NULL;
}

static bool limited(const struct sandbox_result *result, enum sandbox_limit limit)
{
	return result->verdict == SANDBOX_LIMIT && result->limit == limit;
}

/* Without a cgroup the kernel counts neither memory nor processes denied: then any failure will do. */
static bool ended_as_declared(enum attack_end end, const struct sandbox_result *result)
{
	bool counted = SANDBOX_HAS(result->mechanisms, CGROUP);
	switch (end) {
	case ATTACK_ENDS_ANY:
		return result->verdict != SANDBOX_FAILED;
	case ATTACK_ENDS_EXIT:
		return result->verdict == SANDBOX_EXITED;
	case ATTACK_ENDS_TIMEOUT:
		return result->verdict == SANDBOX_TIMEOUT;
	case ATTACK_ENDS_VIOLATION:
		return result->verdict == SANDBOX_VIOLATION;
	case ATTACK_ENDS_OUTPUT:
		return result->verdict == SANDBOX_OUTPUT_INVALID;
	case ATTACK_ENDS_CPU:
		return limited(result, SANDBOX_LIMIT_CPU);
	case ATTACK_ENDS_MEMORY:
		return limited(result, SANDBOX_LIMIT_MEMORY) ||
			(!counted && result->exit_code != 0 && result->verdict != SANDBOX_FAILED);
	case ATTACK_ENDS_DISK:
		return limited(result, SANDBOX_LIMIT_DISK);
	case ATTACK_ENDS_PROCESSES:
		return limited(result, SANDBOX_LIMIT_PROCESSES) ||
			(!counted && result->exit_code != 0 && result->verdict != SANDBOX_FAILED);
	case ATTACK_ENDS_OUTPUT_LIMIT:
		return limited(result, SANDBOX_LIMIT_OUTPUT);
	}
	return false;
}

static void end_describe(const struct sandbox_result *result, char detail[256])
{
	static const char *const verdicts[] = {"exit", "signal", "timeout", "limit", "violation",
		"output invalid", "killed", "killed from outside", "sandbox failed"};
	snprintf(detail, 256, "%s%s%s, exit code %d, signal %d%s%.100s%s%.60s", verdicts[result->verdict],
		result->limit ? " " : "", result->limit ? sandbox_limit_name(result->limit) : "",
		result->exit_code, result->signal, result->syscall[0] ? ", call " :
		result->reason[0] ? ": " : "", result->syscall[0] ? result->syscall : result->reason,
		result->err.size > 0 ? "; stderr ends: " : "", result->err.size > 60 ?
		result->err.data + result->err.size - 60 : result->err.data ? result->err.data : "");
	for (char *c = detail; *c; c++)
		if (*c == '\n')
			*c = ' ';
}

int attack_try(struct attack_ground *ground, const struct attack *attack, enum sandbox_level level,
	struct attack_report *report, struct err *err)
{
	struct sandbox_result result;
	char mark[40];
	*report = (struct attack_report){.outcome = ATTACK_STOPPED};
	if (skipped(ground, attack, level, report))
		return 0;
	snprintf(mark, sizeof mark, "attack-left-%d-%llu", (int)getpid(),
		(unsigned long long)++ground->serial);
	if (run(ground, attack, level, mark, &result, err) < 0)
		return -1;
	end_describe(&result, report->detail);
	if (got_through(ground, mark, &result, report->detail))
		report->outcome = ATTACK_GOT_THROUGH;
	else if (!ended_as_declared(attack->end, &result))
		report->outcome = ATTACK_ENDED_OTHERWISE;
	sandbox_result_free(&result);
	return 0;
}

const char *attack_outcome_name(enum attack_outcome outcome)
{
	static const char *const names[] = {"stopped", "got through", "ended otherwise", "skipped"};
	return names[outcome];
}
