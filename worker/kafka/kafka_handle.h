/* kafka_handle.h: what producer, reader and administrator of the commands share. Internal to
 * kafka_client.h's implementation. */
#ifndef CODEWORKER_KAFKA_HANDLE_H
#define CODEWORKER_KAFKA_HANDLE_H

#include <librdkafka/rdkafka.h>

#include "../config/config.h"
#include "../../sandbox/err.h"

#define KAFKA_ANSWER_MS 15000		/* how long a broker may take to answer a command */

struct kafka_handle {
	rd_kafka_t *rk;
	char brokers[128];
	char trouble[240];		/* what librdkafka last complained about */
};

/* Takes conf. opaque of the callbacks is the handle. */
int kafka_handle_open(struct kafka_handle *handle, rd_kafka_type_t type, rd_kafka_conf_t *conf,
	const struct config *config, struct err *err);
void kafka_handle_close(struct kafka_handle *handle);

/* Fills err for a call to the brokers that failed; names what librdkafka complained about. */
int kafka_handle_failed(struct kafka_handle *handle, rd_kafka_resp_err_t error, const char *what,
	struct err *err);

int kafka_conf_put(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err);

/* Number of partitions, 0 when there is no such topic, or -1. Never makes a topic. replication: may
 * be NULL. */
int kafka_handle_partitions(struct kafka_handle *handle, const char *topic, int *replication,
	struct err *err);
/* The same, but a missing topic is an error that says how to make it. */
int kafka_handle_need_topic(struct kafka_handle *handle, const char *topic, struct err *err);

#endif
