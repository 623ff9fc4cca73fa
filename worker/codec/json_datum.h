/* json_datum.h: scanned JSON text as data, one level at a time.
 */
#ifndef CODEWORKER_JSON_DATUM_H
#define CODEWORKER_JSON_DATUM_H

#include "codec_datum.h"

enum json_answer {
	JSON_OK,
	JSON_NUMBER_TOO_LARGE,		/* for 64 bits or a double */
	JSON_NOT_UTF8,
	JSON_NO_MEMORY,
};

/* Turns a DATUM_JSON into the kind it holds; members stay DATUM_JSON themselves, an array stays
 * what it is. Any other datum is left alone. Copies only where an escape stands in a string. */
enum json_answer json_resolve(struct arena *arena, struct datum *datum);

/* A name that stands twice among members, NULL when each is alone; *no_memory when it can't be
 * told. */
const struct member *json_duplicate(struct arena *arena, const struct member *members,
	size_t count, bool *no_memory);

#endif
