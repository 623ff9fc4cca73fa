/* crash_marks.c: see crash_marks.h. */
#include "crash_marks.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

struct crash_marks {
	UT_hash_handle hh;
	struct {
		int64_t source, partition, offset;
	} key;
	uint64_t *incarnations;
	int count;
};

static struct crash_marks *find(struct crash_marks *marks, const struct broker_place *place)
{
	struct crash_marks wanted, *found;
	memset(&wanted, 0, sizeof wanted);
	wanted.key.source = place->source;
	wanted.key.partition = place->partition;
	wanted.key.offset = place->offset;
	HASH_FIND(hh, marks, &wanted.key, sizeof wanted.key, found);
	return found;
}

static int index_of(const struct crash_marks *entry, uint64_t incarnation)
{
	for (int i = 0; i < entry->count; i++)
		if (entry->incarnations[i] == incarnation)
			return i;
	return -1;
}

static void forget(struct crash_marks **marks, struct crash_marks *entry)
{
	HASH_DEL(*marks, entry);
	free(entry->incarnations);
	free(entry);
}

int crash_marks_started(struct crash_marks **marks, const struct broker_place *place,
	uint64_t incarnation)
{
	struct crash_marks *entry = find(*marks, place);
	if (!entry) {
		entry = calloc(1, sizeof *entry);
		if (!entry)
			return -1;
		entry->key.source = place->source;
		entry->key.partition = place->partition;
		entry->key.offset = place->offset;
		HASH_ADD(hh, *marks, key, sizeof entry->key, entry);
	}
	if (index_of(entry, incarnation) >= 0)
		return 0;
	uint64_t *grown = realloc(entry->incarnations, ((size_t)entry->count + 1) * sizeof *grown);
	if (!grown)
		return -1;
	entry->incarnations = grown;
	grown[entry->count++] = incarnation;
	return 0;
}

void crash_marks_handed_back(struct crash_marks **marks, const struct broker_place *place,
	uint64_t incarnation)
{
	struct crash_marks *entry = find(*marks, place);
	int at = entry ? index_of(entry, incarnation) : -1;
	if (at < 0)
		return;
	entry->incarnations[at] = entry->incarnations[--entry->count];
	if (entry->count == 0)
		forget(marks, entry);
}

int crash_marks_deaths(struct crash_marks *marks, const struct broker_place *place)
{
	const struct crash_marks *entry = find(marks, place);
	return entry ? entry->count : 0;
}

void crash_marks_remove(struct crash_marks **marks, const struct broker_place *place)
{
	struct crash_marks *entry = find(*marks, place);
	if (entry)
		forget(marks, entry);
}

void crash_marks_clear(struct crash_marks **marks)
{
	struct crash_marks *entry, *following;
	HASH_ITER(hh, *marks, entry, following)
		forget(marks, entry);
}
