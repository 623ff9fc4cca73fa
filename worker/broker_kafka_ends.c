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

/* Returns false when there is none of that index. */
static bool place_at(struct ends *ends, size_t index, struct broker_offset *place)
{
	pthread_mutex_lock(&ends->lock);
	bool found = !ends->ending && index < ends->count;
	if (found)
		*place = ends->places[index];
	pthread_mutex_unlock(&ends->lock);
	return found;
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

static void end_note(struct ends *ends, const struct broker_offset *end)
{
	pthread_mutex_lock(&ends->lock);
	struct broker_offset *place = place_find(ends, end->source, end->partition);
	if (place)
		place->offset = end->offset;
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

static void *ends_thread(void *opaque)
{
	struct ends *ends = opaque;
	do {
		struct broker_offset place;
		int64_t low;
		for (size_t i = 0; place_at(ends, i, &place); i++)
			if (rd_kafka_query_watermark_offsets(ends->rk, source_topic(ends->config,
					place.source), place.partition, &low, &place.offset, CALL_MS) ==
					RD_KAFKA_RESP_ERR_NO_ERROR)
				end_note(ends, &place);
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
