/* broker_kafka.c: the consumer's side of the broker that is Kafka. See broker.h.
 *
 * The group hands out partitions eagerly (range). An assignment is taken up only when code.state has been
 * read for it (broker_kafka_state.c): until then librdkafka waits for our rd_kafka_assign and the group
 * is kept alive by its own thread. Revocation likewise waits for unassign().
 */
#include "broker_kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker_kafka_internal.h"
#include "../kafka/kafka_conf.h"
#include "../log.h"

#define WARM_MS 5000
#define CLOSE_S 10		/* for all that may not come back */
#define STUCK_MS 120000		/* a call into librdkafka that takes longer never ends */
#define SESSION_MS "10000"
#define SHORTS_MOST 120		/* 0.3 s each: a new leader knows within 30 s what is committed */

struct broker_kafka {
	struct broker base;
	const struct config *config;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	rd_kafka_topic_t *retries;	/* kept, so that librdkafka keeps knowing it */
	struct committer *committer;
	struct mailbox mailbox;
	bool assigning;			/* partitions that are not yet taken up */
	size_t left_out;		/* of them */
	enum {
		RENEWAL_NONE,
		RENEWAL_NEEDED,		/* a static member was given what it had, not what it subscribes to */
		RENEWAL_BEGUN,		/* it subscribes to less, so that the group shares out anew */
		RENEWAL_ENDED		/* and to all again; once is enough */
	} renewal;
	struct takeover *takeover;
	struct fetcher *fetcher;
	struct marker *marker;
	struct ends *ends;
	struct control_reader *controls;
	uint64_t takeovers;		/* how many were begun: the number of the last */
	struct mail *current;		/* whose memory the last event points into */
	bool revoking, revoked_told, lost, closing, leaving, joined_told, stuck_told;
	struct touch touch;
};

static struct broker_kafka *self(struct broker *broker)
{
	return (struct broker_kafka *)broker;
}

/* ---- the group */

static void mail_fatal(struct broker_kafka *kafka, const struct err *err)
{
	struct broker_event event = {.type = BROKER_FATAL, .err = *err};
	mailbox_put(&kafka->mailbox, &event, NULL);
}

static void on_assign(struct broker_kafka *kafka, const rd_kafka_topic_partition_list_t *list)
{
	struct err err = {0};
	struct share share = share_take(kafka->config, list);
	takeover_end(kafka->takeover, NULL);
	kafka->takeover = NULL;
	kafka->assigning = true;
	kafka->left_out = share.left_out;
	if (kafka->config->worker.id && kafka->renewal <= RENEWAL_NEEDED)
		kafka->renewal = share.missing > 0 ? RENEWAL_NEEDED : RENEWAL_NONE;
	if (takeover_start(kafka->config, kafka->committer, share, ++kafka->takeovers,
			&kafka->mailbox, &kafka->takeover, &err) < 0)
		mail_fatal(kafka, &err);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
	rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct broker_kafka *kafka = opaque;
	if (kafka->closing) {
		rd_kafka_assign(rk, NULL);
	} else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		touch_assigned(&kafka->touch);
		on_assign(kafka, list);
	} else {
		kafka->revoking = true;
		kafka->revoked_told = false;
		kafka->lost = rd_kafka_assignment_lost(rk);
	}
}

static void assignment_drop(struct broker_kafka *kafka)
{
	kafka->assigning = kafka->revoking = false;
	rd_kafka_assign(kafka->rk, NULL);
}

static void kafka_unassign(struct broker *broker)
{
	struct broker_kafka *kafka = self(broker);
	takeover_end(kafka->takeover, NULL);
	kafka->takeover = NULL;
	fetcher_clear(kafka->fetcher);
	ends_watch(kafka->ends, NULL, 0);
	assignment_drop(kafka);
}

/* The fatal one comes as a message of the consumer or through on_error, whichever is first. */
static void fatal_tell(struct broker_kafka *kafka)
{
	char text[256] = "";
	struct err err;
	rd_kafka_resp_err_t cause = rd_kafka_fatal_error(kafka->rk, text, sizeof text);
	err_set(&err, ERR_BROKER, "%s%s", text, cause == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ?
		
		": another worker has the same worker.id, or this one had it before the broker "
		"forgot it" : "");
	mail_fatal(kafka, &err);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	(void)rk;
	if (code == RD_KAFKA_RESP_ERR__FATAL)
		fatal_tell(opaque);
	else
		log_event(LOG_WARN, "kafka", "reason", reason, NULL);
}

void broker_kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	log_event(level <= 3 ? LOG_WARN : LOG_DEBUG, text, "librdkafka", facility, NULL);
}

/* ---- messages */

/* Sizes a message's copy, or makes it: at NULL only counts. */
struct copying {
	char *at;
	size_t size;
};

static const void *copy_bytes(struct copying *copying, const void *data, size_t size)
{
	char *place = copying->at ? copying->at + copying->size : NULL;
	copying->size += data ? size : 0;
	return data && place ? memcpy(place, data, size) : NULL;
}

static size_t headers_copy(struct copying *copying, const rd_kafka_message_t *message,
	struct broker_header *list)
{
	rd_kafka_headers_t *headers;
	struct broker_header header;
	size_t count = 0;
	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	while (rd_kafka_header_get_all(headers, count, &header.name, &header.value,
			&header.size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		header.name = copy_bytes(copying, header.name, strlen(header.name) + 1);
		header.value = copy_bytes(copying, header.value, header.size);
		if (list)
			list[count] = header;
		count++;
	}
	return count;
}

/* librdkafka's own would hold on to the whole answer to a fetch, for one small message in it. */
void message_copy(const struct config *config, const rd_kafka_message_t *message,
	struct broker_message *copied)
{
	struct copying copying = {0};
	size_t header_count = headers_copy(&copying, message, NULL);
	size_t list_size = header_count * sizeof(struct broker_header);
	size_t bytes = list_size + copying.size + message->key_len + message->len;
	struct broker_header *list = malloc(bytes + 1);
	if (!list)
		abort();		/* a message that is left out would be committed all the same */
	copying = (struct copying){.at = (char *)list, .size = list_size};
	headers_copy(&copying, message, list);
	enum broker_source source = source_named(config, rd_kafka_topic_name(message->rkt));
	*copied = (struct broker_message){.source = source, .topic = source_topic(config, source),
		.partition = message->partition, .offset = message->offset,
		.timestamp_ms = rd_kafka_message_timestamp(message, NULL),
		.key = copy_bytes(&copying, message->key, message->key_len),
		.key_size = message->key_len,
		.value = copy_bytes(&copying, message->payload, message->len),
		.value_size = message->len, .headers = list, .header_count = header_count,
		.bytes = bytes, .owner = list};
}

static void kafka_message_free(struct broker *broker, struct broker_message *message)
{
	(void)broker;
	free(message->owner);
}

/* ---- events */

/* Of a takeover that was called off. */
static bool mail_is_stale(const struct broker_kafka *kafka, const struct broker_event *event)
{
	return (event->type == BROKER_TAKEOVER || event->type == BROKER_STATE ||
		event->type == BROKER_ASSIGNED) &&
		(!kafka->assigning || event->number != kafka->takeovers);
}

static void assignment_take_up(struct broker_kafka *kafka)
{
	const struct broker_offset *positions;
	size_t count = takeover_positions(kafka->takeover, &positions);
	rd_kafka_topic_partition_list_t *list = share_assignment(kafka->config, positions, count);
	rd_kafka_assign(kafka->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	kafka->assigning = false;
	ends_watch(kafka->ends, positions, count);
}

/* To the first so many topics of requests. */
static rd_kafka_resp_err_t subscribe_to(struct broker_kafka *kafka, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, config_request_topic(kafka->config, i),
			RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t code = rd_kafka_subscribe(kafka->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

/* The broker gives a static member that is back the partitions that it had (KIP-345), and compares what a member
 * subscribes to only with what the same said before. So it says less, and then all. */
static void renewal_go_on(struct broker_kafka *kafka)
{
	rd_kafka_resp_err_t code;
	if (kafka->renewal == RENEWAL_NEEDED) {
		log_event(LOG_INFO, "partitions of further topics are missing: the group is to share out "
			"anew, since worker.id keeps what was assigned before", NULL);
		code = subscribe_to(kafka, 1);
		kafka->renewal = RENEWAL_BEGUN;
	} else if (kafka->renewal == RENEWAL_BEGUN) {
		code = subscribe_to(kafka, config_request_topics(kafka->config));
		kafka->renewal = RENEWAL_ENDED;
	} else {
		return;
	}
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		struct err err;
		err_set(&err, ERR_BROKER, "subscribing: %s", rd_kafka_err2str(code));
		mail_fatal(kafka, &err);
	}
}

static bool next_mail(struct broker_kafka *kafka, struct broker_event *event)
{
	do {
		if (kafka->current) {
			free(kafka->current->memory);
			free(kafka->current);
		}
		kafka->current = mailbox_take(&kafka->mailbox);
		if (!kafka->current)
			return false;
		*event = kafka->current->event;
	} while (mail_is_stale(kafka, event));
	if (event->type == BROKER_ASSIGNED) {
		assignment_take_up(kafka);
		event->left_out = kafka->left_out;
		renewal_go_on(kafka);
	}
	return true;
}

static void next_message(struct broker_kafka *kafka, struct broker_event *event)
{
	rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka->rk, 0);
	if (!message)
		return;
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		event->type = BROKER_MESSAGE;
		message_copy(kafka->config, message, &event->message);
	} else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		event->type = BROKER_END;
		event->end = (struct broker_offset){message->partition, message->offset, 0,
			source_named(kafka->config, rd_kafka_topic_name(message->rkt))};
	} else if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
		fatal_tell(kafka);
	} else {
		log_event(LOG_WARN, "consuming", "reason", rd_kafka_message_errstr(message), NULL);
	}
	rd_kafka_message_destroy(message);
}

static void stuck_check(struct broker_kafka *kafka)
{
	struct err err;
	if (kafka->stuck_told || !kafka->committer ||
			committer_stuck_ms(kafka->committer) < STUCK_MS)
		return;
	kafka->stuck_told = true;
	err_set(&err, ERR_BROKER, "a transaction has not come back for %d s", STUCK_MS / 1000);
	mail_fatal(kafka, &err);
}

static void kafka_next(struct broker *broker, struct broker_event *event)
{
	struct broker_kafka *kafka = self(broker);
	*event = (struct broker_event){.type = BROKER_NONE};
	stuck_check(kafka);
	marker_serve(kafka->marker);
	if (next_mail(kafka, event))
		return;
	event->type = BROKER_NONE;
	if (!kafka->joined_told && kafka->rk) {
		char *member = rd_kafka_memberid(kafka->rk);
		kafka->joined_told = member && *member;
		if (member)
			rd_kafka_mem_free(kafka->rk, member);
		if (kafka->joined_told) {
			event->type = BROKER_JOINED;
			return;
		}
	}
	next_message(kafka, event);
	if (event->type == BROKER_NONE && kafka->revoking && !kafka->revoked_told) {
		kafka->revoked_told = true;
		event->type = BROKER_REVOKED;
		event->lost = kafka->lost;
	}
}

static int kafka_fd(struct broker *broker)
{
	return self(broker)->mailbox.event_fd;
}

static void kafka_pause(struct broker *broker, enum broker_source source, int32_t partition,
	bool paused)
{
	struct broker_kafka *kafka = self(broker);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, source_topic(kafka->config, source), partition);
	if (paused)
		rd_kafka_pause_partitions(kafka->rk, list);
	else
		rd_kafka_resume_partitions(kafka->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

static bool kafka_free_for_batch(struct broker *broker)
{
	return committer_free_for_batch(self(broker)->committer);
}

static void kafka_commit(struct broker *broker, struct broker_batch *batch)
{
	committer_give(self(broker)->committer, batch);
}

static void kafka_fetch(struct broker *broker, const struct broker_place *place)
{
	fetcher_ask(self(broker)->fetcher, place);
}

static void kafka_mark(struct broker *broker, int32_t partition, const char *value, uint64_t number)
{
	marker_put(self(broker)->marker, partition, value, number);
}

static void kafka_marks_flush(struct broker *broker, int timeout_ms)
{
	marker_flush(self(broker)->marker, timeout_ms);
}

static int64_t kafka_end(struct broker *broker, enum broker_source source, int32_t partition)
{
	return ends_of(self(broker)->ends, source, partition);
}

static void kafka_taking_over(struct broker *broker, struct broker_takeover *takeover)
{
	const struct broker_kafka *kafka = self(broker);
	*takeover = (struct broker_takeover){0};
	if (kafka->takeover && kafka->assigning)
		takeover_tell(kafka->takeover, takeover);
}

static int on_statistics(rd_kafka_t *rk, char *json, size_t size, void *opaque)
{
	(void)rk;
	struct broker_kafka *kafka = opaque;
	touch_statistics(&kafka->touch, json, size);
	return 0;			/* librdkafka frees it */
}

static int64_t kafka_silence_ms(struct broker *broker)
{
	return touch_silence_ms(&self(broker)->touch);
}

static int64_t kafka_session_ms(struct broker *broker)
{
	const char *text = config_kafka(self(broker)->config, "session.timeout.ms");
	return strtoll(text ? text : SESSION_MS, NULL, 10);
}

static void *consumer_end(void *opaque)
{
	struct broker_kafka *kafka = opaque;
	if (kafka->leaving)
		rd_kafka_unsubscribe(kafka->rk);
	rd_kafka_consumer_close(kafka->rk);
	rd_kafka_queue_destroy(kafka->queue);
	if (kafka->retries)
		rd_kafka_topic_destroy(kafka->retries);
	rd_kafka_destroy(kafka->rk);
	return NULL;
}

static bool consumer_join(struct broker_kafka *kafka, const struct timespec *until)
{
	pthread_t thread;
	return pthread_create(&thread, NULL, consumer_end, kafka) == 0 &&
		pthread_timedjoin_np(thread, NULL, until) == 0;
}

/* Brokers that do not answer must not keep a worker from ending. What does not come back in time is left to the
 * end of the process with all that it may still touch; the group finds out by the session timeout. */
static bool kafka_close(struct broker *broker, bool leave)
{
	struct broker_kafka *kafka = self(broker);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_S;
	kafka->closing = true;
	kafka->leaving = leave;
	bool ended = takeover_end(kafka->takeover, &until);
	ended = control_end(kafka->controls, &until) && ended;
	kafka->takeover = NULL;
	assignment_drop(kafka);
	if (kafka->committer)
		ended = committer_end(kafka->committer, &until) && ended;
	ended = fetcher_end(kafka->fetcher, &until) && ended;
	ended = ends_end(kafka->ends, &until) && ended;
	marker_end(kafka->marker);
	ended = consumer_join(kafka, &until) && ended;
	if (!ended) {
		log_event(LOG_WARN, "the brokers do not answer; not waiting for them", NULL);
		return false;
	}
	if (kafka->current) {
		free(kafka->current->memory);
		free(kafka->current);
	}
	mailbox_close(&kafka->mailbox);
	free(kafka);
	return true;
}

static const struct broker_functions functions = {.fd = kafka_fd, .next = kafka_next,
	.message_free = kafka_message_free, .pause = kafka_pause, .unassign = kafka_unassign,
	.fetch = kafka_fetch, .mark = kafka_mark, .marks_flush = kafka_marks_flush,
	.free_for_batch = kafka_free_for_batch, .commit = kafka_commit, .end = kafka_end,
	.taking_over = kafka_taking_over,
	.silence_ms = kafka_silence_ms, .session_ms = kafka_session_ms, .close = kafka_close};

/* ---- opening */

/* Half a session of silence ends the jobs, so heartbeats must be well more frequent. */
static rd_kafka_conf_res_t heartbeat_cap(rd_kafka_conf_t *conf, char *reason, size_t reason_size)
{
	char session[24] = "", heartbeat[24] = "", capped[24];
	size_t session_size = sizeof session, heartbeat_size = sizeof heartbeat;
	rd_kafka_conf_get(conf, "session.timeout.ms", session, &session_size);
	rd_kafka_conf_get(conf, "heartbeat.interval.ms", heartbeat, &heartbeat_size);
	long long most = strtoll(session, NULL, 10) / 5;
	if (strtoll(heartbeat, NULL, 10) <= most)
		return RD_KAFKA_CONF_OK;
	snprintf(capped, sizeof capped, "%lld", most);
	log_event(LOG_WARN, "heartbeat.interval.ms is lowered to a fifth of session.timeout.ms",
		"heartbeat.interval.ms", capped, NULL);
	return rd_kafka_conf_set(conf, "heartbeat.interval.ms", capped, reason, reason_size);
}

static int consumer_conf(const struct config *config, rd_kafka_conf_t *conf, struct err *err)
{
	static const char *const fixed[][2] = {{"enable.auto.commit", "false"},
		{"enable.auto.offset.store", "false"}, {"isolation.level", "read_committed"},
		{"partition.assignment.strategy", "range"}, {"enable.partition.eof", "true"}};
	static const char *const defaults[][2] = {{"fetch.wait.max.ms", "100"},
		{"queued.max.messages.kbytes", "16384"}, {"fetch.message.max.bytes", "1048576"},
		{"auto.offset.reset", "earliest"}, {"session.timeout.ms", SESSION_MS},
		{"heartbeat.interval.ms", "1000"}, {"fetch.error.backoff.ms", "100"},
		{"statistics.interval.ms", "1000"}, {"group.id", "codeworker"}};
	char reason[256];
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (rd_kafka_conf_set(conf, fixed[i][0], fixed[i][1], reason, sizeof reason) !=
				RD_KAFKA_CONF_OK)
			return err_set(err, ERR_INVALID, "%s: %s", fixed[i][0], reason);
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		if (!config_kafka(config, defaults[i][0]) && rd_kafka_conf_set(conf, defaults[i][0],
				defaults[i][1], reason, sizeof reason) != RD_KAFKA_CONF_OK)
			return err_set(err, ERR_INVALID, "%s: %s", defaults[i][0], reason);
	if (heartbeat_cap(conf, reason, sizeof reason) != RD_KAFKA_CONF_OK)
		return err_set(err, ERR_INVALID, "heartbeat.interval.ms: %s", reason);
	if (config->worker.id && rd_kafka_conf_set(conf, "group.instance.id", config->worker.id,
			reason, sizeof reason) != RD_KAFKA_CONF_OK)
		return err_set(err, ERR_INVALID, "worker.id: %s", reason);
	return 0;
}

static int consumer_open(struct broker_kafka *kafka, struct err *err)
{
	char reason[256];
	rd_kafka_conf_t *conf = kafka_conf_new(kafka->config, RD_KAFKA_CONSUMER, err);
	if (!conf)
		return -1;
	if (consumer_conf(kafka->config, conf, err) < 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	rd_kafka_conf_set_opaque(conf, kafka);
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_stats_cb(conf, on_statistics);
	rd_kafka_conf_set_log_cb(conf, broker_kafka_log);
	kafka->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
	if (!kafka->rk) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_BROKER, "a consumer can't be made: %s", reason);
	}
	rd_kafka_poll_set_consumer(kafka->rk);
	kafka->queue = rd_kafka_queue_get_consumer(kafka->rk);
	uint64_t one = 1;
	rd_kafka_queue_io_event_enable(kafka->queue, kafka->mailbox.event_fd, &one, sizeof one);
	return 0;
}

/* librdkafka looks for the leaders of a topic that it has not subscribed to a second after it was assigned. */
static void retries_warm(struct broker_kafka *kafka)
{
	const struct rd_kafka_metadata *metadata;
	kafka->retries = rd_kafka_topic_new(kafka->rk, kafka->config->topics.retries, NULL);
	if (kafka->retries && rd_kafka_metadata(kafka->rk, 0, kafka->retries, &metadata, WARM_MS) ==
			RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_metadata_destroy(metadata);
}

static int subscribe(struct broker_kafka *kafka, struct err *err)
{
	rd_kafka_resp_err_t code = subscribe_to(kafka, config_request_topics(kafka->config));
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return err_set(err, ERR_BROKER, "subscribing: %s", rd_kafka_err2str(code));
	return 0;
}

int broker_kafka_new(const struct config *config, int64_t least_bytes, int stop_fd,
	struct broker **broker, struct err *err)
{
	struct broker_kafka *kafka = calloc(1, sizeof *kafka);
	if (!kafka)
		return err_set(err, ERR_MEMORY, "no memory");
	kafka->base.functions = &functions;
	kafka->config = config;
	if (mailbox_open(&kafka->mailbox, err) < 0) {
		free(kafka);
		return -1;
	}
	if (consumer_open(kafka, err) < 0) {
		mailbox_close(&kafka->mailbox);
		free(kafka);
		return -1;
	}
	int result = committer_new(config, least_bytes, kafka->rk, &kafka->mailbox, stop_fd,
		&kafka->committer, err);
	if (result == 0)
		result = fetcher_new(config, SHORTS_MOST, &kafka->mailbox, &kafka->fetcher, err);
	if (result == 0)
		result = ends_new(kafka->rk, config, &kafka->ends, err);
	if (result == 0)
		result = marker_new(config, &kafka->mailbox, &kafka->marker, err);
	if (result == 0)
		result = control_start(config, &kafka->mailbox, &kafka->controls, err);
	if (result == 0) {
		retries_warm(kafka);
		result = subscribe(kafka, err);
	}
	if (result != 0) {
		kafka_close(&kafka->base, false);
		return result;
	}
	*broker = &kafka->base;
	return 0;
}
