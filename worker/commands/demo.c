/* demo.c: `codeworker demo`: broker, worker and sample requests in one process tree.
 *
 *	demo ──► broker (librdkafka's mock cluster, a process of its own)
 *	     └─► codeworker run (with all that belongs to it)
 *
 * Both children are made before this process has threads, and both die with it whatever ends it. The
 * rest is a client like any other: it publishes and reads results.
 */
#include "command.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child_command.h"
#include "../codec/codec.h"
#include "demo_broker.h"
#include "demo_samples.h"
#include "../kafka/kafka_client.h"
#include "record_view.h"
#include "table.h"
#include "../kafka/topic_plan.h"
#include "../time_text.h"
#include "command_common.h"

#define LIMIT_MS 50000
#define PARTITIONS 4
#define THREAD "demo"

static const struct table_column columns[] = {{"DONE", 5}, {"OUTCOME", 9}, {"REQUEST", 30},
	{"MS", 5}, {"WHAT CAME BACK", 0}};

struct demo {
	struct config *config;
	struct codec *codec;
	struct demo_broker broker;
	struct child_command worker;
	struct kafka_reader *reader;
	struct table table;
	char directory[32];		/* of scripts; "": none */
	bool *done;			/* by sample */
	size_t done_count, surprises, broken;
};

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
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

/* The demo is to work without configuration, so it must not find one meant for real brokers. */
static void environment_clear(void)
{
	static const char prefix[] = "CODEWORKER_";
	for (size_t i = 0; environ[i];) {
		char name[256];
		size_t length = strcspn(environ[i], "=");
		if (strncmp(environ[i], prefix, sizeof prefix - 1) != 0 || length >= sizeof name) {
			i++;
			continue;
		}
		memcpy(name, environ[i], length);
		name[length] = '\0';
		unsetenv(name);
	}
}

static int scripts_make(struct demo *demo, struct err *err)
{
	char path[64];
	strcpy(demo->directory, "/tmp/codeworker-demo-XXXXXX");
	if (!mkdtemp(demo->directory)) {
		demo->directory[0] = '\0';
		return err_system(err, "make a directory for the demo's script");
	}
	snprintf(path, sizeof path, "%s/" DEMO_SCRIPT_NAME, demo->directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_system(err, "write %s", path);
	size_t size = strlen(demo_script);
	bool written = write(fd, demo_script, size) == (ssize_t)size;
	close(fd);
	/* the worker reads it after it has given up its privileges */
	return written && chmod(demo->directory, 0755) == 0 && chmod(path, 0644) == 0 ? 0 :
		err_system(err, "write %s", path);
}

static void scripts_remove(struct demo *demo)
{
	char path[64];
	if (!demo->directory[0])
		return;
	snprintf(path, sizeof path, "%s/" DEMO_SCRIPT_NAME, demo->directory);
	unlink(path);
	rmdir(demo->directory);
}

static int children_start(struct demo *demo, const struct config *names, struct err *err)
{
	const char *topics[TOPICS_MOST];
	char brokers[128], scripts[64];
	const char *settings[] = {brokers, scripts, "kafka.group.id=codeworker-demo",
		"kafka.session.timeout.ms=6000", "kafka.heartbeat.interval.ms=500",
		"http.listen=off", "log.format=text", "worker.slots=2"};
	static const char *const words[] = {"run", NULL};
	size_t count = sizeof settings / sizeof *settings;
	for (size_t role = 0; role < topic_plan_count(names); role++)
		topics[role] = topic_plan_name(names, (enum topic_role)role);
	if (scripts_make(demo, err) != 0 || demo_broker_start(&demo->broker, topics,
		topic_plan_count(names), PARTITIONS, err) != 0)
		return -1;
	snprintf(brokers, sizeof brokers, "kafka.bootstrap.servers=%s", demo->broker.address);
	snprintf(scripts, sizeof scripts, "scripts.directory=%s", demo->directory);
	if (child_command_start(&demo->worker, words, settings, count, err) != 0)
		return -1;
	const struct config_overrides overrides = {.set = settings, .set_count = count};
	return config_load(&overrides, &demo->config, err);
}

static int publish(struct demo *demo, struct kafka_producer *producer, struct err *err)
{
	for (size_t i = 0; i < demo_sample_count; i++) {
		char key[32], value[2048];
		snprintf(key, sizeof key, THREAD ":%02zu", i + 1);
		int size = snprintf(value, sizeof value, "{\"executionId\":\"demo-%02zu\","
			"\"threadId\":\"" THREAD "\",\"nodeId\":\"%02zu\",%s}", i + 1, i + 1,
			demo_samples[i].request);
		const struct kafka_message message = {.topic = demo->config->topics.requests,
			.key = key, .key_size = strlen(key), .value = value,
			.value_size = (size_t)size};
		if (kafka_producer_send(producer, &message, err) != 0)
			return -1;
	}
	return kafka_producer_flush(producer, err);
}

static int publish_all(struct demo *demo, struct err *err)
{
	struct kafka_producer *producer;
	if (kafka_producer_new(demo->config, &producer, err) != 0)
		return -1;
	int answer = publish(demo, producer, err);
	kafka_producer_free(producer);
	return answer;
}

/* Index of the sample that a record is about; demo_sample_count: none. */
static size_t sample_of(const struct record_view *view)
{
	unsigned long number = 0;
	if (view->execution_id && strncmp(view->execution_id, "demo-", 5) == 0)
		number = strtoul(view->execution_id + 5, NULL, 10);
	return number >= 1 && number <= demo_sample_count ? number - 1 : demo_sample_count;
}

static void print_record(const struct demo *demo, const struct record_view *view,
	const struct demo_sample *sample)
{
	char progress[48] = "", took[24] = "";
	if (!view->is_error)
		snprintf(progress, sizeof progress, "%2zu/%zu", demo->done_count,
			demo_sample_count);
	if (view->execution_time_ms > 0)
		snprintf(took, sizeof took, "%5lld", (long long)view->execution_time_ms);
	const struct table_cell cells[] = {{progress, TABLE_DIM},
		{record_view_status(view),
			view->is_error ? TABLE_YELLOW : record_view_colour(view)},
		{sample->title, TABLE_PLAIN}, {took, TABLE_DIM},
		{view->detail, view->is_error ? TABLE_DIM : TABLE_PLAIN}};
	table_row(&demo->table, cells);
}

static void compare(struct demo *demo, const struct record_view *view,
	const struct demo_sample *sample)
{
	const char *outcome = view->success || !view->code ? view->status : view->code;
	if (strcmp(outcome, sample->expected) == 0)
		return;
	demo->surprises++;
	if (strcmp(sample->expected, "COMPLETED") == 0)
		demo->broken++;
	char text[64];
	snprintf(text, sizeof text, "^ expected: %s", sample->expected);
	const struct table_cell cells[] = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0},
		{text, TABLE_YELLOW}};
	table_row(&demo->table, cells);
}

static int show(struct demo *demo, const struct kafka_record *record, struct err *err)
{
	struct record_view view;
	if (record_view_open(demo->codec, record->value, record->value_size, &view, err) != 0)
		return -1;
	size_t index = sample_of(&view);
	bool again = index < demo_sample_count && !view.is_error && demo->done[index];
	if (index < demo_sample_count && !view.is_error && !again) {
		demo->done[index] = true;
		demo->done_count++;
	}
	if (index < demo_sample_count && !again) {
		print_record(demo, &view, &demo_samples[index]);
		if (!view.is_error)
			compare(demo, &view, &demo_samples[index]);
	}
	record_view_close(&view);
	return 0;
}

static int watch(struct demo *demo, struct err *err)
{
	int64_t end_ms = time_now_ms() + LIMIT_MS;
	while (demo->done_count < demo_sample_count && !stopped) {
		struct kafka_record record;
		enum kafka_read read = kafka_reader_next(demo->reader, 200, &record, err);
		if (read == KAFKA_READ_ERROR ||
			(read == KAFKA_READ_RECORD && show(demo, &record, err) != 0))
			return -1;
		if (!child_command_runs(&demo->worker))
			return err_set(err, ERR_CLOSED, "the worker ended before its work did");
		if (time_now_ms() > end_ms)
			return err_set(err, ERR_BROKER, "%zu of %zu results came in %d seconds",
				demo->done_count, demo_sample_count, LIMIT_MS / 1000);
	}
	return stopped ? err_set(err, ERR_CLOSED, "stopped") : 0;
}

static void introduce(const struct demo *demo)
{
	printf("A broker (in memory, %s), a worker and %zu requests: every language, every risk\n"
		"level, and one of each failure. The lines come as the worker publishes them.\n\n",
		demo->broker.address, demo_sample_count);
	table_header(&demo->table);
}

static void explain(const struct demo *demo)
{
	printf("\nEach request was a record on code.requests; each has exactly one result on\n"
		"code.results, and each failed attempt an event on code.errors. The jobs ran one per\n"
		"sandbox: no network, no host files, limits on time, memory, disk and processes.\n");
	if (demo->surprises)
		printf("%zu ended otherwise than expected; `codeworker doctor` tells what this machine "
			"lacks.\n", demo->surprises);
	printf("\nNext:\n"
		"  build/codeworker exec --type python --code 'print(6*7)'    one job, no Kafka\n"
		"  build/codeworker doctor                                    what isolation you have\n"
		"  README.md                                                  a broker of your own\n");
}

static int demo_play(struct demo *demo, struct err *err)
{
	const char *topics[] = {demo->config->topics.results, demo->config->topics.errors};
	const struct kafka_start start = {.from = START_BEGINNING};
	demo->done = calloc(demo_sample_count, sizeof *demo->done);
	if (!demo->done)
		return err_set(err, ERR_MEMORY, "no memory for the demo");
	introduce(demo);
	if (codec_new(NULL, &demo->codec, err) != 0 || publish_all(demo, err) != 0 ||
		kafka_reader_new(demo->config, topics, 2, start, &demo->reader, err) != 0 ||
		watch(demo, err) != 0)
		return -1;
	explain(demo);
	return demo->broken ? 1 : 0;
}

static void demo_end(struct demo *demo)
{
	child_command_stop(&demo->worker);
	kafka_reader_free(demo->reader);
	demo_broker_stop(&demo->broker);
	codec_free(demo->codec);
	config_free(demo->config);
	scripts_remove(demo);
	free(demo->done);
}

static int demo_run(struct err *err)
{
	struct demo demo = {.worker.log_fd = -1, .table = {stdout, columns,
		sizeof columns / sizeof *columns, table_wants_colour(stdout)}};
	const struct config_overrides none = {0};
	struct config *defaults;
	signals_take();
	environment_clear();
	if (config_load(&none, &defaults, err) != 0)
		return -1;
	int answer = children_start(&demo, defaults, err);
	config_free(defaults);
	if (answer == 0)
		answer = demo_play(&demo, err);
	if (answer < 0 && !stopped && demo.worker.log_fd >= 0)
		child_command_complain(&demo.worker, "the worker");
	demo_end(&demo);
	return answer;
}

static void print_usage(FILE *out)
{
	fputs("codeworker demo\n\n"
		"Starts a broker in memory and a worker, publishes sample requests, shows what became\n"
		"of each, and ends within a minute. Needs no configuration and no Kafka.\n", out);
}

static const struct option long_options[] = {COMMAND_COMMON_OPTIONS, {0}};

int command_demo(int argc, char **argv)
{
	struct command_common common = {.usage = print_usage};
	struct err err;
	int option, answer = -1;
	while (answer < 0 && (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		enum command_taken taken = command_common_take(&common, option, optarg);
		answer = taken == COMMAND_DONE ? 0 : taken == COMMAND_TAKEN ?
			command_wrong("demo", "it takes no configuration") : COMMAND_USAGE;
	}
	command_common_free(&common);
	if (answer < 0 && optind < argc)
		answer = command_wrong("demo", "what is '%s'?", argv[optind]);
	if (answer >= 0)
		return answer;
	answer = demo_run(&err);
	if (answer >= 0)
		return answer;
	command_failed(&err);
	return 1;
}
