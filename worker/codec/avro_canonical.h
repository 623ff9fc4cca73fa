/* avro_canonical.h: how a schema is named on the wire.
 *
 * Apache Avro 1.11 specification, "Parsing Canonical Form for Schemas" and "Schema Fingerprints".
 */
#ifndef CODEWORKER_AVRO_CANONICAL_H
#define CODEWORKER_AVRO_CANONICAL_H

#include <stddef.h>
#include <stdint.h>

#include "../../sandbox/err.h"

/* The Parsing Canonical Form of a schema in JSON. *canonical is malloc'ed. Returns 0, or -1 with
 * err: it is not JSON, or not a schema. */
int avro_canonical(const char *schema, size_t size, char **canonical, struct err *err);

/* CRC-64-AVRO. */
uint64_t avro_fingerprint(const char *data, size_t size);

#endif
