/* broker_memory.c: see broker_memory.h. One lock; events are made when they are asked for, out of what has
 * changed, in the order in which Kafka would tell them. */
#include "broker_memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../clock.h"
#include "sources.h"

#define BATCHES 2			/* as many as the producers of the Kafka broker */
#define TICK_NS 2000000

struct stored {
	struct broker_message message;	/* of a request; value NULL and size 1: a gap */
	struct broker_record record;	/* of anything else */
};

struct log {
	struct stored **entries;	/* each stays where it is */
	size_t count, capacity;
};

struct memory_store {
	const struct config *config;
	pthread_mutex_t lock;
	struct log *logs[BROKER_SOURCES_MOST];	/* by partition */
	int sources;
	struct broker_offset *committed;	/* of all sources, by place_index() */
	struct log controls;
	struct log records;
	int partitions;
};

struct broker_memory {
	struct broker base;
	struct memory_store *store;
	int timer_fd;
	int64_t *positions;		/* as committed */
	bool *paused;
	struct broker_offset *told;	/* of what is assigned, as committed */
	bool out[BROKER_SOURCES_MOST];	/* of further topics: left out */
	bool ends[BROKER_SOURCES_MOST];	/* are told */
	bool *ended;			/* told, by place_index() */
	int32_t *numbers;
	struct broker_batch *batches[BATCHES];	/* in order */
	size_t batch_count, committed_count, refuse_above;
	struct broker_place *fetches;	/* asked for, in order */
	size_t fetch_count, fetched_count;
	uint64_t *marks;		/* stored and to be told */
	size_t mark_count;
	enum { IDLE, ASSIGNING, READING, ASSIGNED, REVOKING } phase;
	bool takeover_held;
	int64_t assigned_ms;		/* when partitions were given */
	bool joined_told, revoke_told, lost, held, batches_held, drop, fatal;
	size_t reading;			/* next record of the store to tell */
	size_t controls_told;
	bool controls_read_told, controls_held;
	int64_t silence_ms, session_ms;
	struct err error;
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void *copy(const void *data, size_t size)
{
	if (!data)
		return NULL;
	char *made = must(malloc(size + 1));
	memcpy(made, data, size);
	made[size] = '\0';
	return made;
}

static struct stored *log_add(struct log *log)
{
	if (log->count == log->capacity) {
		log->capacity = log->capacity ? log->capacity * 2 : 16;
		log->entries = must(realloc(log->entries, log->capacity * sizeof *log->entries));
	}
	struct stored *entry = must(calloc(1, sizeof *entry));
	log->entries[log->count++] = entry;
	return entry;
}

static struct broker_header *headers_copy(const struct broker_header *headers, size_t count)
{
	struct broker_header *made = must(calloc(count + 1, sizeof *made));
	for (size_t i = 0; i < count; i++)
		made[i] = (struct broker_header){copy(headers[i].name, strlen(headers[i].name)),
			copy(headers[i].value, headers[i].size), headers[i].size};
	return made;
}

static void headers_free(const struct broker_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((void *)headers[i].name);
		free((void *)headers[i].value);
	}
	free((void *)headers);
}

/* ---- the store */

static size_t place_index(const struct memory_store *store, enum broker_source source, int32_t partition)
{
	return (size_t)source * (size_t)store->partitions + (size_t)partition;
}

static size_t place_count(const struct memory_store *store)
{
	return (size_t)store->sources * (size_t)store->partitions;
}

static void committed_reset(struct memory_store *store, enum broker_source source)
{
	for (int p = 0; p < store->partitions; p++)
		store->committed[place_index(store, source, p)] = (struct broker_offset){p, -1, 0, source};
}

struct memory_store *memory_store_new(const struct config *config, int partitions)
{
	struct memory_store *store = must(calloc(1, sizeof *store));
	store->config = config;
	store->partitions = partitions;
	store->sources = sources_count(config);
	pthread_mutex_init(&store->lock, NULL);
	store->committed = must(calloc(place_count(store), sizeof *store->committed));
	for (int source = 0; source < store->sources; source++) {
		store->logs[source] = must(calloc((size_t)partitions, sizeof *store->logs[source]));
		committed_reset(store, (enum broker_source)source);
	}
	return store;
}

static void log_free(struct log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		struct broker_message *message = &log->entries[i]->message;
		free((void *)message->key);
		free((void *)message->value);
		headers_free(message->headers, message->header_count);
		free(log->entries[i]);
	}
	free(log->entries);
	*log = (struct log){0};
}

void memory_store_recreate(struct memory_store *store, enum broker_source source)
{
	pthread_mutex_lock(&store->lock);
	for (int p = 0; p < store->partitions; p++)
		log_free(&store->logs[source][p]);
	committed_reset(store, source);
	pthread_mutex_unlock(&store->lock);
}

void memory_store_free(struct memory_store *store)
{
	for (int source = 0; source < store->sources; source++) {
		for (int p = 0; p < store->partitions; p++)
			log_free(&store->logs[source][p]);
		free(store->logs[source]);
	}
	for (size_t i = 0; i < store->records.count; i++) {
		struct broker_record *record = &store->records.entries[i]->record;
		free((void *)record->key);
		free((void *)record->value);
		headers_free(record->headers, record->header_count);
		free(store->records.entries[i]);
	}
	free(store->records.entries);
	log_free(&store->controls);
	free(store->committed);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

static size_t headers_bytes(const struct broker_header *headers, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += strlen(headers[i].name) + headers[i].size + sizeof *headers;
	return bytes;
}

/* With the lock. */
static int64_t message_store(struct memory_store *store, enum broker_source source,
	const struct broker_record *record, int64_t timestamp_ms)
{
	struct log *log = &store->logs[source][record->partition];
	struct stored *entry = log_add(log);
	int64_t offset = (int64_t)log->count - 1;
	entry->message = (struct broker_message){.source = source,
		.topic = source_topic(store->config, source), .partition = record->partition, .offset = offset, .timestamp_ms = timestamp_ms,
		.key = copy(record->key, record->key_size), .key_size = record->key_size,
		.value = copy(record->value, record->value_size), .value_size = record->value_size,
		.headers = headers_copy(record->headers, record->header_count),
		.header_count = record->header_count, .bytes = record->key_size + record->value_size +
			headers_bytes(record->headers, record->header_count), .owner = store};
	return offset;
}

static int64_t produce(struct memory_store *store, enum broker_source source, int32_t partition,
	const char *key, const char *value, const struct broker_header *headers, size_t header_count,
	int64_t timestamp_ms)
{
	const struct broker_record record = {.partition = partition, .key = key,
		.key_size = key ? strlen(key) : 0, .value = value,
		.value_size = value ? strlen(value) : 0, .headers = headers,
		.header_count = header_count};
	pthread_mutex_lock(&store->lock);
	int64_t offset = message_store(store, source, &record, timestamp_ms);
	pthread_mutex_unlock(&store->lock);
	return offset;
}

int64_t memory_store_produce_at(struct memory_store *store, int32_t partition, const char *key,
	const char *value, int64_t timestamp_ms)
{
	return produce(store, BROKER_REQUESTS, partition, key, value, NULL, 0, timestamp_ms);
}

int64_t memory_store_produce(struct memory_store *store, int32_t partition, const char *key,
	const char *value, const struct broker_header *headers, size_t header_count)
{
	return produce(store, BROKER_REQUESTS, partition, key, value, headers, header_count, wall_ms());
}

int64_t memory_store_produce_to_at(struct memory_store *store, enum broker_source source,
	int32_t partition, const char *key, const char *value, int64_t timestamp_ms)
{
	return produce(store, source, partition, key, value, NULL, 0, timestamp_ms);
}

int64_t memory_store_produce_to(struct memory_store *store, enum broker_source source,
	int32_t partition, const char *key, const char *value)
{
	return memory_store_produce_to_at(store, source, partition, key, value, wall_ms());
}

void memory_store_control(struct memory_store *store, const void *value, size_t size,
	int64_t timestamp_ms)
{
	pthread_mutex_lock(&store->lock);
	struct stored *entry = log_add(&store->controls);
	entry->message = (struct broker_message){.offset = (int64_t)store->controls.count - 1,
		.timestamp_ms = timestamp_ms, .value = copy(value, size), .value_size = size};
	pthread_mutex_unlock(&store->lock);
}

void memory_store_skip(struct memory_store *store, int32_t partition, int64_t offsets)
{
	pthread_mutex_lock(&store->lock);
	for (int64_t i = 0; i < offsets; i++)
		log_add(&store->logs[BROKER_REQUESTS][partition]);
	pthread_mutex_unlock(&store->lock);
}

int64_t memory_store_committed_of(struct memory_store *store, enum broker_source source,
	int32_t partition)
{
	pthread_mutex_lock(&store->lock);
	int64_t offset = store->committed[place_index(store, source, partition)].offset;
	pthread_mutex_unlock(&store->lock);
	return offset;
}

int64_t memory_store_committed(struct memory_store *store, int32_t partition)
{
	return memory_store_committed_of(store, BROKER_REQUESTS, partition);
}

int64_t memory_store_retries_committed(struct memory_store *store, int32_t partition)
{
	return memory_store_committed_of(store, BROKER_RETRIES, partition);
}

void memory_store_produce_retry(struct memory_store *store, int32_t partition, const char *value)
{
	const struct broker_record record = {.partition = partition, .value = value,
		.value_size = strlen(value)};
	pthread_mutex_lock(&store->lock);
	message_store(store, BROKER_RETRIES, &record, wall_ms());
	pthread_mutex_unlock(&store->lock);
}

static void due_move(const struct broker_message *message, int64_t ms)
{
	for (size_t i = 0; i < message->header_count; i++) {
		struct broker_header *header = (struct broker_header *)&message->headers[i];
		if (strcmp(header->name, "codeworker-due-ms") != 0)
			continue;
		int64_t due_ms = strtoll(header->value, NULL, 10) - ms;
		free((void *)header->value);
		char *text = must(malloc(24));
		header->size = (size_t)snprintf(text, 24, "%lld", (long long)due_ms);
		header->value = text;
	}
}

void memory_store_hurry(struct memory_store *store, int64_t ms)
{
	pthread_mutex_lock(&store->lock);
	for (int p = 0; p < store->partitions; p++)
		for (size_t i = 0; i < store->logs[BROKER_RETRIES][p].count; i++)
			due_move(&store->logs[BROKER_RETRIES][p].entries[i]->message, ms);
	pthread_mutex_unlock(&store->lock);
}

int64_t memory_store_since_of(struct memory_store *store, enum broker_source source,
	int32_t partition)
{
	pthread_mutex_lock(&store->lock);
	int64_t since_ms = store->committed[place_index(store, source, partition)].since_ms;
	pthread_mutex_unlock(&store->lock);
	return since_ms;
}

int64_t memory_store_since(struct memory_store *store, int32_t partition)
{
	return memory_store_since_of(store, BROKER_REQUESTS, partition);
}

const struct broker_record *memory_store_record(struct memory_store *store, const char *topic,
	size_t index)
{
	const struct broker_record *found = NULL;
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->records.count && !found; i++)
		if (strcmp(store->records.entries[i]->record.topic, topic) == 0 && index-- == 0)
			found = &store->records.entries[i]->record;
	pthread_mutex_unlock(&store->lock);
	return found;
}

size_t memory_store_count(struct memory_store *store, const char *topic)
{
	size_t count = 0;
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->records.count; i++)
		count += strcmp(store->records.entries[i]->record.topic, topic) == 0;
	pthread_mutex_unlock(&store->lock);
	return count;
}

/* ---- committing */

static struct broker_memory *self(struct broker *broker)
{
	return (struct broker_memory *)broker;
}

static void record_store(struct broker_memory *memory, const struct broker_record *record)
{
	if (memory->refuse_above && record->value_size > memory->refuse_above)
		record = record->instead;
	if (!record)
		return;
	if (strcmp(record->topic, memory->store->config->topics.retries) == 0)
		message_store(memory->store, BROKER_RETRIES, record, wall_ms());
	struct broker_record *made = &log_add(&memory->store->records)->record;
	*made = *record;
	made->key = copy(record->key, record->key_size);
	made->value = copy(record->value, record->value_size);
	made->headers = headers_copy(record->headers, record->header_count);
	made->instead = NULL;
}

/* The oldest batch, when it can end now. */
static struct broker_batch *batch_end(struct broker_memory *memory)
{
	if (memory->batch_count == 0 || ((memory->held || memory->batches_held) && !memory->drop))
		return NULL;
	struct broker_batch *batch = memory->batches[0];
	memory->batches[0] = memory->batches[1];
	memory->batch_count--;
	batch->outcome = memory->drop ? BROKER_DROPPED : BROKER_COMMITTED;
	if (memory->drop)
		return batch;
	for (size_t i = 0; i < batch->record_count; i++)
		record_store(memory, &batch->records[i]);
	for (size_t i = 0; i < batch->offset_count; i++)
		memory->store->committed[place_index(memory->store, batch->offsets[i].source,
			batch->offsets[i].partition)] = batch->offsets[i];
	memory->committed_count++;
	return batch;
}

static bool memory_free_for_batch(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	bool is_free = memory->batch_count < BATCHES;
	pthread_mutex_unlock(&memory->store->lock);
	return is_free;
}

static void memory_commit(struct broker *broker, struct broker_batch *batch)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	if (memory->batch_count == BATCHES)
		abort();		/* the loop broke the rules of broker.h */
	memory->batches[memory->batch_count++] = batch;
	pthread_mutex_unlock(&memory->store->lock);
}

/* ---- events */

static bool state_next(struct broker_memory *memory, struct broker_event *event)
{
	struct memory_store *store = memory->store;
	while (memory->reading < store->records.count) {
		const struct broker_record *record = &store->records.entries[memory->reading++]->record;
		if (strcmp(record->topic, store->config->topics.state) != 0)
			continue;
		event->type = BROKER_STATE;
		event->state = (struct broker_state){record->partition, record->value,
			record->value_size, 1};
		return true;
	}
	return false;
}

static void takeover_begin(struct broker_memory *memory, struct broker_event *event)
{
	const struct memory_store *store = memory->store;
	event->type = BROKER_TAKEOVER;
	event->positions = memory->told;
	for (size_t i = 0; i < place_count(store); i++) {
		memory->positions[i] = store->committed[i].offset < 0 ? 0 : store->committed[i].offset;
		memory->ended[i] = false;
		if (!memory->out[store->committed[i].source])
			memory->told[event->position_count++] = store->committed[i];
	}
	memory->phase = READING;
	memory->reading = 0;
}

static void assignment_tell(struct broker_memory *memory, struct broker_event *event)
{
	memory->phase = ASSIGNED;
	memory->drop = false;
	event->type = BROKER_ASSIGNED;
	event->partitions = memory->numbers;
	event->partition_count = (size_t)memory->store->partitions;
	for (int source = 0; source < memory->store->sources; source++)
		event->left_out += memory->out[source] ? event->partition_count : 0;
}

static bool message_next(struct broker_memory *memory, struct broker_event *event)
{
	for (size_t i = 0; i < place_count(memory->store); i++) {
		const struct broker_offset *place = &memory->store->committed[i];
		const struct log *log = &memory->store->logs[place->source][place->partition];
		if (memory->positions[i] > (int64_t)log->count)
			memory->positions[i] = 0;	/* out of range: auto.offset.reset */
		while (!memory->paused[i] && !memory->out[place->source] &&
				memory->positions[i] < (int64_t)log->count) {
			const struct stored *entry = log->entries[memory->positions[i]++];
			if (!entry->message.owner)
				continue;	/* a gap */
			event->type = BROKER_MESSAGE;
			event->message = entry->message;
			memory->ended[i] = false;
			return true;
		}
		if (memory->ends[place->source] && !memory->ended[i] && !memory->paused[i] &&
				!memory->out[place->source]) {
			event->type = BROKER_END;
			event->end = (struct broker_offset){place->partition, memory->positions[i], 0,
				place->source};
			memory->ended[i] = true;
			return true;
		}
	}
	return false;
}

static bool fetched_next(struct broker_memory *memory, struct broker_event *event)
{
	if (memory->fetch_count == 0)
		return false;
	memory->fetched_count++;
	event->type = BROKER_FETCHED;
	event->place = memory->fetches[0];
	memmove(memory->fetches, memory->fetches + 1, --memory->fetch_count * sizeof *memory->fetches);
	const struct log *log = &memory->store->logs[event->place.source][event->place.partition];
	event->missing = event->place.offset >= (int64_t)log->count;
	if (!event->missing)
		event->message = log->entries[event->place.offset]->message;
	return true;
}

static bool marked_next(struct broker_memory *memory, struct broker_event *event)
{
	if (memory->mark_count == 0)
		return false;
	event->type = BROKER_MARKED;
	event->number = memory->marks[0];
	memmove(memory->marks, memory->marks + 1, --memory->mark_count * sizeof *memory->marks);
	return true;
}

static bool control_next(struct broker_memory *memory, struct broker_event *event)
{
	const struct log *log = &memory->store->controls;
	if (memory->controls_held)
		return false;
	if (memory->controls_told == log->count && memory->controls_read_told)
		return false;
	if (memory->controls_told == log->count) {
		event->type = BROKER_CONTROLS_READ;
		memory->controls_read_told = true;
		return true;
	}
	const struct broker_message *message = &log->entries[memory->controls_told++]->message;
	event->type = BROKER_CONTROL;
	event->control = (struct broker_control){0, message->offset, message->timestamp_ms,
		message->value, message->value_size};
	return true;
}

static void event_make(struct broker_memory *memory, struct broker_event *event)
{
	struct broker_batch *batch = memory->fatal ? NULL : batch_end(memory);
	if (memory->fatal) {
		event->type = BROKER_FATAL;
		event->err = memory->error;
		memory->fatal = false;
	} else if (batch) {
		event->type = BROKER_BATCH;
		event->batch = batch;
	} else if (!memory->joined_told) {
		memory->joined_told = true;
		event->type = BROKER_JOINED;
	} else if (control_next(memory, event)) {
		return;
	} else if (memory->phase == ASSIGNING) {
		takeover_begin(memory, event);
	} else if (memory->phase == READING && memory->takeover_held) {
		event->type = BROKER_NONE;
	} else if (memory->phase == READING) {
		if (!state_next(memory, event))
			assignment_tell(memory, event);
	} else if (memory->phase == REVOKING && !memory->revoke_told) {
		memory->revoke_told = true;
		event->type = BROKER_REVOKED;
		event->lost = memory->lost;
	} else if (memory->phase == ASSIGNED && !marked_next(memory, event) &&
			!fetched_next(memory, event)) {
		message_next(memory, event);
	}
}

static void memory_next(struct broker *broker, struct broker_event *event)
{
	struct broker_memory *memory = self(broker);
	*event = (struct broker_event){.type = BROKER_NONE};
	pthread_mutex_lock(&memory->store->lock);
	event_make(memory, event);
	pthread_mutex_unlock(&memory->store->lock);
	uint64_t times;
	if (event->type == BROKER_NONE && read(memory->timer_fd, &times, sizeof times) < 0)
		return;			/* it has not ticked since */
}

static void memory_message_free(struct broker *broker, struct broker_message *message)
{
	(void)broker;
	(void)message;			/* it is the store's */
}

/* A timer: tests change the store under the broker, which nothing announces. */
static int memory_fd(struct broker *broker)
{
	return self(broker)->timer_fd;
}

static void memory_pause(struct broker *broker, enum broker_source source, int32_t partition,
	bool paused)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->paused[place_index(memory->store, source, partition)] = paused;
	memory->ended[place_index(memory->store, source, partition)] = false;	/* as librdkafka does */
	pthread_mutex_unlock(&memory->store->lock);
}

static void memory_unassign(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->phase = IDLE;
	memory->drop = memory->batch_count > 0;	/* of a generation that is over */
	memory->fetch_count = 0;
	pthread_mutex_unlock(&memory->store->lock);
}

static void memory_fetch(struct broker *broker, const struct broker_place *place)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->fetches = must(realloc(memory->fetches,
		(memory->fetch_count + 1) * sizeof *memory->fetches));
	memory->fetches[memory->fetch_count++] = *place;
	pthread_mutex_unlock(&memory->store->lock);
}

static void memory_mark(struct broker *broker, int32_t partition, const char *value, uint64_t number)
{
	struct broker_memory *memory = self(broker);
	const struct broker_record record = {.topic = memory->store->config->topics.state,
		.partition = partition, .value = value, .value_size = strlen(value)};
	pthread_mutex_lock(&memory->store->lock);
	if (!memory->held)
		record_store(memory, &record);
	if (!memory->held && number != 0) {
		memory->marks = must(realloc(memory->marks,
			(memory->mark_count + 1) * sizeof *memory->marks));
		memory->marks[memory->mark_count++] = number;
	}
	pthread_mutex_unlock(&memory->store->lock);
}

static void memory_marks_flush(struct broker *broker, int timeout_ms)
{
	(void)broker;
	(void)timeout_ms;		/* they are stored at once */
}

static int64_t memory_end(struct broker *broker, enum broker_source source, int32_t partition)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	int64_t end = (int64_t)memory->store->logs[source][partition].count;
	pthread_mutex_unlock(&memory->store->lock);
	return end;
}

static int64_t memory_silence_ms(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	int64_t silence_ms = memory->silence_ms;
	pthread_mutex_unlock(&memory->store->lock);
	return silence_ms;
}

static int64_t memory_session_ms(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	int64_t session_ms = memory->session_ms;
	pthread_mutex_unlock(&memory->store->lock);
	return session_ms;
}

static bool memory_close(struct broker *broker, bool leave)
{
	struct broker_memory *memory = self(broker);
	(void)leave;
	close(memory->timer_fd);
	free(memory->fetches);
	free(memory->marks);
	free(memory->positions);
	free(memory->paused);
	free(memory->ended);
	free(memory->told);
	free(memory->numbers);
	free(memory);
	return true;
}

static void memory_taking_over(struct broker *broker, struct broker_takeover *takeover)
{
	struct broker_memory *memory = self(broker);
	*takeover = (struct broker_takeover){0};
	pthread_mutex_lock(&memory->store->lock);
	if (memory->phase == ASSIGNING || memory->phase == READING)
		*takeover = (struct broker_takeover){(size_t)memory->store->partitions,
			monotonic_ms() - memory->assigned_ms, "reading", memory->takeover_held ?
			"held" : NULL};
	pthread_mutex_unlock(&memory->store->lock);
}

static const struct broker_functions functions = {.fd = memory_fd, .next = memory_next,
	.message_free = memory_message_free, .pause = memory_pause, .unassign = memory_unassign,
	.fetch = memory_fetch, .mark = memory_mark, .marks_flush = memory_marks_flush,
	.free_for_batch = memory_free_for_batch, .commit = memory_commit,
	.taking_over = memory_taking_over, .end = memory_end, .silence_ms = memory_silence_ms,
	.session_ms = memory_session_ms, .close = memory_close};

static int timer_open(void)
{
	const struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) < 0)
		abort();
	return fd;
}

struct broker *broker_memory_new(struct memory_store *store)
{
	struct broker_memory *memory = must(calloc(1, sizeof *memory));
	size_t count = place_count(store);
	memory->base.functions = &functions;
	memory->store = store;
	memory->session_ms = 10000;
	memory->timer_fd = timer_open();
	memory->positions = must(calloc(count, sizeof *memory->positions));
	memory->paused = must(calloc(count, sizeof *memory->paused));
	memory->ended = must(calloc(count, sizeof *memory->ended));
	memory->told = must(calloc(count, sizeof *memory->told));
	memory->numbers = must(calloc((size_t)store->partitions, sizeof *memory->numbers));
	for (int p = 0; p < store->partitions; p++)
		memory->numbers[p] = p;
	return &memory->base;
}

/* ---- what tests do to it */

void broker_memory_assign(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->phase = ASSIGNING;
	memory->assigned_ms = monotonic_ms();
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_leave_out(struct broker *broker, enum broker_source source)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->out[source] = true;
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_tell_ends(struct broker *broker, enum broker_source source)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->ends[source] = true;
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_revoke(struct broker *broker, bool lost)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->phase = REVOKING;
	memory->revoke_told = false;
	memory->lost = lost;
	memory->drop = memory->drop || lost;
	pthread_mutex_unlock(&memory->store->lock);
}

bool broker_memory_assigned(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	bool assigned = memory->phase == ASSIGNED || memory->phase == REVOKING;
	pthread_mutex_unlock(&memory->store->lock);
	return assigned;
}

void broker_memory_hold_controls(struct broker *broker, bool held)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->controls_held = held;
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_hold_takeover(struct broker *broker, bool held)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->takeover_held = held;
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_hold_batches(struct broker *broker, bool held)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->batches_held = held;
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_hold(struct broker *broker, bool held)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->held = held;
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_drop_next(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->drop = true;
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_refuse_above(struct broker *broker, size_t bytes)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->refuse_above = bytes;
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_silence(struct broker *broker, int64_t silence_ms, int64_t session_ms)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	memory->silence_ms = silence_ms;
	memory->session_ms = session_ms;
	pthread_mutex_unlock(&memory->store->lock);
}

void broker_memory_fatal(struct broker *broker, const char *text)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	err_set(&memory->error, ERR_BROKER, "%s", text);
	memory->fatal = true;
	pthread_mutex_unlock(&memory->store->lock);
}

size_t broker_memory_under_way(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	size_t count = memory->batch_count;
	pthread_mutex_unlock(&memory->store->lock);
	return count;
}

size_t broker_memory_batches(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	size_t count = memory->committed_count;
	pthread_mutex_unlock(&memory->store->lock);
	return count;
}

size_t broker_memory_fetches(struct broker *broker)
{
	struct broker_memory *memory = self(broker);
	pthread_mutex_lock(&memory->store->lock);
	size_t count = memory->fetched_count;
	pthread_mutex_unlock(&memory->store->lock);
	return count;
}
