/* dead_letter.h: what publish_dead() has added to a request, read back. Pure.
 *
 * Our headers come last and in a fixed order, so what stands before them is the producer's,
 * whatever its name.
 */
#ifndef CODEWORKER_DEAD_LETTER_H
#define CODEWORKER_DEAD_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../kafka/kafka_header.h"

#define DEAD_LETTER_TOPIC_BYTES 256	/* Kafka's names have 249 characters at most */

struct dead_letter {
	size_t own_headers;		/* how many of the headers were the request's */
	bool omitted;			/* the value was too large for the topic */
	char topic[DEAD_LETTER_TOPIC_BYTES];	/* where the request stood */
	int32_t partition;
	int64_t offset;
};

/* Returns 0, or -1: this is no dead letter of ours (no topic, partition and offset among its last
 * headers). */
int dead_letter_read(const struct kafka_header *headers, size_t count, struct dead_letter *letter);

#endif
