/* retry_index.c: see retry_index.h. */
#include "retry_index.h"

#include <stdlib.h>

struct retry_index {
	struct waiting_retry *heap;	/* each no later than heap[2i + 1] and heap[2i + 2] */
	size_t count, capacity;
};

struct retry_index *retry_index_new(void)
{
	return calloc(1, sizeof(struct retry_index));
}

void retry_index_free(struct retry_index *index)
{
	if (index)
		free(index->heap);
	free(index);
}

static bool earlier(const struct waiting_retry *a, const struct waiting_retry *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->place.offset < b->place.offset;
}

static void swap(struct retry_index *index, size_t a, size_t b)
{
	struct waiting_retry held = index->heap[a];
	index->heap[a] = index->heap[b];
	index->heap[b] = held;
}

int retry_index_add(struct retry_index *index, const struct waiting_retry *retry)
{
	if (index->count == index->capacity) {
		size_t capacity = index->capacity ? index->capacity * 2 : 64;
		struct waiting_retry *grown = realloc(index->heap, capacity * sizeof *grown);
		if (!grown)
			return -1;
		index->heap = grown;
		index->capacity = capacity;
	}
	size_t at = index->count++;
	index->heap[at] = *retry;
	while (at > 0 && earlier(&index->heap[at], &index->heap[(at - 1) / 2])) {
		swap(index, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
	return 0;
}

static void sink(struct retry_index *index, size_t at)
{
	for (;;) {
		size_t least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < index->count; child++)
			if (earlier(&index->heap[child], &index->heap[least]))
				least = child;
		if (least == at)
			return;
		swap(index, at, least);
		at = least;
	}
}

bool retry_index_take(struct retry_index *index, int64_t before_ms, struct waiting_retry *retry)
{
	if (index->count == 0 || index->heap[0].due_ms > before_ms)
		return false;
	*retry = index->heap[0];
	index->heap[0] = index->heap[--index->count];
	sink(index, 0);
	return true;
}

size_t retry_index_hurry(struct retry_index *index,
	bool (*wanted)(const struct waiting_retry *retry, void *context), void *context)
{
	size_t hurried = 0;
	for (size_t i = 0; i < index->count; i++)
		if (wanted(&index->heap[i], context)) {
			index->heap[i].due_ms = INT64_MIN;
			hurried++;
		}
	for (size_t i = index->count / 2; hurried > 0 && i-- > 0;)
		sink(index, i);
	return hurried;
}

int64_t retry_index_due_ms(const struct retry_index *index)
{
	return index->count > 0 ? index->heap[0].due_ms : INT64_MAX;
}

void retry_index_clear(struct retry_index *index)
{
	index->count = 0;
}

size_t retry_index_count(const struct retry_index *index)
{
	return index->count;
}
