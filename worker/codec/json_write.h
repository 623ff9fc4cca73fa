/* json_write.h: data as compact JSON in one line.
 */
#ifndef CODEWORKER_JSON_WRITE_H
#define CODEWORKER_JSON_WRITE_H

#include "codec_datum.h"

/* Writes a value as NUL-terminated JSON; *text is malloc'ed. Text that is not UTF-8 is mended, a
 * DATUM_JSON that is not JSON becomes a string. skip_null: members that are null are left out.
 * Returns 0, or -1 when memory is out. */
int json_write(const struct datum *datum, bool skip_null, char **text, size_t *size);

#endif
