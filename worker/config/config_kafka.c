/* config_kafka.c: kafka.*, which is librdkafka's own configuration.
 *
 * Names are not checked here: the library does it at start and knows best. Those that would break a
 * promise of the worker are refused with the reason.
 */
#include "config_parts.h"

#include <string.h>
#include <strings.h>

#define PROPERTIES 512

static const char offsets[] = "offsets are committed in the transaction of their results";
static const char producer[] = "results would be lost or doubled without the producer's own value";

const struct config_refusal config_refusals[] = {
	{"enable.auto.commit", offsets},
	{"auto.commit.enable", offsets},
	{"auto.commit.interval.ms", offsets},
	{"enable.auto.offset.store", offsets},
	{"offset.store.method", offsets},
	{"enable.idempotence", producer},
	{"enable.gapless.guarantee", producer},
	{"acks", producer},
	{"request.required.acks", producer},
	{"max.in.flight", producer},
	{"max.in.flight.requests.per.connection", producer},
	{"isolation.level", "requests of aborted transactions must not be run"},
	{"transactional.id", "it follows from worker.id"},
	{"group.instance.id", "it follows from worker.id; set that"},
	{"partition.assignment.strategy",
		"requests and their retries must go to one worker, which range does"},
	{"group.protocol", "requests and their retries must go to one worker, which range does"},
	{"group.remote.assignor",
		"requests and their retries must go to one worker, which range does"},
	{"partitioner", "keys go where Java's clients put them (murmur2_random)"},
	{"partitioner_cb", "keys go where Java's clients put them (murmur2_random)"},
	{"enable.partition.eof", "the worker decides by it when it has caught up"},
};
const size_t config_refusal_count = sizeof config_refusals / sizeof *config_refusals;

/* librdkafka knows some properties by two names. */
static const char *main_name(const char *name)
{
	return strcmp(name, "metadata.broker.list") == 0 ? "bootstrap.servers" : name;
}

static int check_name(const char *name, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	if (!*name || strspn(name, allowed) != strlen(name))
		return err_set(err, ERR_INVALID, "is no name of a librdkafka property");
	for (size_t i = 0; i < config_refusal_count; i++)
		if (strcmp(config_refusals[i].name, name) == 0)
			return err_set(err, ERR_INVALID, "can't be set: %s",
				config_refusals[i].reason);
	return 0;
}

/* The property of that name, made if need be. NULL: err says why. */
static struct config_property *property_at(struct config *config, const char *name,
	struct err *err)
{
	size_t count = config->kafka.count;
	for (size_t i = 0; i < count; i++)
		if (strcmp(config->kafka.properties[i].name, name) == 0)
			return &config->kafka.properties[i];
	if (count == PROPERTIES) {
		err_set(err, ERR_INVALID, "is one property too many (at most %d)", PROPERTIES);
		return NULL;
	}
	err_set(err, ERR_MEMORY, "no memory for the configuration");
	if (count % 32 == 0) {
		struct config_property *more = arena_alloc(config->arena,
			(count + 32) * sizeof *more);
		if (!more)
			return NULL;
		if (count)
			memcpy(more, config->kafka.properties, count * sizeof *more);
		config->kafka.properties = more;
	}
	struct config_property *property = &config->kafka.properties[count];
	property->name = arena_string(config->arena, name);
	if (!property->name)
		return NULL;
	config->kafka.count++;
	return property;
}

/* A list becomes librdkafka's "a,b". */
static char *join(struct arena *arena, const struct option_value *value)
{
	size_t size = 1;
	for (size_t i = 0; i < value->count; i++)
		size += strlen(value->items[i]) + 1;
	char *text = arena_alloc(arena, size);
	for (size_t i = 0; text && i < value->count; i++)
		strcat(strcat(text, i ? "," : ""), value->items[i]);
	return text;
}

int config_kafka_assign(struct config *config, const struct assignment *assignment,
	struct err *err)
{
	const char *name = main_name(assignment->name + strlen("kafka."));
	if (check_name(name, err) != 0)
		return -1;
	struct config_property *property = property_at(config, name, err);
	if (!property)
		return -1;
	char *value = join(config->arena, &assignment->value);
	char *origin = arena_string(config->arena, assignment->origin);
	if (!value || !origin)
		return err_set(err, ERR_MEMORY, "no memory for the configuration");
	property->value = value;
	property->origin = origin;
	return 0;
}

int config_kafka_defaults(struct config *config, struct err *err)
{
	static const char *const defaults[][2] = {{"kafka.bootstrap.servers", "localhost:9092"},
		{"kafka.group.id", "codeworker"}, {"kafka.auto.offset.reset", "earliest"}};
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
		const struct assignment assignment = {defaults[i][0], {&defaults[i][1], 1, false},
			"default"};
		if (config_kafka_assign(config, &assignment, err) != 0)
			return -1;
	}
	return 0;
}

const char *config_kafka(const struct config *config, const char *property)
{
	for (size_t i = 0; i < config->kafka.count; i++)
		if (strcmp(config->kafka.properties[i].name, main_name(property)) == 0)
			return config->kafka.properties[i].value;
	return NULL;
}

int64_t config_cancel_reach_ms(const struct config *config)
{
	int64_t window_ms = config->worker.cancel_window_ms, delay_ms = config->policy.max_retry_delay_ms;
	return window_ms > delay_ms ? window_ms : delay_ms;
}

bool config_compresses(const struct config *config)
{
	static const char *const names[] = {"compression.type", "compression.codec"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = config_kafka(config, names[i]);
		if (value && strcmp(value, "none") != 0)
			return true;
	}
	return false;
}

const char *config_kafka_shown(const struct config_property *property)
{
	static const char *const marks[] = {"password", "secret", ".pem", "jaas",
		"oauthbearer.config", "oauthbearer.extensions"};
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (strstr(property->name, marks[i]) && property->value[0])
			return "********";
	return property->value;
}
