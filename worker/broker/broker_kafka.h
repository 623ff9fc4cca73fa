/* broker_kafka.h: the broker that is Kafka. */
#ifndef CODEWORKER_BROKER_KAFKA_H
#define CODEWORKER_BROKER_KAFKA_H

#include "broker.h"
#include "../config/config.h"

/* Connects, ends what a predecessor of the same worker.id left open, and joins the group. least_bytes: the smallest
 * max.message.bytes of the topics that are written to. May take a minute. Returns 1 when stop_fd became readable
 * before it was done. */
int broker_kafka_new(const struct config *config, int64_t least_bytes, int stop_fd,
	struct broker **broker, struct err *err);

#endif
