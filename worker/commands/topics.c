/* topics.c: `codeworker topics create|check`. What is right is topic_plan.c's to say. */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "table.h"
#include "../kafka/topic_check.h"
#include "command_common.h"

#define PARTITIONS 8			/* of the requests, when nothing says otherwise */
#define KAFKA_MESSAGE_BYTES 1048588	/* the broker's default max.message.bytes */

static const struct table_column columns[] = {
	{"TOPIC", 32}, {"PARTITIONS", 10}, {"STATE", 8}, {"", 0}};

struct topics {
	const struct config *config;
	struct kafka_admin *admin;
	struct topic_found found[TOPICS_MOST];
	struct table table;
};

static void print_row(struct topics *topics, enum topic_role role, int partitions,
	const char *state, enum table_colour colour, const char *text)
{
	char number[12] = "-";
	if (partitions > 0)
		snprintf(number, sizeof number, "%d", partitions);
	const struct table_cell cells[] = {{topic_plan_name(topics->config, role), TABLE_PLAIN},
		{number, TABLE_PLAIN}, {state, colour}, {text, TABLE_PLAIN}};
	table_row(&topics->table, cells);
}

static int find(struct topics *topics, enum topic_role role, struct err *err)
{
	return topic_find(topics->admin, topics->config, role, &topics->found[role], err);
}

static int64_t request_bytes(const struct topics *topics)
{
	int64_t bytes = topic_plan_request_bytes(topics->config, topics->found);
	return bytes > 0 ? bytes : KAFKA_MESSAGE_BYTES;
}

static size_t settings_of(const struct topic_plan *plan,
	struct kafka_setting settings[TOPIC_SETTINGS])
{
	size_t count = 0;
	for (size_t i = 0; i < TOPIC_SETTINGS; i++)
		if (plan->values[i][0])
			settings[count++] = (struct kafka_setting){topic_setting_names[i],
				plan->values[i]};
	return count;
}

static void describe(const struct topic_plan *plan, char *text, size_t size)
{
	long long hours = strtoll(plan->values[TOPIC_RETENTION], NULL, 10) / 3600000;
	snprintf(text, size, "kept for %lld hours, %s%s%s", hours, plan->values[TOPIC_TIMESTAMPS],
		plan->values[TOPIC_BYTES][0] ? ", messages up to " : "", plan->values[TOPIC_BYTES]);
}

/* A topic just made needs a moment until every broker shows it. */
static int find_created(struct topics *topics, enum topic_role role, struct err *err)
{
	for (int tries = 0; tries < 50; tries++) {
		if (find(topics, role, err) == 0 && topics->found[role].exists)
			return 0;
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	}
	return err_set(err, ERR_BROKER, "%s was created, but the broker does not show it",
		topic_plan_name(topics->config, role));
}

static int create_one(struct topics *topics, enum topic_role role, int partitions,
	int replication, struct err *err)
{
	struct topic_found *found = &topics->found[role];
	struct kafka_setting settings[TOPIC_SETTINGS];
	struct topic_plan plan;
	char text[128];
	if (found->exists) {
		print_row(topics, role, found->partitions, "exists", TABLE_DIM, "left alone");
		return 0;
	}
	topic_plan_make(topics->config, role, partitions, request_bytes(topics), replication,
		&plan);
	size_t count = settings_of(&plan, settings);
	int answer = kafka_admin_create(topics->admin, topic_plan_name(topics->config, role),
		plan.partitions, replication, settings, count, err);
	if (answer < 0 || find_created(topics, role, err) != 0)
		return -1;
	describe(&plan, text, sizeof text);
	print_row(topics, role, plan.partitions, answer ? "exists" : "created",
		answer ? TABLE_DIM : TABLE_GREEN, answer ? "left alone" : text);
	return 0;
}

/* What lies beside the requests follows them, also where they were there before. */
static int create_as_requests(struct topics *topics, enum topic_role first, enum topic_role end,
	int replication, struct err *err)
{
	for (enum topic_role role = first; role < end; role++)
		if (create_one(topics, role, topics->found[TOPIC_REQUESTS].partitions, replication,
				err) != 0)
			return -1;
	return 0;
}

/* All topics of requests first: what letters have to take depends on them. */
static int create(struct topics *topics, int partitions, int replication, struct err *err)
{
	enum topic_role count = (enum topic_role)topic_plan_count(topics->config);
	table_header(&topics->table);
	if (create_one(topics, TOPIC_REQUESTS, partitions, replication, err) != 0 ||
			create_as_requests(topics, TOPIC_FURTHER, count, replication, err) != 0)
		return -1;
	return create_as_requests(topics, TOPIC_RESULTS, TOPIC_ROLES, replication, err);
}

struct fault_context {
	struct topics *topics;
	enum topic_role role;
	size_t reported;
};

static void print_fault(void *context, enum topic_fault kind, const char *text)
{
	struct fault_context *fault = context;
	print_row(fault->topics, fault->role, fault->topics->found[fault->role].partitions,
		kind == TOPIC_MISSING ? "MISSING" : "FAULT", TABLE_RED, text);
}

static size_t check(struct topics *topics)
{
	size_t faults = 0;
	table_header(&topics->table);
	for (enum topic_role role = 0; role < topic_plan_count(topics->config); role++) {
		struct fault_context context = {topics, role, 0};
		size_t count = topic_plan_faults(topics->config, role, topics->found, print_fault,
			&context);
		if (count == 0)
			print_row(topics, role, topics->found[role].partitions, "ok", TABLE_GREEN,
				"");
		faults += count;
	}
	return faults;
}

static void topics_free(struct topics *topics)
{
	topics_found_free(topics->found);
	kafka_admin_free(topics->admin);
}

struct topics_options {
	bool check;
	int partitions, replication;
};

static int topics_run(const struct config *config, const struct topics_options *options,
	struct err *err)
{
	struct topics topics = {.config = config, .table = {stdout, columns,
		sizeof columns / sizeof *columns, table_wants_colour(stdout)}};
	int answer = kafka_admin_new(config, &topics.admin, err);
	for (enum topic_role role = 0; answer == 0 && role < topic_plan_count(config); role++)
		answer = find(&topics, role, err);
	if (answer == 0 && options->check)
		answer = check(&topics) > 0;
	else if (answer == 0)
		answer = create(&topics, options->partitions, options->replication, err);
	topics_free(&topics);
	return answer;
}

static void print_usage(FILE *out)
{
	fputs("codeworker topics create [--partitions N] [--replication N]\n"
		"codeworker topics check\n\n"
		"create makes what is missing of the seven topics and of those in topics.priorities,\n"
		"with the settings that delivery needs, and leaves existing ones alone. check names\n"
		"each fault of existing ones and exits with 1 when there is any.\n\n"
		"  --partitions N           of the requests (default 8); the topics beside it follow\n"
		"  --replication N          copies of each partition (default: the broker's)\n", out);
}

enum { OPTION_PARTITIONS = 1, OPTION_REPLICATION };

static const struct option long_options[] = {
	{"partitions", required_argument, NULL, OPTION_PARTITIONS},
	{"replication", required_argument, NULL, OPTION_REPLICATION},
	COMMAND_COMMON_OPTIONS, {0}};

/* A number from 1 to INT16_MAX, 0: it is none. */
static int parse_count(const char *text)
{
	char *rest;
	errno = 0;
	long number = strtol(text, &rest, 10);
	return errno || *rest || number < 1 || number > INT16_MAX ? 0 : (int)number;
}

/* Returns -1 to go on, otherwise the exit code. */
static int take(struct command_common *common, struct topics_options *options, int option)
{
	switch (command_common_take(common, option, optarg)) {
	case COMMAND_TAKEN:
		return -1;
	case COMMAND_DONE:
		return 0;
	case COMMAND_WRONG:
		return COMMAND_USAGE;
	case COMMAND_NOT_COMMON:
		break;
	}
	int number = parse_count(optarg);
	if (number == 0)
		return command_wrong("topics", "'%s' is not a number from 1 to %d", optarg,
			INT16_MAX);
	if (option == OPTION_PARTITIONS)
		options->partitions = number;
	else
		options->replication = number;
	return -1;
}

static int parse_action(int argc, char **argv, struct topics_options *options)
{
	const char *action = optind < argc ? argv[optind] : "";
	options->check = strcmp(action, "check") == 0;
	if (optind + 1 == argc && (options->check || strcmp(action, "create") == 0))
		return 0;
	return command_wrong("topics", "say create or check");
}

static int topics_with(struct command_common *common, const struct topics_options *options)
{
	struct config *config;
	struct err err;
	if (command_common_config(common, &config, &err) != 0)
		return command_failed(&err);
	int answer = topics_run(config, options, &err);
	config_free(config);
	return answer < 0 ? command_failed(&err) : answer;
}

int command_topics(int argc, char **argv)
{
	struct command_common common = {.usage = print_usage};
	struct topics_options options = {.partitions = PARTITIONS, .replication = -1};
	int option, answer = -1;
	while (answer < 0 && (option = getopt_long(argc, argv, COMMAND_COMMON_LETTERS,
		long_options, NULL)) != -1)
		answer = take(&common, &options, option);
	if (answer < 0 && (answer = parse_action(argc, argv, &options)) == 0)
		answer = topics_with(&common, &options);
	command_common_free(&common);
	return answer;
}
