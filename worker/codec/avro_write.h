/* avro_write.h: data as an Avro value in single-object encoding.
 */
#ifndef CODEWORKER_AVRO_WRITE_H
#define CODEWORKER_AVRO_WRITE_H

#include <avro.h>

#include "codec_datum.h"
#include "../../sandbox/err.h"

#define AVRO_MARKER "\xC3\x01"
#define AVRO_HEADER_BYTES 10

/* Writes a record by the schema that class was made of. A member that the schema lacks is left
 * out; where the schema has no null, null is the type's empty value. *bytes is malloc'ed.
 * Returns 0, or -1 with err. */
int avro_write_single(avro_value_iface_t *class, uint64_t fingerprint,
	const struct datum *record, void **bytes, size_t *size, struct err *err);

#endif
