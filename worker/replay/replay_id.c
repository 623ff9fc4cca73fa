/* replay_id.c: see replay_id.h. */
#include "replay_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 9
#define MARK_BYTES (sizeof REPLAY_ID_MARK - 1)

static size_t digits_at_end(const char *text, size_t size)
{
	size_t digits = 0;
	while (digits < size && text[size - digits - 1] >= '0' && text[size - digits - 1] <= '9')
		digits++;
	return digits;
}

size_t replay_id_root(const char *execution_id, uint32_t *generation)
{
	size_t size = strlen(execution_id), digits = digits_at_end(execution_id, size);
	*generation = 0;
	if (digits == 0 || digits > DIGITS_MAX || size <= digits + MARK_BYTES)
		return size;
	const char *number = execution_id + size - digits;
	if (*number == '0' || memcmp(number - MARK_BYTES, REPLAY_ID_MARK, MARK_BYTES) != 0)
		return size;
	for (size_t i = 0; i < digits; i++)
		*generation = *generation * 10 + (uint32_t)(number[i] - '0');
	return size - digits - MARK_BYTES;
}

char *replay_id_make(const char *execution_id, uint32_t generation)
{
	uint32_t old;
	char *id;
	size_t root = replay_id_root(execution_id, &old);
	if (asprintf(&id, "%.*s" REPLAY_ID_MARK "%" PRIu32, (int)root, execution_id, generation) < 0)
		return NULL;
	return id;
}
