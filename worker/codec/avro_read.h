/* avro_read.h: Avro's binary encoding as data.
 */
#ifndef CODEWORKER_AVRO_READ_H
#define CODEWORKER_AVRO_READ_H

#include <avro.h>

#include "codec_datum.h"

struct avro_fault {
	size_t offset;
	const char *what;		/* static; NULL: memory is out */
	const char *field;		/* of the outermost record, the schema's; NULL: none */
};

struct avro_place {
	size_t begin, end;		/* bytes */
	avro_schema_t type;		/* the schema's */
};

/* Reads the one record that bytes hold, written with schema. The members point into bytes and
 * arena; name NULL and DATUM_NULL stand for a field for which wanted() said no. Returns 0, or -1
 * with *fault set; *record then has the members before the fault. */
int avro_read_record(avro_schema_t schema, const char *bytes, size_t size, struct arena *arena,
	bool (*wanted)(const char *name), struct datum *record, struct avro_fault *fault);

/* Where the field of that name stands in such a record, and its type. Returns 0, 1 when the schema
 * has none, or -1: the bytes are no such record. */
int avro_read_place(avro_schema_t schema, const char *bytes, size_t size, const char *name,
	struct avro_place *place);

#endif
