/* arena.c: memory that is freed all at once, with a bound.
 *
 * Blocks in a list, the newest first; small pieces are cut from the newest, a big piece gets a
 * block of its own behind it. Blocks grow from 1 to 64 KiB, so a small request costs little and
 * a big one few calls.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT _Alignof(max_align_t)
#define FIRST_BLOCK ((size_t)1 << 10)
#define LAST_BLOCK ((size_t)64 << 10)

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ALIGNMENT) char bytes[];
};

struct arena {
	struct block *blocks;
	size_t limit, used, size, next_block;
	bool full;
	long failure_in;	/* allocations until one fails on purpose; negative: never */
};

struct arena *arena_new(size_t limit_bytes)
{
	struct arena *arena = calloc(1, sizeof *arena);
	if (!arena)
		return NULL;
	arena->limit = limit_bytes;
	arena->next_block = FIRST_BLOCK;
	arena->failure_in = -1;
	return arena;
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	for (struct block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	free(arena);
}

static struct block *block_new(struct arena *arena, size_t size)
{
	/* calloc, since large blocks come zeroed from the kernel for nothing */
	struct block *block = calloc(1, sizeof *block + size);
	if (!block)
		return NULL;
	block->size = size;
	arena->size += sizeof *block + size;
	return block;
}

static void *cut(struct block *block, size_t size)
{
	void *piece = block->bytes + block->used;
	block->used += size;
	return piece;
}

static void *piece_of_own_block(struct arena *arena, size_t size)
{
	struct block *block = block_new(arena, size);
	if (!block)
		return NULL;
	if (arena->blocks) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		arena->blocks = block;
	}
	return cut(block, size);
}

static void *piece(struct arena *arena, size_t size)
{
	struct block *newest = arena->blocks;
	if (newest && newest->size - newest->used >= size)
		return cut(newest, size);
	if (size > arena->next_block / 2)
		return piece_of_own_block(arena, size);
	struct block *block = block_new(arena, arena->next_block);
	if (!block)
		return NULL;
	if (arena->next_block < LAST_BLOCK)
		arena->next_block *= 2;
	block->next = newest;
	arena->blocks = block;
	return cut(block, size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	if (arena->failure_in == 0)
		return NULL;
	if (arena->failure_in > 0)
		arena->failure_in--;
	size_t left = arena->limit - arena->used;
	if (size > left || size > SIZE_MAX / 2) {
		arena->full = true;
		return NULL;
	}
	size_t rounded = (size + !size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	void *memory = piece(arena, rounded);
	if (memory)
		arena->used += rounded < left ? rounded : left;
	return memory;
}

char *arena_copy(struct arena *arena, const char *data, size_t length)
{
	char *copy = length < SIZE_MAX ? arena_alloc(arena, length + 1) : NULL;
	if (copy && length > 0)
		memcpy(copy, data, length);
	return copy;
}

char *arena_string(struct arena *arena, const char *string)
{
	return string ? arena_copy(arena, string, strlen(string)) : NULL;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list list, again;
	va_start(list, format);
	va_copy(again, list);
	int length = vsnprintf(NULL, 0, format, list);
	char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	va_end(list);
	return text;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

size_t arena_size(const struct arena *arena)
{
	return sizeof *arena + arena->size;
}

bool arena_full(const struct arena *arena)
{
	return arena->full;
}

void arena_fail_after(struct arena *arena, long allocations)
{
	arena->failure_in = allocations;
}
