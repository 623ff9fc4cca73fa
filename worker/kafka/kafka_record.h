/* kafka_record.h: librdkafka's message as a struct kafka_record. Internal to kafka_client.h's
 * implementation. */
#ifndef CODEWORKER_KAFKA_RECORD_H
#define CODEWORKER_KAFKA_RECORD_H

#include <librdkafka/rdkafka.h>

#include "kafka_client.h"

struct kafka_header_list {		/* grows; the owner frees list */
	struct kafka_header *list;
	size_t room;
};

/* The record points into message and headers. Returns 0, or -1: ERR_MEMORY. */
int kafka_record_fill(const rd_kafka_message_t *message, struct kafka_header_list *headers,
	struct kafka_record *record, struct err *err);

#endif
