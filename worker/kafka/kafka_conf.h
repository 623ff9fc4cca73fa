/* kafka_conf.h: the configuration's kafka.* properties as librdkafka's own. */
#ifndef CODEWORKER_KAFKA_CONF_H
#define CODEWORKER_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "../config/config.h"
#include "../../sandbox/err.h"

/* A conf the caller owns (rd_kafka_new takes it). Properties that concern only the other type are
 * kept: librdkafka ignores them. ERR_INVALID names a property that librdkafka does not know, and
 * the nearest that it does, or one whose value it refuses, and where it was set. */
rd_kafka_conf_t *kafka_conf_new(const struct config *config, rd_kafka_type_t type, struct err *err);

/* Whether that would succeed: 0, or -1 with err. */
int kafka_conf_check(const struct config *config, struct err *err);

#endif
