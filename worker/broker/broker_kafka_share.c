/* broker_kafka_share.c: what a worker takes up of the partitions that its group gave it.
 *
 * The range assignor gives the same numbers of all topics to one worker as long as all workers subscribe to the same
 * topics and these have as many partitions. While workers with other settings are in the group, or partitions are
 * being added, it may not. Then the owner of a number of topics.requests alone writes that partition of
 * code.state, and reads that of code.retries.
 *
 * A static member that comes back within its session is given what it had, also when it subscribes to more now:
 * such topics are missing in it.
 */
#include "broker_kafka_internal.h"

#include <stdlib.h>

static int32_t number_most(const rd_kafka_topic_partition_list_t *given)
{
	int32_t most = 0;
	for (int i = 0; i < given->cnt; i++)
		if (given->elems[i].partition > most)
			most = given->elems[i].partition;
	return most;
}

static void position_add(struct share *share, enum broker_source source, int32_t partition)
{
	share->positions[share->position_count++] = (struct broker_offset){.partition = partition,
		.offset = -1, .source = source};
}

struct share share_take(const struct config *config, const rd_kafka_topic_partition_list_t *given)
{
	struct share share = {.positions = calloc(2 * (size_t)given->cnt + 1, sizeof *share.positions)};
	bool *ours = calloc((size_t)number_most(given) + 1, sizeof *ours);
	if (!share.positions || !ours)
		abort();		/* what is not taken up nobody else would */
	for (int i = 0; i < given->cnt; i++)
		if (source_named(config, given->elems[i].topic) == BROKER_REQUESTS) {
			ours[given->elems[i].partition] = true;
			position_add(&share, BROKER_REQUESTS, given->elems[i].partition);
		}
	share.partition_count = share.position_count;
	for (size_t i = 0; i < share.partition_count; i++)
		position_add(&share, BROKER_RETRIES, share.positions[i].partition);
	for (int i = 0; i < given->cnt; i++) {
		enum broker_source source = source_named(config, given->elems[i].topic);
		/* The latter two are of a static member's former settings. */
		if (source == BROKER_REQUESTS || source == BROKER_RETRIES || source == BROKER_NOWHERE)
			continue;
		if (ours[given->elems[i].partition])
			position_add(&share, source, given->elems[i].partition);
		else
			share.left_out++;
	}
	share.missing = share.partition_count * (size_t)sources_count(config) -
		share.position_count;
	free(ours);
	return share;
}

rd_kafka_topic_partition_list_t *share_assignment(const struct config *config,
	const struct broker_offset *positions, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_t *added = rd_kafka_topic_partition_list_add(list,
			source_topic(config, positions[i].source), positions[i].partition);
		/* Of the others the group's offsets hold. */
		if (positions[i].source == BROKER_RETRIES)
			added->offset = positions[i].offset < 0 ? RD_KAFKA_OFFSET_BEGINNING :
				positions[i].offset;
	}
	return list;
}
