/* broker_kafka_ends.c: where the partitions of requests end, asked for every few seconds by a thread: a paused
 * partition is not fetched from, so librdkafka's own idea of its end grows old just when it matters. */
#include "broker_kafka_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVERY_S 2
#define CALL_MS 1000

struct ends {
	rd_kafka_t *rk;			/* the consumer: borrowed */
	const struct config *config;	/* borrowed, too */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct broker_offset *places;	/* offset: where it ends; -1: not known */
	size_t count;
	bool ending;
	pthread_t thread;
};

/* With what ListOffsets takes for "the end" in place of a time. */
static rd_kafka_topic_partition_list_t *questions(struct ends *ends)
{
	pthread_mutex_lock(&ends->lock);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)ends->count);
	for (size_t i = 0; i < ends->count; i++)
		rd_kafka_topic_partition_list_add(list, source_topic(ends->config, ends->places[i].source),
			ends->places[i].partition)->offset = RD_KAFKA_OFFSET_END;
	pthread_mutex_unlock(&ends->lock);
	return list;
}

static bool is_ending(struct ends *ends)
{
	pthread_mutex_lock(&ends->lock);
	bool ending = ends->ending;
	pthread_mutex_unlock(&ends->lock);
	return ending;
}

/* With the lock; NULL: it is not watched. */
static struct broker_offset *place_find(struct ends *ends, enum broker_source source,
	int32_t partition)
{
	for (size_t i = 0; i < ends->count; i++)
		if (ends->places[i].source == source && ends->places[i].partition == partition)
			return &ends->places[i];
	return NULL;
}

static void answer_note(struct ends *ends, const rd_kafka_topic_partition_t *asked, int64_t end)
{
	pthread_mutex_lock(&ends->lock);
	struct broker_offset *place = place_find(ends, source_named(ends->config, asked->topic),
		asked->partition);
	if (place)
		place->offset = end;
	pthread_mutex_unlock(&ends->lock);
}

static bool rest(struct ends *ends)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += EVERY_S;
	pthread_mutex_lock(&ends->lock);
	if (!ends->ending)
		pthread_cond_timedwait(&ends->changed, &ends->lock, &until);
	bool goes_on = !ends->ending;
	pthread_mutex_unlock(&ends->lock);
	return goes_on;
}

/* A request to each broker, for all that it leads. */
static bool ask_together(struct ends *ends, rd_kafka_topic_partition_list_t *list)
{
	if (rd_kafka_offsets_for_times(ends->rk, list, CALL_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && list->elems[i].offset >= 0)
			answer_note(ends, &list->elems[i], list->elems[i].offset);
	return true;
}

/* A partition without a leader spoils the answer for all. */
static void ask_each(struct ends *ends, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt && !is_ending(ends); i++) {
		const rd_kafka_topic_partition_t *asked = &list->elems[i];
		int64_t low, high;
		if (rd_kafka_query_watermark_offsets(ends->rk, asked->topic, asked->partition, &low, &high,
				CALL_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
			answer_note(ends, asked, high);
	}
}

static void *ends_thread(void *opaque)
{
	struct ends *ends = opaque;
	do {
		rd_kafka_topic_partition_list_t *list = questions(ends);
		if (list->cnt > 0 && !ask_together(ends, list))
			ask_each(ends, list);
		rd_kafka_topic_partition_list_destroy(list);
	} while (rest(ends));
	return NULL;
}

int ends_new(rd_kafka_t *rk, const struct config *config, struct ends **made, struct err *err)
{
	struct ends *ends = calloc(1, sizeof *ends);
	if (!ends)
		return err_set(err, ERR_MEMORY, "no memory");
	ends->rk = rk;
	ends->config = config;
	pthread_mutex_init(&ends->lock, NULL);
	pthread_cond_init(&ends->changed, NULL);
	if (pthread_create(&ends->thread, NULL, ends_thread, ends) != 0) {
		free(ends);
		return err_set(err, ERR_SYSTEM, "a thread can't be made");
	}
	*made = ends;
	return 0;
}

void ends_watch(struct ends *ends, const struct broker_offset *places, size_t count)
{
	struct broker_offset *watched = malloc((count + 1) * sizeof *watched);
	size_t kept = 0;
	for (size_t i = 0; watched && i < count; i++) {
		if (!source_is_requests(places[i].source))
			continue;
		watched[kept] = places[i];
		watched[kept++].offset = -1;
	}
	pthread_mutex_lock(&ends->lock);
	free(ends->places);
	ends->places = watched;
	ends->count = kept;
	pthread_cond_signal(&ends->changed);
	pthread_mutex_unlock(&ends->lock);
}

int64_t ends_of(struct ends *ends, enum broker_source source, int32_t partition)
{
	pthread_mutex_lock(&ends->lock);
	const struct broker_offset *place = place_find(ends, source, partition);
	int64_t end = place ? place->offset : -1;
	pthread_mutex_unlock(&ends->lock);
	return end;
}

bool ends_end(struct ends *ends, const struct timespec *until)
{
	if (!ends)
		return true;
	pthread_mutex_lock(&ends->lock);
	ends->ending = true;
	pthread_cond_signal(&ends->changed);
	pthread_mutex_unlock(&ends->lock);
	if (pthread_timedjoin_np(ends->thread, NULL, until) != 0)
		return false;
	free(ends->places);
	pthread_mutex_destroy(&ends->lock);
	pthread_cond_destroy(&ends->changed);
	free(ends);
	return true;
}
