/* broker.h: where requests come from and results go: a table of functions with two implementations,
 * Kafka (broker_kafka*.c) and memory (broker_memory.c, for tests).
 *
 * One thread calls it. What can block runs beside it and comes back as an event. A batch is one
 * transaction: its records and the offsets that they finish become visible together or not at all;
 * batches commit in the order in which they were given.
 */
#ifndef CODEWORKER_BROKER_H
#define CODEWORKER_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../sandbox/err.h"

#define BROKER_REQUEST_TOPICS 16	/* at most */

enum broker_source {
	BROKER_REQUESTS,		/* topics.requests: who has a partition of it has that number of all */
	BROKER_RETRIES,			/* topics.retries: its partitions go with the requests' */
	BROKER_FURTHER,			/* and on: the topics of topics.priorities, one after the other */
	BROKER_SOURCES_MOST = BROKER_FURTHER + BROKER_REQUEST_TOPICS - 1,
	BROKER_NOWHERE = BROKER_SOURCES_MOST
};

struct broker_place {
	enum broker_source source;
	int32_t partition;
	int64_t offset;
};

struct broker_header {
	const char *name;
	const void *value;		/* NULL: null */
	size_t size;
};

struct broker_message {			/* lives until message_free */
	enum broker_source source;
	const char *topic;
	int32_t partition;
	int64_t offset, timestamp_ms;
	const void *key, *value;	/* NULL: null */
	size_t key_size, value_size;
	const struct broker_header *headers;
	size_t header_count;
	size_t bytes;			/* of memory that it takes */
	void *owner;			/* the implementation's */
};

struct broker_record {
	const char *topic;
	int32_t partition;		/* -1: by key, as Java does (murmur2_random) */
	const void *key, *value;
	size_t key_size, value_size;
	const struct broker_header *headers;
	size_t header_count;
	const struct broker_record *instead;	/* should it be refused; NULL: left out */
};

struct broker_offset {
	int32_t partition;
	int64_t offset;			/* everything below is finished; -1: nothing committed yet */
	int64_t since_ms;		/* what is finished beyond it ended later; 0: not known */
	enum broker_source source;
};

enum broker_outcome {
	BROKER_COMMITTED,
	BROKER_DROPPED,			/* the partitions are no longer ours: nothing became visible */
};

struct broker_batch {			/* memory is the caller's until its event */
	uint64_t epoch;			/* of the assignment whose work it is */
	const struct broker_record *records;
	size_t record_count;
	const struct broker_offset *offsets;
	size_t offset_count;
	enum broker_outcome outcome;	/* set when the event comes */
	int64_t commit_us;		/* how long the transaction took */
	void *group;			/* the implementation's */
};

/* A partition's number stands for that partition of every topic of requests, of the retries and of code.state:
 * who is given it of topics.requests takes all of them up, as far as it was given those. Partitions of a
 * further topic whose number belongs to another are left out: nobody reads them until the group shares
 * anew, since two workers would write the same partition of code.state. */

/* A record of code.state, found while a partition was taken over. */
struct broker_state {
	int32_t partition;
	const void *value;
	size_t size;
	int64_t timestamp_ms;
};

/* A record of code.control, which every worker reads. */
struct broker_control {
	int32_t partition;
	int64_t offset, timestamp_ms;	/* -1: the topic keeps no times */
	const void *value;		/* NULL: null */
	size_t size;
};

/* Partitions that the group has given to us and that are not ours before code.state was read to its end. */
struct broker_takeover {
	size_t partitions;		/* 0: none is waited for */
	int64_t for_ms;			/* since they were given */
	const char *step, *reason;	/* what it is at, and why that did not work last; static; NULL: all is well */
};

enum broker_event_type {
	BROKER_NONE,
	BROKER_MESSAGE,			/* message: the receiver frees it */
	BROKER_TAKEOVER,		/* positions of all sources: what was committed; then STATE..., ASSIGNED */
	BROKER_STATE,			/* state: valid until the next call; all before ASSIGNED */
	BROKER_ASSIGNED,		/* partitions, of topics.requests; left_out */
	BROKER_END,			/* end: the partition has nothing more, and ends there */
	BROKER_REVOKED,			/* finish up, then call unassign. lost: too late to commit */
	BROKER_BATCH,			/* batch: committed or dropped */
	BROKER_FETCHED,			/* place, and message unless missing: the receiver frees it */
	BROKER_MARKED,			/* number: of the mark that is stored */
	BROKER_JOINED,			/* the group has taken us in */
	BROKER_CONTROL,			/* control: valid until the next call; for ever, assigned or not */
	BROKER_CONTROLS_READ,		/* all that stood there at the start has been told */
	BROKER_FATAL,			/* err: the worker must end */
};

struct broker_event {
	enum broker_event_type type;
	struct broker_message message;
	struct broker_state state;
	struct broker_control control;
	const int32_t *partitions;	/* valid until the next call */
	size_t partition_count;
	size_t left_out;		/* partitions of further topics that are not read here: see ASSIGNED */
	const struct broker_offset *positions;	/* valid until the next call */
	size_t position_count;
	struct broker_offset end;
	struct broker_place place;
	bool missing;			/* it is not there any more */
	uint64_t number;		/* of a mark; else the implementation's */
	bool lost;
	struct broker_batch *batch;
	struct err err;
};

struct broker {
	const struct broker_functions *functions;
};

struct broker_functions {
	int (*fd)(struct broker *broker);	/* readable when next() may have something */
	void (*next)(struct broker *broker, struct broker_event *event);
	void (*message_free)(struct broker *broker, struct broker_message *message);
	/* Holds until it is called again, whoever has the partition meanwhile. */
	void (*pause)(struct broker *broker, enum broker_source source, int32_t partition,
		bool paused);
	void (*unassign)(struct broker *broker);
	/* Reads one message again; insists until it has come, is found missing, or partitions are given back. */
	void (*fetch)(struct broker *broker, const struct broker_place *place);
	/* Writes to code.state outside of transactions; lost when brokers are away for a minute. number: told when
	 * it is stored; 0: not told. Copied. */
	void (*mark)(struct broker *broker, int32_t partition, const char *value, uint64_t number);
	/* Waits for all marks to be stored, for so long at most. */
	void (*marks_flush)(struct broker *broker, int timeout_ms);
	/* Whether a batch can be taken now. */
	bool (*free_for_batch)(struct broker *broker);
	void (*commit)(struct broker *broker, struct broker_batch *batch);
	/* Where this partition of requests ends, as of some seconds ago; -1: not known. */
	int64_t (*end)(struct broker *broker, enum broker_source source, int32_t partition);
	void (*taking_over)(struct broker *broker, struct broker_takeover *takeover);
	/* Milliseconds since the group's coordinator was last heard of, also while the machine slept; -1: not known. */
	int64_t (*silence_ms)(struct broker *broker);
	/* After so much silence the group may give our partitions to another worker. */
	int64_t (*session_ms)(struct broker *broker);
	/* Leaves the group (or not, with a static id) and frees everything, within seconds. Of a batch that is
	 * still under way comes no event any more: its memory must last to the end of the process. false: threads
	 * are left behind, so that must be near, and by _exit(2). */
	bool (*close)(struct broker *broker, bool leave);
};

#endif
