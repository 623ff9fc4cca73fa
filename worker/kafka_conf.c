/* kafka_conf.c: see kafka_conf.h. */
#include "kafka_conf.h"

#include <string.h>

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

rd_kafka_conf_t *kafka_conf_new(const struct config *config, rd_kafka_type_t type, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char reason[256];
	(void)type;
	for (size_t i = 0; i < config->kafka.count; i++) {
		const struct config_property *property = &config->kafka.properties[i];
		int result = scram_check(property->name, property->value, err);
		if (result == 0 && rd_kafka_conf_set(conf, property->name, property->value, reason,
				sizeof reason) != RD_KAFKA_CONF_OK)
			result = err_set(err, ERR_INVALID, "kafka.%s (%s): %s", property->name,
				property->origin ? property->origin : "default", reason);
		if (result < 0) {
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	}
	return conf;
}
