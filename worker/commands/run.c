/* run.c: `codeworker run`: the worker. */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "../broker/broker_kafka.h"
#include "command_common.h"
#include "../http/endpoints.h"
#include "../log.h"
#include "../config/sandbox_settings.h"
#include "../kafka/topic_check.h"
#include "../watermark_report.h"
#include "../worker.h"

#define NOBODY 65534
#define SANDBOX_WAIT_MS 10000
#define METADATA_NEED (80 << 10)	/* 64 KiB of it, ids in value, key and headers, framing */

static void usage(FILE *out)
{
	fputs("usage: codeworker run [options]\n\n"
		"The worker: takes requests from Kafka, runs them in sandboxes, publishes results.\n"
		"Ends by SIGTERM or SIGINT: finishes what runs within worker.shutdown_grace, commits,\n"
		"exits 0. Exit codes: 1 it can't go on, 2 wrong configuration, 69 the sandbox that\n"
		"policy.isolation_floor asks for can't be had here.\n", out);
}

static int stop_fd_open(struct err *err)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return err_system(err, "sigprocmask");
	int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_system(err, "signalfd") : fd;
}

/* The launcher keeps what privilege sandboxes take; from here on this process needs none. Who started it may
 * have tied it to its own life (PR_SET_PDEATHSIG(2const)): a change of ids unties it. */
static int privileges_drop(struct err *err)
{
	int death_signal = 0;
	pid_t parent = getppid();
	if (prctl(PR_GET_PDEATHSIG, &death_signal) < 0)
		return err_system(err, "prctl");
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
			setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return err_system(err, "privileges can't be dropped");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, death_signal) < 0)
		return err_system(err, "prctl");
	if (death_signal && getppid() != parent)
		return err_set(err, ERR_CLOSED, "the process that started this one is gone");
	return 0;
}

/* ---- the sandbox */

static void runtimes_tell(const struct config *config, const struct sandbox_self_test *found)
{
	for (size_t i = 0; i < config->runtime_count; i++)
		if (found->runtime_warm[i])
			log_event(LOG_INFO, "jobs are forked from a warm interpreter", "runtime",
				config->runtimes[i].name, NULL);
		else if (found->runtime_reason[i][0])
			log_event(LOG_WARN, "no warm interpreter: each job starts its own", "runtime",
				config->runtimes[i].name, "reason", found->runtime_reason[i], NULL);
}

static int executor_try(const struct config *config, const char *name, struct executor **executor,
	struct err *err)
{
	enum sandbox_level floor = sandbox_level_named(config->policy.isolation_floor);
	if (executor_new(config, name, true, executor, err) < 0)
		return -1;
	const struct sandbox_self_test *found = sandbox_self_test(executor_sandbox(*executor));
	if (found->available[floor]) {
		runtimes_tell(config, found);
		return 0;
	}
	err_set(err, ERR_UNAVAILABLE, "the isolation floor %s can't be had here: %s; see: "
		"codeworker doctor", sandbox_level_name(floor), found->reason[floor]);
	executor_free(*executor);
	*executor = NULL;
	return -1;
}

/* Answers, alive and not ready, for a while. The sandbox is to be opened before any thread is started, so the
 * endpoints close before each try. Returns 1 when it was asked to stop. */
static int sandbox_wait(const struct config *config, struct metrics *metrics, int stop_fd,
	const struct err *why, struct err *err)
{
	struct worker_health health = {.missing = why->text};
	struct endpoints *endpoints;
	struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
	log_event(LOG_WARN, "waiting for the sandbox", "reason", why->text, NULL);
	if (endpoints_open(config, metrics, &health, NULL, &endpoints, err) < 0)
		return -1;
	int asked = poll(&stop, 1, SANDBOX_WAIT_MS) == 1;
	endpoints_close(endpoints);
	return asked;
}

/* Waits where worker.wait_for_sandbox says so; the launcher finds out only at its start. Returns 1 when it was
 * asked to stop. */
static int executor_open(const struct worker_parts *parts, const char *name,
	struct executor **executor, struct err *err)
{
	for (;;) {
		if (executor_try(parts->config, name, executor, err) == 0)
			return 0;
		if (err->code != ERR_UNAVAILABLE || !parts->config->worker.wait_for_sandbox)
			return -1;
		const struct err why = *err;
		int asked = sandbox_wait(parts->config, parts->metrics, parts->stop_fd, &why, err);
		if (asked != 0)
			return asked;
	}
}

static int exit_code(const struct err *err)
{
	log_event(LOG_ERROR, "the worker ends", "reason", err->text, NULL);
	return err->code == ERR_UNAVAILABLE ? EX_UNAVAILABLE :
		err->code == ERR_INVALID ? COMMAND_USAGE : 1;
}

static void worker_name(const struct config *config, char name[128])
{
	char host[64] = "";
	(void)gethostname(host, sizeof host - 1);
	if (config->worker.id)
		snprintf(name, 128, "%.100s", config->worker.id);
	else
		snprintf(name, 128, "%.60s-%d", host, (int)getpid());
}

/* Metadata and ids come back in every result and event: docs/contract.md, "Sizes". */
static void limits_warn(const char *topic, int64_t bytes)
{
	if (bytes < METADATA_NEED)
		log_event(LOG_WARN, "the topic takes less than metadata and ids may need; results and "
			"events that do not fit will go without: raise its max.message.bytes", "topic",
			topic, "bytes", log_number(bytes), "needed", log_number(METADATA_NEED), NULL);
}

/* What goes to any of the topics in one message set. */
static int64_t least(const int64_t bytes[TOPIC_ROLES])
{
	int64_t found = bytes[0];
	for (size_t role = 1; role < TOPIC_ROLES; role++)
		if (bytes[role] < found)
			found = bytes[role];
	return found;
}

static int serve(struct worker_parts *parts, const char *name, bool *closed, struct err *err)
{
	struct publisher publisher = {.config = parts->config, .worker = name};
	int64_t bytes[TOPIC_ROLES];
	struct broker *broker;
	if (topics_check_start(parts->config, bytes, err) < 0)
		return -1;
	publisher.result_bytes = bytes[TOPIC_RESULTS];
	publisher.error_bytes = bytes[TOPIC_ERRORS];
	publisher.dead_bytes = bytes[TOPIC_DEAD];
	publisher.retry_bytes = bytes[TOPIC_RETRIES];
	limits_warn(parts->config->topics.results, bytes[TOPIC_RESULTS]);
	limits_warn(parts->config->topics.errors, bytes[TOPIC_ERRORS]);
	int result = broker_kafka_new(parts->config, least(bytes), parts->stop_fd, &broker, err);
	if (result != 0)
		return result < 0 ? -1 : 0;
	publisher.codec = parts->codec;
	parts->publisher = &publisher;
	parts->broker = broker;
	result = worker_run(parts, err);
	*closed = broker->functions->close(broker, parts->config->worker.leave_on_exit);
	return result;
}

static int serve_watched(struct worker_parts *parts, const char *name, bool *closed,
	struct err *err)
{
	struct endpoints *endpoints;
	int result = endpoints_open(parts->config, parts->metrics, parts->health, parts->watermarks,
		&endpoints, err);
	if (result == 0) {
		result = serve(parts, name, closed, err);
		endpoints_close(endpoints);
	}
	return result;
}

/* The directory was opened with privileges that are gone by the time a script is read. */
static void scripts_check(const struct executor *executor)
{
	struct err err;
	if (executor_scripts_check(executor, &err) < 0)
		log_event(LOG_WARN, "named scripts can't be read; requests for them will fail", "reason",
			err.text, NULL);
}

static int serve_sandboxed(struct worker_parts *parts, const char *name, bool *closed,
	struct err *err)
{
	const char *schemas = parts->config->schemas.path;
	int result = executor_open(parts, name, &parts->executor, err);
	if (result != 0)
		return result < 0 ? -1 : 0;
	result = codec_new(schemas && *schemas ? schemas : NULL, &parts->codec, err);
	if (result == 0)
		result = privileges_drop(err);
	if (result == 0) {
		scripts_check(parts->executor);
		result = serve_watched(parts, name, closed, err);
	}
	codec_free(parts->codec);
	executor_free(parts->executor);
	return result;
}

static int run_with(const struct config *config)
{
	const char *topics[CONFIG_REQUEST_TOPICS];
	for (size_t i = 0; i < config_request_topics(config); i++)
		topics[i] = config_request_topic(config, i);
	struct worker_health health = {0};
	struct worker_parts parts = {.config = config, .health = &health,
		.metrics = metrics_new_topics(topics, config_request_topics(config)),
		.watermarks = watermark_report_new()};
	struct err err = {0};
	char name[128];
	bool closed = true;
	int result = -1;
	worker_name(config, name);
	if (!parts.metrics || !parts.watermarks)
		err_set(&err, ERR_MEMORY, "no memory");
	else if ((parts.stop_fd = stop_fd_open(&err)) >= 0)
		result = serve_sandboxed(&parts, name, &closed, &err);
	int code = result < 0 ? exit_code(&err) : 0;
	if (!closed)
		_exit(code);
	if (parts.metrics)
		metrics_free(parts.metrics);
	watermark_report_free(parts.watermarks);
	return code;
}

int command_run(int argc, char **argv)
{
	static const struct option options[] = {COMMAND_COMMON_OPTIONS, {0}};
	struct command_common common = {.usage = usage};
	struct config *config;
	struct err err = {0};
	int option, answer = -1;
	while (answer < 0 && (option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS, options,
			NULL)) != -1)
		switch (command_common_take(&common, option, optarg)) {
		case COMMAND_TAKEN: break;
		case COMMAND_DONE: answer = 0; break;
		default: answer = COMMAND_USAGE; break;
		}
	if (answer < 0 && optind < argc)
		answer = command_wrong("run", "there are no arguments");
	if (answer < 0 && command_common_config(&common, &config, &err) < 0)
		answer = command_failed(&err);
	if (answer < 0) {
		log_setup(config);
		answer = run_with(config);
		config_free(config);
	}
	command_common_free(&common);
	return answer;
}
