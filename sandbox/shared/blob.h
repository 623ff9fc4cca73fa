/* blob.h: values one after another in a buffer, each read with its bounds checked.
 *
 * The form of the launcher's set-up and of a job's payload.
 * A reader that meets the end, or a length beyond it, fails for good: callers check blob_ok once.
 */
#ifndef CODESANDBOX_BLOB_H
#define CODESANDBOX_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob_writer {
	char *data;			/* malloc'ed; the caller frees it */
	size_t size, capacity;
	bool failed;			/* no memory */
};

void blob_put_u64(struct blob_writer *writer, uint64_t value);
void blob_put_bytes(struct blob_writer *writer, const void *data, size_t size);
/* NULL is told from "". */
void blob_put_string(struct blob_writer *writer, const char *string);

struct blob_reader {
	const char *data;
	size_t size, at;
	bool failed;
};

uint64_t blob_get_u64(struct blob_reader *reader);
/* Points into the reader's data, size bytes with a NUL behind them. NULL when failed. */
const char *blob_get_bytes(struct blob_reader *reader, size_t *size);
/* NULL when NULL was written, when failed, or when the string holds a NUL (which fails it). */
const char *blob_get_string(struct blob_reader *reader);

#endif
