/* utf8.h: is it UTF-8, and if not, where.
 *
 * utf8_clean and utf8_length, which others use, are declared in codec.h.
 */
#ifndef CODEWORKER_UTF8_H
#define CODEWORKER_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the well-formed sequence at data (1 to 4), or 0 with *bad set to the length of the
 * maximal subpart that one U+FFFD stands for. size is at least 1. */
size_t utf8_sequence(const char *data, size_t size, size_t *bad);

/* Bytes up to the first that is not UTF-8; size when all is. */
size_t utf8_valid_prefix(const char *data, size_t size);

static inline bool utf8_valid(const char *data, size_t size)
{
	return utf8_valid_prefix(data, size) == size;
}

#endif
