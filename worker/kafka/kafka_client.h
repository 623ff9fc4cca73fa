/* kafka_client.h: a plain producer, reader and administrator for the commands.
 *
 * Not for the worker's own delivery, which is transactional. Built from the same configuration
 * (kafka.*), so whatever makes the worker reach its brokers makes the commands reach them.
 */
#ifndef CODEWORKER_KAFKA_CLIENT_H
#define CODEWORKER_KAFKA_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../config/config.h"
#include "kafka_header.h"
#include "../../sandbox/err.h"

/* ---- producer: acks from all replicas, murmur2_random by key, no duplicates on retry */
struct kafka_producer;

struct kafka_message {
	const char *topic;
	const void *key;		/* NULL: none */
	size_t key_size;
	const void *value;		/* NULL: a tombstone */
	size_t value_size;
	const struct kafka_header *headers;
	size_t header_count;
};

int kafka_producer_new(const struct config *config, struct kafka_producer **producer,
	struct err *err);
void kafka_producer_free(struct kafka_producer *producer);	/* drops what is not delivered */
/* ERR_BROKER when there is no such topic: producing would make it with settings of chance. */
int kafka_producer_need_topic(struct kafka_producer *producer, const char *topic, struct err *err);
/* Copies the message and queues it; waits while the queue is full. ERR_BROKER: refused. */
int kafka_producer_send(struct kafka_producer *producer, const struct kafka_message *message,
	struct err *err);
/* Waits until all that was sent is delivered. ERR_BROKER names the first refusal, and how many were
 * delivered all the same. */
int kafka_producer_flush(struct kafka_producer *producer, struct err *err);

/* ---- reader: all partitions of some topics, read_committed, outside of any group */
struct kafka_reader;

struct kafka_start {
	enum { START_BEGINNING, START_END, START_TIME, START_OFFSET, START_TAIL } from;
	int64_t value;			/* ms since 1970; the offset; how many before the end */
};

struct kafka_record {			/* valid until the next call */
	const char *topic;
	int32_t partition;
	int64_t offset, timestamp_ms;	/* -1: none */
	const void *key, *value;	/* NULL: null */
	size_t key_size, value_size;
	const struct kafka_header *headers;	/* in order; names given twice stand there twice */
	size_t header_count;
};

/* Positions are fixed when it returns: a record written later is after START_END. */
int kafka_reader_new(const struct config *config, const char *const *topics, size_t topic_count,
	struct kafka_start start, struct kafka_reader **reader, struct err *err);
void kafka_reader_free(struct kafka_reader *reader);
enum kafka_read { KAFKA_READ_ERROR = -1, KAFKA_READ_NONE, KAFKA_READ_RECORD, KAFKA_READ_END };
/* From here on what is written later is not read: END comes where the partitions end now. */
int kafka_reader_bound(struct kafka_reader *reader, struct err *err);
/* END: every partition's end was reached once; reading on follows what is written from then on. */
enum kafka_read kafka_reader_next(struct kafka_reader *reader, int timeout_ms,
	struct kafka_record *record, struct err *err);
/* Text of a header of the record last read; NULL when there is none or it is no text. */
const char *kafka_reader_header(const struct kafka_reader *reader, const char *name);

/* ---- lookup: single records of one topic by their offsets, read_committed
 * Quick where they are asked for in about the order they stand in, in whatever partitions. */
struct kafka_lookup;

int kafka_lookup_new(const struct config *config, const char *topic, struct kafka_lookup **lookup,
	struct err *err);
void kafka_lookup_free(struct kafka_lookup *lookup);
/* Returns 1 with the record, valid until the next call; 0: there is none at that place, since retention or
 * compaction has removed it, or it never was; -1 with err. */
int kafka_lookup_get(struct kafka_lookup *lookup, int32_t partition, int64_t offset,
	struct kafka_record *record, struct err *err);

/* ---- administrator */
struct kafka_admin;

struct kafka_setting {
	const char *name, *value;
};

struct kafka_topic {			/* as found */
	bool exists;
	int partitions, replication;
};

#define KAFKA_SETTINGS_MAX 8

int kafka_admin_new(const struct config *config, struct kafka_admin **admin, struct err *err);
void kafka_admin_free(struct kafka_admin *admin);
/* How long a broker may take to answer. */
void kafka_admin_patience(struct kafka_admin *admin, int answer_ms);
int kafka_admin_topic(struct kafka_admin *admin, const char *name, struct kafka_topic *topic,
	struct err *err);
/* replication -1: the broker's default. Returns 0, 1 when it existed already, or -1. */
int kafka_admin_create(struct kafka_admin *admin, const char *name, int partitions,
	int replication, const struct kafka_setting *settings, size_t count, struct err *err);
/* Effective values of a topic's settings (the broker's default where not set on the topic):
 * names[i] to values[i], malloc'ed, NULL where the broker knows none. */
int kafka_admin_settings(struct kafka_admin *admin, const char *topic, const char *const *names,
	char **values, size_t count, struct err *err);

#endif
