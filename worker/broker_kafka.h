/* broker_kafka.h: the broker that is Kafka. */
#ifndef CODEWORKER_BROKER_KAFKA_H
#define CODEWORKER_BROKER_KAFKA_H

#include "broker.h"
#include "config.h"

/* Connects, ends what a predecessor of the same worker.id left open, and joins the group. Checks that
 * the topics it needs are there: ERR_INVALID says what to create. May take some seconds. */
int broker_kafka_new(const struct config *config, struct broker **broker, struct err *err);

#endif
