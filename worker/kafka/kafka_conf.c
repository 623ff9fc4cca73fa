/* kafka_conf.c: see kafka_conf.h. */
#include "kafka_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../config/nearest.h"

/* Kafka 4 speaks SCRAM in a form that older librdkafka can't (librdkafka#4895). */
#define SCRAM_VERSION 0x02060100

static int scram_check(const char *name, const char *value, struct err *err)
{
	if (strcmp(name, "sasl.mechanisms") != 0 && strcmp(name, "sasl.mechanism") != 0)
		return 0;
	if (strncmp(value, "SCRAM", 5) != 0 || rd_kafka_version() >= SCRAM_VERSION)
		return 0;
	return err_set(err, ERR_INVALID, "kafka.%s: SCRAM against Kafka 4 needs librdkafka 2.6.1 or "
		"later, and this is %s: build with a newer one, or use SASL PLAIN over TLS or client "
		"certificates", name, rd_kafka_version_str());
}

/* The library tells all its names in one way only: as a table for people, a property a line, its name before
 * the first bar. */
static char *properties_text(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	rd_kafka_conf_properties_show(out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* "; did you mean NAME?", or "". Returns hint. */
static const char *hint_for(const char *name, char *hint, size_t size)
{
	char *text = properties_text(), *rest = text;
	struct nearest nearest = nearest_to(name);
	for (char *line; rest && (line = strsep(&rest, "\n"));) {
		size_t length = strcspn(line, " |");
		bool property = line[length] && strchr(line, '|');
		line[length] = '\0';
		if (property && length > 1)
			nearest_offer(&nearest, line);
	}
	nearest_hint(&nearest, hint, size);
	free(text);
	return hint;
}

static int property_set(rd_kafka_conf_t *conf, const struct config_property *property,
	struct err *err)
{
	char reason[200], hint[120] = "";
	rd_kafka_conf_res_t answer = rd_kafka_conf_set(conf, property->name, property->value, reason,
		sizeof reason);
	if (answer == RD_KAFKA_CONF_OK)
		return 0;
	if (answer == RD_KAFKA_CONF_UNKNOWN)
		hint_for(property->name, hint, sizeof hint);
	return err_set(err, ERR_INVALID, "%s: kafka.%s: %s%s", property->origin ? property->origin :
		"default", property->name, reason, hint);
}

/* The library's own 10 s is how long a broker would have been back before we are. */
static void defaults_set(rd_kafka_conf_t *conf)
{
	rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "1000", NULL, 0);
}

rd_kafka_conf_t *kafka_conf_new(const struct config *config, rd_kafka_type_t type, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	(void)type;
	defaults_set(conf);
	for (size_t i = 0; i < config->kafka.count; i++) {
		const struct config_property *property = &config->kafka.properties[i];
		int result = scram_check(property->name, property->value, err);
		if (result == 0)
			result = property_set(conf, property, err);
		if (result < 0) {
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	}
	return conf;
}

int kafka_conf_check(const struct config *config, struct err *err)
{
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_CONSUMER, err);
	if (!conf)
		return -1;
	rd_kafka_conf_destroy(conf);
	return 0;
}
