/* exec.c: `codeworker exec`: one job here, without Kafka. */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../codec/codec.h"
#include "command_common.h"
#include "../executor.h"
#include "../log.h"
#include "request_options.h"

enum exec_exit {
	EXEC_TIMEOUT = 124,
	EXEC_SANDBOX_FAILED = 125,
	EXEC_REFUSED = 126,
	EXEC_SIGNAL = 128,		/* + N for signal N */
	EXEC_LIMIT = EXEC_SIGNAL + SIGKILL,
	EXEC_VIOLATION = EXEC_SIGNAL + SIGSYS, /* as a shell shows a plain filter's kill */
};

static void usage(FILE *out)
{
	fputs("usage: codeworker exec [options] (FILE | --code TEXT | -)\n\n"
		"Runs one job here, in the sandbox, without Kafka.\n\n", out);
	request_options_help(out);
	fputs("\nexit code without --json: the job's own; 124 timeout, 125 the sandbox failed,\n"
		"126 refused by validation (also: no such script or runtime), 128+N signal N,\n"
		"137 a limit, 159 a system call that only an attack makes; 2 a usage error.\n"
		"With --json: 0 when the job succeeded, else 1.\n", out);
}

struct exec {
	struct executor *executor;
	struct request *request;
	struct attempt *attempt;	/* NULL: nothing ran */
	struct error_record error;
	bool failed;
};

static void write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t wrote = write(fd, data, size);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return;		/* nobody reads it */
		data += wrote;
		size -= (size_t)wrote;
	}
}

static int run(struct exec *exec, struct err *err)
{
	switch (executor_start(exec->executor, exec->request, 1, 1, &exec->error, err)) {
	case EXECUTOR_STARTED:
		break;
	case EXECUTOR_REFUSED:
		exec->failed = true;
		return 0;
	default:
		return -1;
	}
	if (executor_poll(exec->executor, -1, &exec->attempt, err) != 1)
		return -1;
	exec->failed = exec->attempt->failed;
	exec->error = exec->attempt->error;
	return 0;
}

static int print_json(const struct exec *exec, struct codec *codec, struct err *err)
{
	struct result result;
	void *bytes;
	size_t size;
	struct arena *arena = arena_new(64u << 20);
	if (!arena)
		return err_set(err, ERR_MEMORY, "no memory");
	int done = executor_result(exec->executor, arena, exec->request, 1,
		exec->failed ? STATUS_FAILED : STATUS_COMPLETED, exec->failed ? &exec->error : NULL,
		exec->attempt, 0, &result, err);
	if (done == 0)
		done = codec_encode_result(codec, ENCODING_JSON, &result, &bytes, &size, err);
	if (done == 0) {
		write_all(STDOUT_FILENO, bytes, size);
		write_all(STDOUT_FILENO, "\n", 1);
		free(bytes);
	}
	arena_free(arena);
	return done;
}

static int exit_code(const struct exec *exec)
{
	const struct sandbox_result *result = exec->attempt ? &exec->attempt->sandbox : NULL;
	if (!exec->failed)
		return 0;
	if (!result)
		return EXEC_REFUSED;
	switch (result->verdict) {
	case SANDBOX_EXITED: return result->exit_code;
	case SANDBOX_SIGNALED: return EXEC_SIGNAL + result->signal;
	case SANDBOX_TIMEOUT: return EXEC_TIMEOUT;
	case SANDBOX_LIMIT: return EXEC_LIMIT;
	case SANDBOX_FAILED: return EXEC_SANDBOX_FAILED;
	case SANDBOX_KILLED_OUTSIDE: return EXEC_LIMIT;
	case SANDBOX_VIOLATION: return EXEC_VIOLATION;
	default: return 1;
	}
}

static bool end_needs_words(const struct exec *exec)
{
	return exec->failed && (!exec->attempt || exec->attempt->sandbox.verdict != SANDBOX_EXITED);
}

static bool ours_follows(const struct exec *exec)
{
	const struct sandbox_result *result = &exec->attempt->sandbox;
	return result->out.truncated || result->err.truncated || end_needs_words(exec);
}

/* The job's own output, and a line of ours only where its end was not its own plain exit. */
static void print_plain(const struct exec *exec)
{
	const struct sandbox_result *result = exec->attempt ? &exec->attempt->sandbox : NULL;
	if (result) {
		write_all(STDOUT_FILENO, result->out.data, result->out.size);
		write_all(STDERR_FILENO, result->err.data, result->err.size);
		if (ours_follows(exec) && result->err.size > 0 &&
				result->err.data[result->err.size - 1] != '\n')
			write_all(STDERR_FILENO, "\n", 1);
		if (result->out.truncated || result->err.truncated)
			fprintf(stderr, "codeworker: output beyond %llu bytes was cut "
				"(--output-limit)\n", (unsigned long long)result->limits.output_bytes);
	}
	if (end_needs_words(exec))
		fprintf(stderr, "codeworker: %s: %s\n", error_code_name(exec->error.code),
			exec->error.message);
}

static int exec_with(const struct config *config, struct request *request, bool json)
{
	struct exec exec = {.request = request};
	struct codec *codec = NULL;
	struct err err = {0};
	int code = EXEC_SANDBOX_FAILED;
	if (executor_new(config, "exec", false, &exec.executor, &err) == 0 &&
			codec_new(NULL, &codec, &err) == 0 && run(&exec, &err) == 0) {
		code = exit_code(&exec);
		if (!json)
			print_plain(&exec);
		else if (print_json(&exec, codec, &err) < 0)
			code = command_failed(&err);
		else
			code = exec.failed;
	} else {
		fprintf(stderr, "codeworker: %s\n", err.text);
		if (err.code == ERR_INVALID)
			code = COMMAND_USAGE;
	}
	attempt_free(exec.attempt);
	executor_free(exec.executor);
	codec_free(codec);
	return code;
}

/* One slot: exec runs one job. */
static int exec_request(struct command_common *common, struct request_options *options,
	const char *file)
{
	struct config *config;
	struct request *request;
	struct err err = {0};
	if (command_common_config(common, &config, &err) < 0)
		return command_failed(&err);
	log_setup(config);
	config->worker.slots = 1;
	config->sandbox.pool = 0;
	int code;
	if (request_options_finish(options, config, file, &request, &err) < 0) {
		code = command_failed(&err);
	} else {
		char id[64];
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		snprintf(id, sizeof id, "exec-%lld-%d", (long long)now.tv_sec, (int)getpid());
		request->thread_id = "local";
		request->node_id = "exec";
		request->execution_id = id;
		request->source = (struct source){.topic = "local"};
		code = exec_with(config, request, request_options_json(options));
	}
	config_free(config);
	return code;
}

int command_exec(int argc, char **argv)
{
	static const struct option long_options[] = {REQUEST_OPTIONS, COMMAND_COMMON_OPTIONS, {0}};
	struct command_common common = {.usage = usage};
	struct request_options *options = request_options_new();
	struct err err = {0};
	int option, answer = options ? -1 : 1;
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
			if (option < REQUEST_OPTION_FIRST || option > REQUEST_OPTION_LAST)
				answer = command_wrong("exec", "that option is not known");
			else if (request_options_take(options, option, optarg, &err) < 0)
				answer = command_wrong("exec", "%s", err.text);
			break;
		}
	if (answer < 0 && optind + 1 < argc)
		answer = command_wrong("exec", "one FILE at most");
	if (answer < 0)
		answer = exec_request(&common, options, optind < argc ? argv[optind] : NULL);
	request_options_free(options);
	command_common_free(&common);
	return answer;
}
