/* avro_schemas.h: the schemas that this worker knows, by fingerprint.
 */
#ifndef CODEWORKER_AVRO_SCHEMAS_H
#define CODEWORKER_AVRO_SCHEMAS_H

#include <avro.h>
#include <stdint.h>

#include "avro_builtin.h"
#include "../../sandbox/err.h"

struct avro_schemas;

/* directory: its *.avsc beside those compiled in; NULL: only those. Returns 0 and schemas to be
 * freed, or -1 with err naming the file at fault. */
int avro_schemas_new(const char *directory, struct avro_schemas **schemas, struct err *err);
void avro_schemas_free(struct avro_schemas *schemas);

/* The writer's schema; NULL when nobody here knows it. Still the schemas'. */
avro_schema_t avro_schemas_by_fingerprint(const struct avro_schemas *schemas,
	uint64_t fingerprint);

/* The writer's schema by the id that a Schema Registry gave it. There is no registry client yet:
 * always NULL. */
avro_schema_t avro_schemas_by_id(const struct avro_schemas *schemas, uint32_t id);

/* What this worker writes with. */
uint64_t avro_schemas_fingerprint(const struct avro_schemas *schemas, enum avro_record record);
avro_value_iface_t *avro_schemas_class(const struct avro_schemas *schemas,
	enum avro_record record);

#endif
