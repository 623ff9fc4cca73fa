/* options.c: every option with a fixed name. See options.h. */
#include "options.h"

#include <string.h>

#include "../../sandbox/sandbox.h"

#define AT(member) offsetof(struct config, member)
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define K INT64_C(1024)
#define M (K * K)
#define G (K * M)

#define X(id, name) "|" name
static const char mechanisms[] = SANDBOX_MECHANISMS(X);
#undef X

const struct option_section option_sections[] = {
	{"kafka", "Any property of librdkafka, passed on as it is."},
	{"topics", "Names of the topics. `codeworker topics create` makes them."},
	{"worker", "The worker as a member of its consumer group, and how much it takes on."},
	{"fairness", "How tenants share the worker. A request's `tenant` says whose it is; those without one "
		"are one tenant."},
	{"policy", "Bounds on what a request may ask for."},
	{"sandbox", "What every job is held by. A request may tighten its limits, never widen them."},
	{"runtimes", "How each script type is run."},
	{"zygote", "Warm interpreters, from which the jobs of a language are forked."},
	{"python", "The warm Python."},
	{"cache", "Code as a warm interpreter compiled it, kept for the next job of the same code."},
	{"rules", "Rules of the validator, added to the built-in ones or changing them."},
	{"scripts", "Named scripts."},
	{"schemas", "Avro schemas."},
	{"registry", "The Schema Registry."},
	{"http", "Metrics, health and status; read-only."},
	{"log", "One line an event on standard error."},
};
const size_t option_section_count = sizeof option_sections / sizeof *option_sections;

const struct option_row option_rows[] = {
	{"topics.requests", VALUE_TOPIC, AT(topics.requests), "code.requests", .help =
		"Requests to run."},
	{"topics.results", VALUE_TOPIC, AT(topics.results), "code.results", .help =
		"One final result per execution."},
	{"topics.errors", VALUE_TOPIC, AT(topics.errors), "code.errors", .help =
		"One event per failed attempt."},
	{"topics.retries", VALUE_TOPIC, AT(topics.retries), "code.retries", .help =
		"Requests that wait for their next attempt."},
	{"topics.dead", VALUE_TOPIC, AT(topics.dead), "code.dead", .help =
		"Requests that failed for good, as they came."},
	{"topics.control", VALUE_TOPIC, AT(topics.control), "code.control", .help =
		"Cancels."},
	{"topics.state", VALUE_TOPIC, AT(topics.state), "code.state", .help =
		"The workers' own memory; not for others."},

	{"worker.id", VALUE_TEXT, AT(worker.id), "", .help =
		"A name that stays over restarts and is unique in the group: the worker is back within "
		"a second after a crash, and its partitions wait for it. Empty: a dynamic member."},
	{"worker.slots", VALUE_INT, AT(worker.slots), "0", .least = 0, .most = 256, .help =
		"Jobs that run at once. 0: as many as there are processors."},
	{"worker.delivery", VALUE_SWITCH, AT(worker.exactly_once), "exactly_once",
		"at_least_once|exactly_once", .help =
		"`exactly_once`: results, errors and offsets in one transaction. `at_least_once`: no "
		"transactions, offsets when the records are acknowledged. Cheaper and sooner; after a "
		"crash or a rebalance what was being published may come twice."},
	{"worker.crash_limit", VALUE_INT, AT(worker.crash_limit), "3", .least = 1, .most = 1000,
		.help = "Deaths of a worker under a job that end the job as `execution.lost`."},
	{"worker.dedupe_window", VALUE_DURATION, AT(worker.dedupe_window_ms), "10m", .most = 7 * DAY,
		.help = "How long a finished execution is remembered, so that it is not run again."},
	{"worker.cancel_window", VALUE_DURATION, AT(worker.cancel_window_ms), "1h", .most = 7 * DAY,
		.help = "How long a cancel by executionId holds for requests that come later."},
	{"worker.shutdown_grace", VALUE_DURATION, AT(worker.shutdown_grace_ms), "30s", .most = DAY,
		.help = "Time for running jobs to end after SIGTERM; the rest is handed back."},
	{"worker.revoke_grace", VALUE_DURATION, AT(worker.revoke_grace_ms), "5s",
		.most = 600 * SECOND, .help =
		"Time for running jobs to end when their partition goes to another worker."},
	{"worker.leave_on_exit", VALUE_BOOLEAN, AT(worker.leave_on_exit), "false", .help =
		"With `worker.id`: give the partitions up at once when the worker ends."},
	{"worker.wait_for_sandbox", VALUE_BOOLEAN, AT(worker.wait_for_sandbox), "false", .help =
		"Wait, not ready, when the sandbox's self-test fails, rather than exit with 69."},
	{"worker.retry_carry", VALUE_DURATION, AT(worker.retry_carry_ms), "30m", .least = SECOND, .most = 7 * DAY,
		.help = "A retry that has waited for so long, and has as long to wait, is written to the end of "
		"its topic: offsets move on, and a successor has less to read before its first job."},
	{"worker.topic_check", VALUE_SWITCH, AT(worker.topic_refuse), "refuse", "warn|refuse", .help =
		"What a worker does at its start on topics whose settings break a promise, such as "
		"partition counts, timestamps of producers, or a retention that is too short."},
	{"worker.window", VALUE_INT, AT(worker.window), "10000", .least = 1, .most = 1000000, .help =
		"Requests of one partition that may be under way beyond its oldest unfinished one. A "
		"full window pauses the partition."},
	{"worker.queue", VALUE_INT, AT(worker.queue), "100000", .least = 1, .most = 1000000, .help =
		"Requests kept in memory, over all partitions; of several topics of requests each has the "
		"same share. `worker.queue_bytes` is reached before, unless this is lowered."},
	{"worker.queue_bytes", VALUE_SIZE, AT(worker.queue_bytes), "64M", .least = M, .most = 64 * G,
		.help = "Bytes of requests kept in memory, over all partitions: how far the worker sees "
		"ahead, to be fair to tenants whose requests stand behind those of others. Shared as "
		"`worker.queue` is."},
	{"worker.batch_records", VALUE_INT, AT(worker.batch_records), "500", .least = 1,
		.most = 100000, .help = "Records to publish that close a transaction."},
	{"worker.batch_ms", VALUE_DURATION, AT(worker.batch_ms), "250ms", .most = 10 * SECOND, .help =
		"How long a transaction waits for further results at most, while requests wait for a "
		"slot; no result waits longer than a quarter of the time that its request has been here. "
		"While no request waits for a slot, it does not wait."},
	{"worker.result_encoding", VALUE_CHOICE, AT(worker.result_encoding), "", "json|avro", .help =
		"Encoding of results and error events. Empty: the request's own."},

	{"fairness.default_weight", VALUE_INT, AT(fairness.default_weight), "1", .least = 1,
		.most = 1000, .help = "Weight of tenants that `fairness.weights` does not name. While "
		"several have requests waiting, the slots' time is shared among them as their weights "
		"are."},
	{"fairness.cpu_per_minute", VALUE_DURATION, AT(fairness.cpu_ms_per_minute), "0", .most = HOUR,
		.help = "CPU time that the jobs of one tenant may use a minute on this worker, such as "
		"30s; what it did not use adds up to one minute's worth. Above it the tenant's requests "
		"wait. 0: no budget."},

	{"policy.isolation_floor", VALUE_CHOICE, AT(policy.isolation_floor), "strict",
		"none|restricted|strict", .help =
		"The least isolation of every job, whatever risk it claims. Lower it only where all "
		"who can write requests are trusted."},
	{"policy.default_timeout", VALUE_DURATION, AT(policy.default_timeout_ms), "30s", .least = 1,
		.most = 7 * DAY, .help = "Wall time of an attempt that asks for none."},
	{"policy.retry_growth", VALUE_INT, AT(policy.retry_growth), "100", .least = 100, .most = 1000, .help =
		"Each further attempt waits so many percent of the delay before: 200 doubles it. "
		"policy.max_retry_delay is the most."},
	{"policy.retry_jitter", VALUE_INT, AT(policy.retry_jitter), "0", .least = 0, .most = 100, .help =
		"Up to so many percent are added to the delay of a retry, at random, so that those of one "
		"outage don't come back at once."},
	{"policy.max_timeout", VALUE_DURATION, AT(policy.max_timeout_ms), "1h", .least = 1,
		.most = 7 * DAY, .help = "Caps the wall time that a request asks for."},
	{"policy.max_retries", VALUE_COUNT, AT(policy.max_retries), "20", .most = 1000, .help =
		"Caps the further attempts that a request asks for."},
	{"policy.max_retry_delay", VALUE_DURATION, AT(policy.max_retry_delay_ms), "24h",
		.most = 7 * DAY, .help = "Caps the delay between attempts."},

	{"sandbox.require", VALUE_LIST, AT(sandbox.require), "", mechanisms + 1, .help =
		"Mechanisms that every job must have; without them nothing runs. `codeworker doctor` "
		"shows which there are."},
	{"sandbox.cpu", VALUE_DURATION, AT(sandbox.cpu_ms), "60s", .least = 1, .most = 7 * DAY,
		.help = "CPU time of a job, all its processes together."},
	{"sandbox.memory", VALUE_SIZE, AT(sandbox.memory_bytes), "256M", .least = 4 * M,
		.most = 1024 * G, .help = "Memory of a job; its files not counted."},
	{"sandbox.disk", VALUE_SIZE, AT(sandbox.disk_bytes), "64M", .least = 64 * K,
		.most = 1024 * G, .help = "Files of a job, in memory: working directory, /tmp, /dev/shm."},
	{"sandbox.processes", VALUE_COUNT, AT(sandbox.processes), "64", .least = 1, .most = 32768,
		.help = "Processes and threads of a job together."},
	{"sandbox.output", VALUE_SIZE, AT(sandbox.output_bytes), "256K", .least = K, .most = 64 * M,
		.help = "Bytes of stdout, of stderr and of the value, each. All three should fit into "
		"one record of the results topic (1 MiB by default)."},
	{"sandbox.open_files", VALUE_COUNT, AT(sandbox.open_files), "256", .least = 16,
		.most = 1048576, .help = "Descriptors open at once, of each process."},
	{"sandbox.pool", VALUE_INT, AT(sandbox.pool), "-1", .least = -1, .most = 256, .help =
		"Sandboxes kept ready. -1: two for each slot; 0: each is made when it is needed."},
	{"sandbox.read_only_paths", VALUE_PATHS, AT(sandbox.read_only_paths), "", .help =
		"More of the host's paths that jobs may read, such as /opt/data. Sockets below them can "
		"be connected to."},
	{"sandbox.uid_base", VALUE_COUNT, AT(sandbox.uid_base), "60100", .least = 1000,
		.most = INT64_C(4294900000), .help =
		"Jobs run as users and groups from here on. Each worker takes a block of 1024 that no "
		"other with its run_directory has; nothing else may use those."},
	{"sandbox.cgroup", VALUE_BOOLEAN, AT(sandbox.cgroup), "true", .help =
		"Use cgroups where they can be had. Without them limits are held by substitutes."},
	{"sandbox.run_directory", VALUE_TEXT, AT(sandbox.run_directory), "", .help =
		"Where locks lie. Empty: /run/codesandbox, or the user's own run directory."},

	{"zygote.enabled", VALUE_BOOLEAN, AT(zygote.enabled), "true", .help =
		"Fork the jobs of Python and JavaScript from warm interpreters where that can be had; "
		"`codeworker doctor` shows where. Otherwise each job starts its own."},
	{"zygote.max_jobs", VALUE_COUNT, AT(zygote.max_jobs), "10000", .least = 1,
		.most = 1000000000, .help =
		"Jobs after which a warm interpreter is replaced by a new one, with a memory layout and a "
		"hash seed of its own."},
	{"python.preload", VALUE_LIST, AT(python.preload), "", .help =
		"Modules that the warm Python loads beforehand beside the common ones of the standard "
		"library, such as numpy: jobs then find them loaded."},

	{"cache.bytes", VALUE_SIZE, AT(cache.bytes), "64M", .most = 64 * G, .help =
		"Memory for compiled code and the code itself. 0: each job compiles its own."},
	{"cache.min_code_bytes", VALUE_SIZE, AT(cache.min_code_bytes), "4K", .most = 64 * M, .help =
		"Code of less is not kept compiled: it would gain little. JavaScript, which Node compiles "
		"as it is called, has to have 16 times as much."},

	{"scripts.directory", VALUE_TEXT, AT(scripts.directory), "", .help =
		"Directory of the named scripts (`scriptName`). Empty: there are none."},
	{"schemas.path", VALUE_TEXT, AT(schemas.path), "", .help =
		"Directory of further writer schemas (*.avsc) for Avro single-object values."},
	{"registry.url", VALUE_TEXT, AT(registry.url), "", .help =
		"URL of the Schema Registry. Empty: there is none."},
	{"http.listen", VALUE_TEXT, AT(http.listen), "127.0.0.1:9464", .help =
		"HOST:PORT, [IPv6]:PORT or :PORT (every address); port 0: any free one. `off`: none."},
	{"log.level", VALUE_CHOICE, AT(log.level), "info", "debug|info|warn|error", .help =
		"The least level that is written."},
	{"log.format", VALUE_CHOICE, AT(log.format), "auto", "auto|text|json", .help =
		"`auto`: text on a terminal, JSON otherwise."},
};
const size_t option_row_count = sizeof option_rows / sizeof *option_rows;

const struct option_row *option_find(const char *name)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (strcmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	return NULL;
}
