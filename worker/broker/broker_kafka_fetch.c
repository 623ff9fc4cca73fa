/* broker_kafka_fetch.c: reads single messages again, by a reader outside of the group, in a thread of its own.
 *
 * One after another: it seeks to a message unless that follows the one before. Insists until the message has
 * come or the topic says that nothing is left where it was: that it goes on behind, or, for a while, that it
 * ends before, as one that was made anew.
 */
#include "broker_kafka_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../log.h"

#define FETCH_MS "20"
#define QUEUE_KBYTES "4096"		/* what comes behind the one is mostly not wanted */
#define POLL_MS 100
#define PAUSE_NS 300000000
#define NEAR 64				/* offsets further on are read over rather than sought */

struct wanted {
	struct wanted *next;
	struct broker_place place;
};

struct fetcher {
	const struct config *config;
	int shorts_most;
	rd_kafka_t *rk;
	struct mailbox *mailbox;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	struct wanted *first, **last;
	uint64_t round;			/* ends with fetcher_clear() */
	struct broker_place next;	/* what the reader would bring next; source BROKER_NOWHERE: nothing */
	atomic_bool ending;
	pthread_t thread;
};

static void wanted_free_all(struct fetcher *fetcher)
{
	while (fetcher->first) {
		struct wanted *wanted = fetcher->first;
		fetcher->first = wanted->next;
		free(wanted);
	}
	fetcher->last = &fetcher->first;
}

/* Returns false when the fetcher is to end. */
static bool wanted_take(struct fetcher *fetcher, struct broker_place *place, uint64_t *round)
{
	pthread_mutex_lock(&fetcher->lock);
	while (!fetcher->first && !fetcher->ending)
		pthread_cond_wait(&fetcher->asked, &fetcher->lock);
	struct wanted *wanted = fetcher->ending ? NULL : fetcher->first;
	if (wanted) {
		fetcher->first = wanted->next;
		if (!fetcher->first)
			fetcher->last = &fetcher->first;
		*place = wanted->place;
		*round = fetcher->round;
	}
	pthread_mutex_unlock(&fetcher->lock);
	free(wanted);
	return wanted != NULL;
}

static bool still_wanted(struct fetcher *fetcher, uint64_t round)
{
	pthread_mutex_lock(&fetcher->lock);
	bool wanted = round == fetcher->round && !fetcher->ending;
	pthread_mutex_unlock(&fetcher->lock);
	return wanted;
}

static bool seek(struct fetcher *fetcher, const struct broker_place *place)
{
	const struct broker_place *next = &fetcher->next;
	if (next->source == place->source && next->partition == place->partition &&
			place->offset >= next->offset && place->offset < next->offset + NEAR)
		return true;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, source_topic(fetcher->config, place->source),
		place->partition)->offset = place->offset;
	bool done = rd_kafka_assign(fetcher->rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_topic_partition_list_destroy(list);
	fetcher->next = *place;
	return done;
}

enum answer { ANSWER_NOT_YET, ANSWER_GIVEN, ANSWER_SHORT, ANSWER_ERROR };

/* What the message says of the place: it, a later one and the end behind it answer. The end before it, or a
 * reader that was sent back to the beginning, say that the log does not reach as far. */
static enum answer message_judge(struct fetcher *fetcher, const rd_kafka_message_t *message,
	const struct broker_place *place, struct broker_event *event)
{
	bool is_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
	if (message->partition != place->partition)
		return ANSWER_NOT_YET;
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !is_end) {
		log_event(LOG_WARN, "reading a message again", "reason", rd_kafka_message_errstr(message),
			NULL);
		return ANSWER_ERROR;
	}
	event->missing = message->offset > place->offset;
	if (is_end)
		return event->missing ? ANSWER_GIVEN : ANSWER_SHORT;
	if (message->offset < fetcher->next.offset)
		return ANSWER_SHORT;
	fetcher->next.offset = message->offset + 1;
	if (message->offset == place->offset)
		message_copy(fetcher->config, message, &event->message);
	return message->offset >= place->offset ? ANSWER_GIVEN : ANSWER_NOT_YET;
}

static void rest(void)
{
	nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

static enum answer answer_wait(struct fetcher *fetcher, const struct broker_place *place,
	struct broker_event *event)
{
	if (!seek(fetcher, place))
		return ANSWER_ERROR;
	rd_kafka_message_t *message = rd_kafka_consumer_poll(fetcher->rk, POLL_MS);
	if (!message)
		return ANSWER_NOT_YET;
	enum answer answer = message_judge(fetcher, message, place, event);
	rd_kafka_message_destroy(message);
	if (answer == ANSWER_SHORT || answer == ANSWER_ERROR)
		fetcher->next.source = BROKER_NOWHERE;
	return answer;
}

static void fetch(struct fetcher *fetcher, const struct broker_place *place, uint64_t round)
{
	struct broker_event event = {.type = BROKER_FETCHED, .place = *place};
	bool answered = false;
	int shorts = 0;
	while (!answered && still_wanted(fetcher, round)) {
		enum answer answer = answer_wait(fetcher, place, &event);
		answered = answer == ANSWER_GIVEN;
		if (answer == ANSWER_SHORT)
			answered = event.missing = ++shorts > fetcher->shorts_most;
		/* The first may be an end from before the place was sought. */
		if (answer == ANSWER_ERROR || (answer == ANSWER_SHORT && shorts > 1))
			rest();
	}
	pthread_mutex_lock(&fetcher->lock);
	bool wanted = answered && round == fetcher->round;
	if (wanted)
		mailbox_put(fetcher->mailbox, &event, NULL);
	pthread_mutex_unlock(&fetcher->lock);
	if (answered && !wanted)
		free(event.message.owner);
}

static void *fetcher_thread(void *opaque)
{
	struct fetcher *fetcher = opaque;
	struct broker_place place;
	uint64_t round;
	while (wanted_take(fetcher, &place, &round))
		fetch(fetcher, &place, round);
	reader_close(&fetcher->rk);
	return NULL;
}

int fetcher_new(const struct config *config, int shorts_most, struct mailbox *mailbox,
	struct fetcher **made, struct err *err)
{
	struct fetcher *fetcher = calloc(1, sizeof *fetcher);
	if (!fetcher)
		return err_set(err, ERR_MEMORY, "no memory");
	fetcher->config = config;
	fetcher->shorts_most = shorts_most;
	fetcher->mailbox = mailbox;
	fetcher->last = &fetcher->first;
	fetcher->next.source = BROKER_NOWHERE;
	pthread_mutex_init(&fetcher->lock, NULL);
	pthread_cond_init(&fetcher->asked, NULL);
	fetcher->rk = reader_open(config, "read_committed", FETCH_MS, QUEUE_KBYTES, err);
	if (!fetcher->rk) {
		free(fetcher);
		return -1;
	}
	if (pthread_create(&fetcher->thread, NULL, fetcher_thread, fetcher) != 0) {
		reader_close(&fetcher->rk);
		free(fetcher);
		return err_set(err, ERR_SYSTEM, "a thread can't be made");
	}
	*made = fetcher;
	return 0;
}

void fetcher_ask(struct fetcher *fetcher, const struct broker_place *place)
{
	struct wanted *wanted = calloc(1, sizeof *wanted);
	if (!wanted)
		abort();		/* it would never come */
	wanted->place = *place;
	pthread_mutex_lock(&fetcher->lock);
	*fetcher->last = wanted;
	fetcher->last = &wanted->next;
	pthread_cond_signal(&fetcher->asked);
	pthread_mutex_unlock(&fetcher->lock);
}

void fetcher_clear(struct fetcher *fetcher)
{
	pthread_mutex_lock(&fetcher->lock);
	wanted_free_all(fetcher);
	fetcher->round++;
	pthread_mutex_unlock(&fetcher->lock);
}

bool fetcher_end(struct fetcher *fetcher, const struct timespec *until)
{
	if (!fetcher)
		return true;
	pthread_mutex_lock(&fetcher->lock);
	fetcher->ending = true;
	pthread_cond_signal(&fetcher->asked);
	pthread_mutex_unlock(&fetcher->lock);
	if (pthread_timedjoin_np(fetcher->thread, NULL, until) != 0)
		return false;
	wanted_free_all(fetcher);
	pthread_mutex_destroy(&fetcher->lock);
	pthread_cond_destroy(&fetcher->asked);
	free(fetcher);
	return true;
}
