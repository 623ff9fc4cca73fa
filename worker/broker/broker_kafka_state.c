/* broker_kafka_state.c: takes partitions over: what was committed, then code.state to its end.
 *
 * In this order, and each part matters. First our own transactions of before are waited for: what fences them,
 * as those of others, is a new generation, and a member can be given the one that it had, by a broker that
 * was started again before a rebalance had come to its end. Then the committed offsets, waiting for transactions
 * that hold some pending: from then on nothing that a predecessor left can change them. Then where code.state ends,
 * asked without isolation: a transaction that a dead worker left open hides what others committed
 * behind it (a read_committed query would answer the last stable offset), so the reader waits until the
 * broker has ended it. From where: the dedupe window's length ago, or earlier where something beyond the
 * watermark was finished earlier; the commit's metadata tells.
 */
#include "broker_kafka_internal.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../chaos.h"
#include "../clock.h"
#include "../kafka/kafka_conf.h"
#include "../log.h"

#define CALL_MS 5000
#define QUEUE_KBYTES "16384"	/* a full queue stands still for a second: enough for that long */
#define FETCH_MS "20"		/* the end of a partition is told no sooner */
#define SLACK_MS 60000		/* clocks of brokers and workers differ */
#define PATIENCE_MS 40000	/* brokers end a transaction by then; those that lost its markers never do */
#define MAIL_MOST 2000		/* records that wait for the loop */
#define TELL_MS 5000		/* between two lines about what can't be read */
#define OWN_MS 10		/* between two looks at what is under way */

struct takeover {
	const struct config *config;
	struct committer *committer;
	rd_kafka_t *reader;		/* read_committed */
	rd_kafka_t *looker;		/* read_uncommitted, for the true ends */
	struct mailbox *mailbox;
	uint64_t number;
	struct share share;		/* positions: those of topics.requests first */
	int64_t *begin_ms;		/* by their index, as ends: from when on code.state is read */
	int64_t *ends;			/* what must be read; -1: done */
	size_t count;			/* of partitions of topics.requests, which are those of code.state */
	int64_t begun_ms, told_ms;	/* monotonic */
	_Atomic(const char *) step;	/* for /status, as the next */
	_Atomic rd_kafka_resp_err_t trouble;
	atomic_bool ending;
	pthread_t thread;
};

static int32_t partition_at(const struct takeover *takeover, size_t index)
{
	return takeover->share.positions[index].partition;
}

/* Notes it, for /status, and says whether to log it. */
static bool trouble_is_news(struct takeover *takeover, rd_kafka_resp_err_t code)
{
	int64_t now_ms = monotonic_ms();
	bool news = code != takeover->trouble || now_ms - takeover->told_ms >= TELL_MS;
	takeover->trouble = code;
	if (news)
		takeover->told_ms = now_ms;
	return news;
}

static rd_kafka_topic_partition_list_t *state_list(const struct takeover *takeover)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)takeover->count);
	for (size_t i = 0; i < takeover->count; i++)
		rd_kafka_topic_partition_list_add(list, takeover->config->topics.state,
			partition_at(takeover, i));
	return list;
}

/* ---- what was committed */

int64_t commit_metadata_read(const void *metadata, size_t size)
{
	char text[96];
	int64_t since_ms;
	if (!metadata || size == 0 || size >= sizeof text)
		return 0;
	memcpy(text, metadata, size);
	text[size] = '\0';
	return sscanf(text, "1 %" SCNd64, &since_ms) == 1 && since_ms > 0 ? since_ms : 0;
}

int64_t state_begin_ms(const struct broker_offset *committed, int64_t window_begin_ms)
{
	int64_t begin_ms = window_begin_ms;
	if (committed->offset >= 0 && committed->since_ms < begin_ms)
		begin_ms = committed->since_ms;
	return begin_ms > SLACK_MS ? begin_ms - SLACK_MS : 0;
}

void state_begins(const struct share *share, int64_t window_begin_ms, int64_t *begin_ms)
{
	for (size_t i = 0; i < share->partition_count; i++)
		begin_ms[i] = INT64_MAX;
	for (size_t p = 0; p < share->position_count; p++) {
		const struct broker_offset *position = &share->positions[p];
		int64_t needed_ms = state_begin_ms(position, window_begin_ms);
		for (size_t i = 0; i < share->partition_count; i++)
			if (share->positions[i].partition == position->partition && needed_ms < begin_ms[i])
				begin_ms[i] = needed_ms;
	}
}

/* Notes what was committed of one source. */
static rd_kafka_resp_err_t committed_of(struct takeover *takeover, enum broker_source source)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)takeover->count);
	const char *topic = source_topic(takeover->config, source);
	const struct share *share = &takeover->share;
	for (size_t i = 0; i < share->position_count; i++)
		if (share->positions[i].source == source)
			rd_kafka_topic_partition_list_add(list, topic, partition_at(takeover, i));
	rd_kafka_resp_err_t code = list->cnt == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR :
		rd_kafka_committed(takeover->reader, list, CALL_MS);
	for (size_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < share->position_count; i++) {
		struct broker_offset *position = &share->positions[i];
		if (position->source != source)
			continue;
		const rd_kafka_topic_partition_t *found =
			rd_kafka_topic_partition_list_find(list, topic, position->partition);
		code = found->err;
		position->offset = found->offset >= 0 ? found->offset : -1;
		position->since_ms = commit_metadata_read(found->metadata, found->metadata_size);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

/* Tells the loop. */
static rd_kafka_resp_err_t committed_find(struct takeover *takeover)
{
	size_t count = takeover->share.position_count;
	for (int source = 0; source < sources_count(takeover->config); source++) {
		rd_kafka_resp_err_t code = committed_of(takeover, (enum broker_source)source);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			return code;
	}
	state_begins(&takeover->share, wall_ms() - takeover->config->worker.dedupe_window_ms,
		takeover->begin_ms);
	struct broker_offset *positions = malloc((count + 1) * sizeof *positions);
	if (!positions)
		abort();
	memcpy(positions, takeover->share.positions, count * sizeof *positions);
	struct broker_event event = {.type = BROKER_TAKEOVER, .positions = positions,
		.position_count = count, .number = takeover->number};
	mailbox_put(takeover->mailbox, &event, positions);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

size_t takeover_positions(const struct takeover *takeover, const struct broker_offset **positions)
{
	*positions = takeover ? takeover->share.positions : NULL;
	return takeover ? takeover->share.position_count : 0;
}

void takeover_tell(const struct takeover *takeover, struct broker_takeover *told)
{
	rd_kafka_resp_err_t trouble = takeover->trouble;
	*told = (struct broker_takeover){.partitions = takeover->count,
		.for_ms = monotonic_ms() - takeover->begun_ms, .step = takeover->step,
		.reason = trouble == RD_KAFKA_RESP_ERR_NO_ERROR ? NULL : rd_kafka_err2str(trouble)};
}

/* ---- where to read */

static rd_kafka_resp_err_t begins_find(struct takeover *takeover,
	rd_kafka_topic_partition_list_t *begins)
{
	for (int i = 0; i < begins->cnt; i++)
		begins->elems[i].offset = takeover->begin_ms[i];
	return rd_kafka_offsets_for_times(takeover->reader, begins, CALL_MS);
}

/* Fills list with where to begin, ends with where to stop. */
static rd_kafka_resp_err_t places_find(struct takeover *takeover,
	rd_kafka_topic_partition_list_t *list)
{
	const char *topic = takeover->config->topics.state;
	rd_kafka_topic_partition_list_t *begins = state_list(takeover);
	rd_kafka_resp_err_t code = begins_find(takeover, begins);
	for (int i = 0; i < begins->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
		int64_t low, high, begin = begins->elems[i].offset;
		code = begins->elems[i].err;
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			code = rd_kafka_query_watermark_offsets(takeover->looker, topic,
				partition_at(takeover, (size_t)i), &low, &high, CALL_MS);
		takeover->ends[i] = -1;
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR || begin >= high)
			continue;
		/* Nothing so young in what is stable: behind an open transaction there may be. */
		if (begin < 0)
			code = rd_kafka_query_watermark_offsets(takeover->reader, topic,
				partition_at(takeover, (size_t)i), &low, &begin, CALL_MS);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		if (begin < 0 || begin >= high)
			continue;
		takeover->ends[i] = high;
		rd_kafka_topic_partition_list_add(list, topic,
			partition_at(takeover, (size_t)i))->offset = begin;
	}
	rd_kafka_topic_partition_list_destroy(begins);
	return code;
}

/* ---- reading */

/* librdkafka goes on trying. */
static void trouble_tell(struct takeover *takeover, const rd_kafka_message_t *message)
{
	if (trouble_is_news(takeover, message->err))
		log_event(LOG_WARN, "taking partitions over", "step", takeover->step, "partition",
			log_number(message->partition), "reason", rd_kafka_message_errstr(message),
			NULL);
}

static void message_forward(struct takeover *takeover, const rd_kafka_message_t *message)
{
	struct broker_event event = {.type = BROKER_STATE, .number = takeover->number, .state = {
		.partition = message->partition, .size = message->len,
		.timestamp_ms = rd_kafka_message_timestamp(message, NULL)}};
	char *copy = malloc(message->len + 1);
	if (!copy)
		abort();	/* forgetting what is final would run it twice */
	memcpy(copy, message->payload, message->len);
	event.state.value = copy;
	mailbox_put(takeover->mailbox, &event, copy);
}

/* Read up to here: a message's own offset is behind it, and markers end at PARTITION_EOF. */
static void progress_note(struct takeover *takeover, int32_t partition, int64_t next)
{
	for (size_t i = 0; i < takeover->count; i++)
		if (partition_at(takeover, i) == partition && next >= takeover->ends[i])
			takeover->ends[i] = -1;
}

static bool all_ended(const struct takeover *takeover)
{
	for (size_t i = 0; i < takeover->count; i++)
		if (takeover->ends[i] >= 0)
			return false;
	return true;
}

static void message_take(struct takeover *takeover, const rd_kafka_message_t *message)
{
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		progress_note(takeover, message->partition, message->offset);
	else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		trouble_tell(takeover, message);
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	takeover->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
	if (message->payload)
		message_forward(takeover, message);
	progress_note(takeover, message->partition, message->offset + 1);
}

static void read_all(struct takeover *takeover)
{
	int64_t begin_ms = wall_ms();
	bool told = false;
	takeover->step = "reading the state";
	while (!takeover->ending && !all_ended(takeover)) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(takeover->reader, 100);
		if (message) {
			message_take(takeover, message);
			rd_kafka_message_destroy(message);
		}
		while (!takeover->ending && mailbox_count(takeover->mailbox) > MAIL_MOST)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		if (!told && takeover->trouble == RD_KAFKA_RESP_ERR_NO_ERROR &&
				wall_ms() - begin_ms > 5000) {
			log_event(LOG_WARN, "taking over waits: a worker that is gone left a transaction "
				"open, which the broker ends after transaction.timeout.ms (with worker.id "
				"the next start ends it)", NULL);
			told = true;
		}
	}
}

void reader_close(rd_kafka_t **rk)
{
	if (*rk)
		rd_kafka_destroy_flags(*rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	*rk = NULL;
}

static void failure_tell(const char *what, rd_kafka_resp_err_t code, int64_t for_ms)
{
	bool hangs = code == RD_KAFKA_RESP_ERR__TIMED_OUT && for_ms > PATIENCE_MS;
	log_event(hangs ? LOG_ERROR : LOG_WARN, "taking partitions over", "step", what, "reason",
		rd_kafka_err2str(code), hangs ? "hint" : NULL, "where the brokers are well, one of them "
		"lost the end of a transaction (a known defect of restarts): kafka-transactions.sh "
		"find-hanging names it, kafka-transactions.sh abort ends it", NULL);
}

/* Calls until it works or the takeover is called off. */
static bool insist(struct takeover *takeover, const char *what,
	rd_kafka_resp_err_t (*call)(struct takeover *, rd_kafka_topic_partition_list_t *),
	rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code;
	int64_t begin_ms = wall_ms();
	takeover->step = what;
	while (!takeover->ending && (code = call(takeover, list)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (trouble_is_news(takeover, code))
			failure_tell(what, code, wall_ms() - begin_ms);
		list->cnt = 0;
		nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	}
	takeover->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
	return !takeover->ending;
}

static rd_kafka_resp_err_t committed_step(struct takeover *takeover,
	rd_kafka_topic_partition_list_t *list)
{
	(void)list;
	return committed_find(takeover);
}

static void takeover_done(struct takeover *takeover)
{
	int32_t *partitions = malloc((takeover->count + 1) * sizeof *partitions);
	struct broker_event event = {.type = BROKER_ASSIGNED, .partitions = partitions,
		.partition_count = takeover->count, .number = takeover->number};
	if (!partitions)
		abort();
	for (size_t i = 0; i < takeover->count; i++)
		partitions[i] = partition_at(takeover, i);
	mailbox_put(takeover->mailbox, &event, partitions);
}

/* Without it nothing would be read, and what is final be run again. */
static bool reading_begin(struct takeover *takeover, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code;
	while (!takeover->ending && (code = rd_kafka_assign(takeover->reader, list)) !=
			RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (trouble_is_news(takeover, code))
			log_event(LOG_WARN, "taking partitions over", "step", "assigning the state",
				"reason", rd_kafka_err2str(code), NULL);
		nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	}
	return !takeover->ending;
}

static bool own_transactions_wait(struct takeover *takeover)
{
	takeover->step = "transactions of before";
	while (!takeover->ending && !chaos_off("own") && !committer_is_idle(takeover->committer))
		nanosleep(&(struct timespec){.tv_nsec = OWN_MS * 1000000}, NULL);
	return !takeover->ending;
}

static void *takeover_thread(void *opaque)
{
	struct takeover *takeover = opaque;
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)takeover->count);
	bool found = own_transactions_wait(takeover) && (takeover->count == 0 ||
		(insist(takeover, "committed offsets", committed_step, list) &&
		insist(takeover, "ends of the state", places_find, list)));
	if (found && list->cnt > 0 && reading_begin(takeover, list))
		read_all(takeover);
	rd_kafka_topic_partition_list_destroy(list);
	if (!takeover->ending)
		takeover_done(takeover);
	reader_close(&takeover->reader);
	reader_close(&takeover->looker);
	return NULL;
}

/* ---- setting up */

rd_kafka_t *reader_open(const struct config *config, const char *isolation, const char *fetch_ms,
	const char *queue_kbytes, struct err *err)
{
	const char *group = config_kafka(config, "group.id");
	const char *const settings[][2] = {{"group.id", group ? group : "codeworker"},
		{"enable.auto.commit", "false"}, {"enable.partition.eof", "true"},
		{"isolation.level", isolation}, {"auto.offset.reset", "earliest"},
		{"fetch.wait.max.ms", fetch_ms}, {"queued.max.messages.kbytes", queue_kbytes}};
	char reason[256];
	rd_kafka_conf_t *conf = kafka_conf_new(config, RD_KAFKA_CONSUMER, err);
	if (!conf)
		return NULL;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof reason) !=
				RD_KAFKA_CONF_OK) {
			err_set(err, ERR_INVALID, "%s: %s", settings[i][0], reason);
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	rd_kafka_conf_set_log_cb(conf, broker_kafka_log);
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		err_set(err, ERR_BROKER, "a reader can't be made: %s", reason);
	}
	return rk;
}

static void takeover_release(struct takeover *takeover)
{
	reader_close(&takeover->reader);
	reader_close(&takeover->looker);
	free(takeover->share.positions);
	free(takeover->begin_ms);
	free(takeover->ends);
	free(takeover);
}

int takeover_start(const struct config *config, struct committer *committer, struct share share,
	uint64_t number, struct mailbox *mailbox, struct takeover **started, struct err *err)
{
	size_t count = share.partition_count;
	struct takeover *takeover = calloc(1, sizeof *takeover);
	if (!takeover) {
		free(share.positions);
		return err_set(err, ERR_MEMORY, "no memory");
	}
	*takeover = (struct takeover){.config = config, .committer = committer, .mailbox = mailbox,
		.number = number, .share = share, .count = count, .begun_ms = monotonic_ms()};
	takeover->begin_ms = calloc(count + 1, sizeof *takeover->begin_ms);
	takeover->ends = calloc(count + 1, sizeof *takeover->ends);
	if (!takeover->begin_ms || !takeover->ends) {
		takeover_release(takeover);
		return err_set(err, ERR_MEMORY, "no memory");
	}
	takeover->reader = reader_open(config, "read_committed", FETCH_MS, QUEUE_KBYTES, err);
	if (takeover->reader)
		takeover->looker = reader_open(config, "read_uncommitted", FETCH_MS, QUEUE_KBYTES, err);
	if (!takeover->looker) {
		takeover_release(takeover);
		return -1;
	}
	if (pthread_create(&takeover->thread, NULL, takeover_thread, takeover) != 0) {
		takeover_release(takeover);
		return err_set(err, ERR_SYSTEM, "a thread can't be made");
	}
	*started = takeover;
	return 0;
}

bool takeover_end(struct takeover *takeover, const struct timespec *until)
{
	if (!takeover)
		return true;
	takeover->ending = true;
	if (!until)
		pthread_join(takeover->thread, NULL);
	else if (pthread_timedjoin_np(takeover->thread, NULL, until) != 0)
		return false;
	takeover_release(takeover);
	return true;
}
