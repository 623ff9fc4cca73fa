/* dead_letter.c: see dead_letter.h. */
#include "dead_letter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is(const struct kafka_header *header, const char *name)
{
	return strcmp(header->name, name) == 0;
}

static int number_of(const struct kafka_header *header, int64_t max, int64_t *number)
{
	char text[24], *rest;
	if (!header->value || header->size == 0 || header->size >= sizeof text)
		return -1;
	memcpy(text, header->value, header->size);
	text[header->size] = '\0';
	errno = 0;
	*number = strtoll(text, &rest, 10);
	return errno || *rest || *number < 0 || *number > max ? -1 : 0;
}

/* The last three: topic, partition and offset. */
static int place_read(const struct kafka_header *place, struct dead_letter *letter)
{
	int64_t partition;
	if (!is(&place[0], "__dlq.errors.topic") || !is(&place[1], "__dlq.errors.partition") ||
		!is(&place[2], "__dlq.errors.offset") || !place[0].value ||
		place[0].size >= sizeof letter->topic ||
		number_of(&place[1], INT32_MAX, &partition) != 0 ||
		number_of(&place[2], INT64_MAX, &letter->offset) != 0)
		return -1;
	memcpy(letter->topic, place[0].value, place[0].size);
	letter->topic[place[0].size] = '\0';
	letter->partition = (int32_t)partition;
	return 0;
}

int dead_letter_read(const struct kafka_header *headers, size_t count, struct dead_letter *letter)
{
	/* From the last to the first; each may be missing. */
	static const char *const behind[] = {"codeworker-dead-value", "__dlq.errors.message",
		"__dlq.errors.delivery.count", "__dlq.errors.group"};
	struct dead_letter found = {0};
	for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
		if (count == 0 || !is(&headers[count - 1], behind[i]))
			continue;
		count--;
		found.omitted |= i == 0;
	}
	if (count < 3 || place_read(&headers[count - 3], &found) != 0)
		return -1;
	found.own_headers = count - 3;
	*letter = found;
	return 0;
}
