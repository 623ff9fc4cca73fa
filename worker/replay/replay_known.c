/* replay_known.c: see replay_known.h.
 *
 * A result says in its headers whose it is, so it is not decoded. A request is, where its bytes
 * hold the mark of a replay's id: few do.
 */
#include "replay_known.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "replay_id.h"

#define TURN_MS 200

struct place {				/* of a result */
	UT_hash_handle hh;
	int32_t partition;
	int64_t offset;
	char key[];
};

struct replay_known {
	const struct config *config;
	struct codec *codec;
	struct replay_known_options options;
	struct kafka_reader *reader;
	struct kafka_lookup *lookup;	/* NULL until a result is asked for */
	struct replay_chains *chains;
	struct place *places;
};

int replay_known_new(const struct config *config, struct codec *codec,
	const struct replay_known_options *options, struct replay_known **known, struct err *err)
{
	const char *topics[CONFIG_REQUEST_TOPICS + 2] = {config->topics.results, config->topics.dead};
	size_t count = options->chains ? 2 : options->results ? 1 : 0;
	for (size_t i = 0; options->chains && i < config_request_topics(config); i++)
		topics[count++] = config_request_topic(config, i);
	struct replay_known *made = calloc(1, sizeof *made);
	if (made)
		*made = (struct replay_known){.config = config, .codec = codec, .options = *options,
			.chains = replay_chains_new()};
	if (!made || !made->chains) {
		free(made);
		return err_set(err, ERR_MEMORY, "no memory for what is known");
	}
	if (count > 0 && (kafka_reader_new(config, topics, count, options->start, &made->reader,
		err) != 0 || kafka_reader_bound(made->reader, err) != 0)) {
		replay_known_free(made);
		return -1;
	}
	*known = made;
	return 0;
}

void replay_known_free(struct replay_known *known)
{
	struct place *place, *next;
	if (!known)
		return;
	HASH_ITER(hh, known->places, place, next) {
		HASH_DEL(known->places, place);
		free(place);
	}
	kafka_reader_free(known->reader);
	kafka_lookup_free(known->lookup);
	replay_chains_free(known->chains);
	free(known);
}

struct replay_chains *replay_known_chains(struct replay_known *known)
{
	return known->chains;
}

/* ---- results */

/* With a NUL behind each part; malloc'ed inside of a place. */
static struct place *place_new(const struct replay_execution *execution, size_t *key_size)
{
	const char *parts[] = {execution->thread_id, execution->node_id, execution->execution_id};
	size_t size = 0;
	for (size_t i = 0; i < 3; i++)
		size += strlen(parts[i]) + 1;
	struct place *place = calloc(1, sizeof *place + size);
	char *to = place ? place->key : NULL;
	for (size_t i = 0; place && i < 3; i++)
		to = stpcpy(to, parts[i]) + 1;
	*key_size = size;
	return place;
}

/* The last one holds: an execution that came again after the dedupe window has two. */
static int place_add(struct replay_known *known, const struct replay_execution *execution,
	const struct kafka_record *record, struct err *err)
{
	size_t key_size;
	struct place *found, *made = place_new(execution, &key_size);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for the places of results");
	HASH_FIND(hh, known->places, made->key, key_size, found);
	if (found) {
		free(made);
		made = found;
	} else {
		HASH_ADD_KEYPTR(hh, known->places, made->key, key_size, made);
	}
	made->partition = record->partition;
	made->offset = record->offset;
	return 0;
}

static int result_take(struct replay_known *known, const struct kafka_record *record,
	struct err *err)
{
	const struct replay_execution execution = {
		kafka_reader_header(known->reader, "threadId"),
		kafka_reader_header(known->reader, "nodeId"),
		kafka_reader_header(known->reader, "executionId")};
	if (!execution.thread_id || !execution.node_id || !execution.execution_id)
		return 0;
	uint32_t generation;
	replay_id_root(execution.execution_id, &generation);
	if ((known->options.results || generation > 0) &&
		place_add(known, &execution, record, err) != 0)
		return -1;
	return replay_chains_note(known->chains, &execution, err);
}

int replay_known_result(struct replay_known *known, const struct replay_execution *execution,
	struct record_view *view, struct err *err)
{
	size_t key_size;
	struct place *found, *wanted = place_new(execution, &key_size);
	struct kafka_record record;
	if (!wanted)
		return err_set(err, ERR_MEMORY, "no memory to find a result");
	HASH_FIND(hh, known->places, wanted->key, key_size, found);
	free(wanted);
	if (!found)
		return 0;
	if (!known->lookup && kafka_lookup_new(known->config, known->config->topics.results,
		&known->lookup, err) != 0)
		return -1;
	int got = kafka_lookup_get(known->lookup, found->partition, found->offset, &record, err);
	if (got != 1)
		return got;
	struct err unreadable;
	return record_view_open(known->codec, record.value, record.value_size, view,
		&unreadable) == 0 ? 1 : 0;
}

/* ---- requests and dead letters */

static int request_take(struct replay_known *known, const struct kafka_record *record,
	struct err *err)
{
	struct request *request;
	struct malformed malformed;
	const struct source source = {record->topic, record->partition, record->offset};
	if (!record->value || !memmem(record->value, record->value_size, REPLAY_ID_MARK,
		sizeof REPLAY_ID_MARK - 1))
		return 0;
	int answer = codec_decode_request(known->codec, record->value, record->value_size, &source,
		&request, &malformed, err);
	if (answer < 0)
		return -1;
	if (answer == 0)
		answer = replay_chains_note(known->chains, &(struct replay_execution){
			request->thread_id, request->node_id, request->execution_id}, err);
	else
		answer = 0;
	arena_free(request->arena);
	return answer;
}

enum kafka_read replay_known_step(struct replay_known *known, struct err *err)
{
	struct kafka_record record;
	if (!known->reader)
		return KAFKA_READ_END;
	enum kafka_read read = kafka_reader_next(known->reader, TURN_MS, &record, err);
	if (read == KAFKA_READ_END) {
		kafka_reader_free(known->reader);
		known->reader = NULL;
	}
	if (read != KAFKA_READ_RECORD)
		return read;
	int taken = strcmp(record.topic, known->config->topics.results) == 0 ?
		result_take(known, &record, err) : request_take(known, &record, err);
	return taken < 0 ? KAFKA_READ_ERROR : KAFKA_READ_RECORD;
}
