/* utf8.c: checking and mending UTF-8.
 *
 * Unicode 15, table 3-7: what may follow depends on the lead byte only in the second byte, whose
 * range excludes overlong forms, surrogates and what lies beyond U+10FFFF. A U+FFFD replaces each
 * maximal subpart, as decoders of web browsers and Python do.
 */
#include "utf8.h"

#include <string.h>

#include "codec.h"

#define REPLACEMENT "\xEF\xBF\xBD"

struct lead {
	size_t length;
	unsigned char second_low, second_high;
};

static struct lead lead_of(unsigned char byte)
{
	if (byte < 0x80)
		return (struct lead){1, 0, 0};
	if (byte >= 0xC2 && byte <= 0xDF)
		return (struct lead){2, 0x80, 0xBF};
	if (byte >= 0xE0 && byte <= 0xEF)
		return (struct lead){3, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
	if (byte >= 0xF0 && byte <= 0xF4)
		return (struct lead){4, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
	return (struct lead){0, 0, 0};
}

size_t utf8_sequence(const char *data, size_t size, size_t *bad)
{
	const unsigned char *bytes = (const unsigned char *)data;
	struct lead lead = lead_of(bytes[0]);
	*bad = 1;
	if (lead.length < 2)
		return lead.length;
	if (size < 2 || bytes[1] < lead.second_low || bytes[1] > lead.second_high)
		return 0;
	for (size_t i = 2; i < lead.length; i++) {
		*bad = i;
		if (i >= size || (bytes[i] & 0xC0) != 0x80)
			return 0;
	}
	return lead.length;
}

static size_t ascii_run(const char *data, size_t size)
{
	size_t at = 0;
	for (uint64_t word; size - at >= sizeof word; at += sizeof word) {
		memcpy(&word, data + at, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	return at;
}

size_t utf8_valid_prefix(const char *data, size_t size)
{
	size_t at = 0, bad;
	while (at < size) {
		at += ascii_run(data + at, size - at);
		if (at == size)
			break;
		size_t length = utf8_sequence(data + at, size - at, &bad);
		if (length == 0)
			break;
		at += length;
	}
	return at;
}

/* Called twice: without clean it only counts, since the size of the copy must be known first. */
static size_t mend(const char *data, size_t size, char *clean)
{
	size_t to = 0;
	for (size_t at = 0, bad = 0; at < size; at += bad) {
		size_t valid = utf8_valid_prefix(data + at, size - at);
		if (clean && valid > 0)
			memcpy(clean + to, data + at, valid);
		to += valid;
		at += valid;
		if (at == size)
			break;
		utf8_sequence(data + at, size - at, &bad);
		if (clean)
			memcpy(clean + to, REPLACEMENT, 3);
		to += 3;
	}
	return to;
}

const char *utf8_clean(struct arena *arena, const char *data, size_t size, size_t *clean_size)
{
	size_t needed = mend(data, size, NULL);
	char *clean = arena_alloc(arena, needed + 1);
	if (!clean)
		return NULL;
	*clean_size = mend(data, size, clean);
	return clean;
}

size_t utf8_length(const char *data, size_t size)
{
	size_t length = 0;
	for (size_t i = 0; i < size; i++)
		length += ((unsigned char)data[i] & 0xC0) != 0x80;
	return length;
}
