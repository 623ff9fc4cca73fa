/* replay_source.c: see replay_source.h. */
#include "replay_source.h"

#include <stdlib.h>
#include <string.h>

#include "../codec/dead_letter.h"

#define ANOTHER "another request stands at the place of its own: the topic was made anew"

static const char *const from_names[] = {"dead", "errors", "results", "requests"};

struct replay_source {
	const struct config *config;
	struct codec *codec;
	enum replay_from from;
	struct kafka_reader *reader;
	struct kafka_lookup *requests[CONFIG_REQUEST_TOPICS];	/* NULL until a request is looked up */
	/* of the job last read */
	struct record_view view;
	bool has_view;
	struct request *request;
	char topic[DEAD_LETTER_TOPIC_BYTES];	/* what request_at names */
	char why[512];
};

int replay_from_parse(const char *text, enum replay_from *from)
{
	for (size_t i = 0; i < sizeof from_names / sizeof *from_names; i++)
		if (strcmp(text, from_names[i]) == 0) {
			*from = (enum replay_from)i;
			return 0;
		}
	return -1;
}

const char *replay_from_topic(const struct config *config, enum replay_from from)
{
	const char *const topics[] = {config->topics.dead, config->topics.errors,
		config->topics.results, config->topics.requests};
	return topics[from];
}

int replay_source_new(const struct config *config, struct codec *codec, enum replay_from from,
	struct kafka_start start, struct replay_source **source, struct err *err)
{
	const char *topics[CONFIG_REQUEST_TOPICS] = {replay_from_topic(config, from)};
	size_t count = from == REPLAY_REQUESTS ? config_request_topics(config) : 1;
	struct replay_source *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory to read %s", topics[0]);
	*made = (struct replay_source){.config = config, .codec = codec, .from = from};
	for (size_t i = 1; i < count; i++)
		topics[i] = config_request_topic(config, i);
	if (kafka_reader_new(config, topics, count, start, &made->reader, err) != 0 ||
		kafka_reader_bound(made->reader, err) != 0) {
		replay_source_free(made);
		return -1;
	}
	*source = made;
	return 0;
}

static void job_forget(struct replay_source *source)
{
	if (source->has_view)
		record_view_close(&source->view);
	source->has_view = false;
	if (source->request)
		arena_free(source->request->arena);
	source->request = NULL;
}

void replay_source_free(struct replay_source *source)
{
	if (!source)
		return;
	job_forget(source);
	kafka_reader_free(source->reader);
	for (size_t i = 0; i < CONFIG_REQUEST_TOPICS; i++)
		kafka_lookup_free(source->requests[i]);
	free(source);
}

const struct record_view *replay_source_view(const struct replay_source *source)
{
	return source->has_view ? &source->view : NULL;
}

static void body_bad(struct replay_source *source, struct replay_job *job, enum replay_body body,
	const char *why)
{
	snprintf(source->why, sizeof source->why, "%s", why);
	job->why = source->why;
	job->body = body;
}

/* ---- a request as it stands */

static int body_decode(struct replay_source *source, struct replay_job *job,
	struct malformed *malformed, struct err *err)
{
	int answer = codec_decode_request(source->codec, job->value, job->value_size, &job->request_at,
		&source->request, malformed, err);
	if (answer < 0)
		return -1;
	job->request = source->request;
	job->body = REPLAY_BODY_READ;
	if (answer == 1)
		body_bad(source, job, REPLAY_BODY_MALFORMED, malformed->message);
	return 0;
}

/* What is known of a request by itself; a malformed one says what it can. */
static void facts_of_request(struct replay_job *job, const struct malformed *malformed)
{
	bool bad = job->body == REPLAY_BODY_MALFORMED;
	const struct request *request = job->request;
	job->facts = (struct replay_facts){bad ? malformed->thread_id : request->thread_id,
		bad ? malformed->node_id : request->node_id, request->tenant, NULL, NULL};
	job->execution_id = bad ? malformed->execution_id : request->execution_id;
}

static void place_set(struct replay_source *source, struct replay_job *job, const char *topic,
	int32_t partition, int64_t offset)
{
	snprintf(source->topic, sizeof source->topic, "%s", topic);
	job->request_at = (struct source){source->topic, partition, offset};
}

static void body_set(struct replay_job *job, const struct kafka_record *record, size_t header_count)
{
	job->value = record->value;
	job->value_size = record->value_size;
	job->headers = record->headers;
	job->header_count = header_count;
}

/* ---- looking a request up */

/* Among the topics of requests; their number: it is none of them. */
static size_t topic_index(const struct config *config, const char *topic)
{
	size_t index = 0, count = config_request_topics(config);
	while (index < count && (!topic || strcmp(topic, config_request_topic(config, index)) != 0))
		index++;
	return index;
}

/* Returns 1 with a record, 0 when the body is GONE, -1 with err. */
static int request_find(struct replay_source *source, struct replay_job *job,
	struct kafka_record *record, struct err *err)
{
	const struct source *at = &job->request_at;
	const char *topic = at->topic;
	size_t index = topic_index(source->config, topic);
	char why[512];
	if (index == config_request_topics(source->config)) {
		snprintf(why, sizeof why, "its request is not of %s but of %s",
			source->config->topics.requests, topic && *topic ? topic : "no topic");
		body_bad(source, job, REPLAY_BODY_GONE, why);
		return 0;
	}
	struct kafka_lookup **lookup = &source->requests[index];
	if (!*lookup && kafka_lookup_new(source->config, topic, lookup, err) != 0)
		return -1;
	int found = kafka_lookup_get(*lookup, at->partition, at->offset, record, err);
	if (found == 0) {
		snprintf(why, sizeof why, "%s no longer has its request (partition %d, offset %lld): "
			"retention has removed it%s", topic, at->partition, (long long)at->offset,
			source->from == REPLAY_DEAD ? ", and the dead letter's value is omitted" :
			"; if the job failed, its dead letter may have it (--from dead)");
		body_bad(source, job, REPLAY_BODY_GONE, why);
	}
	return found;
}

static bool same(const char *one, const char *other)
{
	return one && other && strcmp(one, other) == 0;
}

/* A topic that was made anew has other requests at the same places. */
static bool is_of_job(const struct replay_job *job)
{
	return same(job->request->execution_id, job->execution_id) &&
		same(job->request->thread_id, job->facts.thread_id) &&
		same(job->request->node_id, job->facts.node_id);
}

int replay_source_body(struct replay_source *source, struct replay_job *job, struct err *err)
{
	struct kafka_record record;
	struct malformed malformed;
	if (job->body != REPLAY_BODY_UNREAD)
		return 0;
	int found = request_find(source, job, &record, err);
	if (found != 1)
		return found;
	body_set(job, &record, record.header_count);
	if (body_decode(source, job, &malformed, err) != 0)
		return -1;
	if (job->body == REPLAY_BODY_READ && !is_of_job(job))
		body_bad(source, job, REPLAY_BODY_GONE, ANOTHER);
	return 0;
}

/* ---- one topic each */

static int take_request(struct replay_source *source, const struct kafka_record *record,
	struct replay_job *job, struct err *err)
{
	struct malformed malformed;
	place_set(source, job, record->topic, record->partition, record->offset);
	body_set(job, record, record->header_count);
	if (body_decode(source, job, &malformed, err) != 0)
		return -1;
	facts_of_request(job, &malformed);
	return 0;
}

static bool same_key(const struct kafka_record *one, const struct kafka_record *other)
{
	return one->key_size == other->key_size && !one->key == !other->key &&
		(one->key_size == 0 || memcmp(one->key, other->key, one->key_size) == 0);
}

/* The value was too large for the letter: it is read where the request stood. */
static int take_omitted(struct replay_source *source, const struct kafka_record *letter,
	struct replay_job *job, struct malformed *malformed, struct err *err)
{
	struct kafka_record record;
	int found = request_find(source, job, &record, err);
	if (found != 1)
		return found;
	if (!same_key(letter, &record)) {
		body_bad(source, job, REPLAY_BODY_GONE, ANOTHER);
		return 0;
	}
	body_set(job, &record, record.header_count);
	return body_decode(source, job, malformed, err);
}

static int take_dead(struct replay_source *source, const struct kafka_record *record,
	struct replay_job *job, struct err *err)
{
	struct dead_letter letter;
	struct malformed malformed = {0};
	if (dead_letter_read(record->headers, record->header_count, &letter) != 0) {
		body_bad(source, job, REPLAY_BODY_MALFORMED,
			"it lacks the headers __dlq.errors.* that a worker writes");
		return 0;
	}
	place_set(source, job, letter.topic, letter.partition, letter.offset);
	body_set(job, record, letter.own_headers);
	bool omitted = letter.omitted && !record->value;
	if (omitted ? take_omitted(source, record, job, &malformed, err) :
		body_decode(source, job, &malformed, err))
		return -1;
	if (job->request)
		facts_of_request(job, &malformed);
	job->facts.status = status_name(STATUS_FAILED);
	if (job->body == REPLAY_BODY_MALFORMED) {
		job->facts.error = error_code_name(ERROR_REQUEST_MALFORMED);
		job->end_known = true;
	}
	return 0;
}

static int take_view(struct replay_source *source, const struct kafka_record *record,
	struct replay_job *job, struct err *err)
{
	struct err unreadable;
	const struct record_view *view = &source->view;
	(void)err;
	if (record_view_open(source->codec, record->value, record->value_size, &source->view,
		&unreadable) != 0) {
		body_bad(source, job, REPLAY_BODY_MALFORMED, unreadable.text);
		return 0;
	}
	source->has_view = true;
	job->facts = (struct replay_facts){view->thread_id, view->node_id, view->tenant,
		view->is_error ? status_name(STATUS_FAILED) : view->status, view->code};
	job->end_known = true;
	job->goes_on = view->is_error && !view->is_final;
	job->execution_id = view->execution_id;
	place_set(source, job, view->source.topic ? view->source.topic : "", view->source.partition,
		view->source.offset);
	return 0;
}

enum replay_read replay_source_next(struct replay_source *source, int timeout_ms,
	struct replay_job *job, struct err *err)
{
	static int (*const take[])(struct replay_source *, const struct kafka_record *,
		struct replay_job *, struct err *) = {take_dead, take_view, take_view, take_request};
	struct kafka_record record;
	job_forget(source);
	switch (kafka_reader_next(source->reader, timeout_ms, &record, err)) {
	case KAFKA_READ_ERROR: return REPLAY_READ_ERROR;
	case KAFKA_READ_NONE: return REPLAY_READ_NONE;
	case KAFKA_READ_END: return REPLAY_READ_END;
	case KAFKA_READ_RECORD: break;
	}
	*job = (struct replay_job){.record = record};
	return take[source->from](source, &record, job, err) == 0 ? REPLAY_READ_JOB : REPLAY_READ_ERROR;
}

int replay_source_json(struct replay_source *source, const struct replay_job *job, char **json,
	struct err *err)
{
	if (!source->has_view)
		return codec_to_json(source->codec, job->value, job->value_size, json, err);
	*json = strdup(source->view.json);
	return *json ? 0 : err_set(err, ERR_MEMORY, "no memory for a line of JSON");
}
