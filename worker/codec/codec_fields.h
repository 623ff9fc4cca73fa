/* codec_fields.h: taking single fields of a request, with the checks that each kind needs.
 *
 * A reading goes through all fields and keeps the first fault, so that the ids are read whatever
 * is wrong with the rest.
 */
#ifndef CODEWORKER_CODEC_FIELDS_H
#define CODEWORKER_CODEC_FIELDS_H

#include "codec_request.h"

struct reading {
	struct request *request;
	struct malformed *malformed;
	bool json;
	bool no_memory;
	bool inline_given;
	bool has_config;
};

/* One row of a table of fields. offset: of the member of struct request (or what base points to)
 * that it fills; limit: bytes for text. */
struct field {
	const char *name;
	void (*take)(struct reading *r, void *base, const struct field *field, const char *path,
		struct datum datum);
	size_t offset;
	size_t limit;
};

void reading_refuse(struct reading *r, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Gives each member that the table (of at most 32 rows) knows to its function; unknown ones are
 * left alone. prefix: of the field names in faults, or NULL. A name given twice is a fault, and is
 * not taken. */
void fields_take(struct reading *r, void *base, const struct field *table, size_t rows,
	const char *prefix, const struct member *members, size_t count);

/* JSON to what it holds; false (with the fault noted) when that can't be. */
bool field_resolve(struct reading *r, const char *path, struct datum *datum);

/* Why this can't be a string of ours; NULL when it can. */
const char *field_text_fault(const char *data, size_t size);

/* UTF-8 without NUL, copied; NULL with the fault noted. */
const char *field_copy(struct reading *r, const char *path, const char *data, size_t size);

/* What a table's rows name. Null leaves the default standing. */
void take_text(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum);
void take_code(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum);
void take_inline(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum);
void take_risk(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum);
void take_number(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum);
void take_seconds(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum);
void take_json(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum);
void take_map(struct reading *r, void *base, const struct field *field, const char *path,
	struct datum datum);

#endif
