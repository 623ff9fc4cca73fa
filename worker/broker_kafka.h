/* broker_kafka.h: the broker that is Kafka. */
#ifndef CODEWORKER_BROKER_KAFKA_H
#define CODEWORKER_BROKER_KAFKA_H

#include "broker.h"
#include "config.h"

#define LIMITED_TOPICS 5
struct broker_kafka_limits {		/* max.message.bytes of the topics that are written to */
	int64_t results, errors, dead, state, retries;
};

/* Asks the brokers; where they don't tell, Kafka's default. */
void broker_kafka_limits(const struct config *config, struct broker_kafka_limits *limits);

/* Connects, ends what a predecessor of the same worker.id left open, and joins the group. Checks that
 * the topics it needs are there: ERR_INVALID says what to create. May take a minute. Returns 1 when stop_fd became
 * readable before it was done. */
int broker_kafka_new(const struct config *config, const struct broker_kafka_limits *limits,
	int stop_fd, struct broker **broker, struct err *err);

#endif
