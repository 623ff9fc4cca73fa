/* json_scan.h: JSON text as spans.
 *
 * Strict RFC 8259, without allocating and without recursion. It says where things stand in the
 * text, so a caller's input and context pass through to the job as they were written.
 */
#ifndef CODEWORKER_JSON_SCAN_H
#define CODEWORKER_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_DEPTH 512			/* objects and arrays inside each other */

struct json_span {
	const char *text;
	size_t size;
};

struct json_fault {
	size_t offset;			/* of the byte at fault */
	const char *what;		/* static */
	struct json_span deep;		/* nested too deep: in this member of the outermost object,
					 * its name with quotes; size 0: in none */
};

/* Checks that text is one JSON value, white space around it allowed. Does not look whether the
 * bytes inside strings are UTF-8. Returns 0, or -1 with *fault set. */
int json_scan(const char *text, size_t size, struct json_fault *fault);

/* The same for a value that is to stand inside a record, which takes one level of the depth; and
 * UTF-8 throughout. */
int json_scan_value(const char *text, size_t size, struct json_fault *fault);
bool json_valid(const char *text, size_t size);		/* whether that finds no fault */

/* Text without the white space around it. */
struct json_span json_trim(const char *text, size_t size);

/* The members of a scanned object in order; rest starts as the object's own span.
 * key is with its quotes. Returns false at the end. */
bool json_next_member(struct json_span *rest, struct json_span *key, struct json_span *value);

/* Copies scanned text without white space outside of strings; to has room for size bytes.
 * Returns the size written. */
size_t json_compact(const char *text, size_t size, char *to);

#endif
