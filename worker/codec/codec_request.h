/* codec_request.h: what the fields of a CodeExecutionRequest mean.
 */
#ifndef CODEWORKER_CODEC_REQUEST_H
#define CODEWORKER_CODEC_REQUEST_H

#include "codec.h"
#include "codec_datum.h"

/* Fills request (which has arena, source and encoding) from the members of a record; json: they
 * are DATUM_JSON. malformed starts zeroed. Returns 0, 1 with *malformed set, or -1 when memory is
 * out. In each case malformed has the ids that could be read. */
int codec_request_take(struct request *request, bool json, const struct member *members,
	size_t count, struct malformed *malformed);

/* Whether a request has a field of that name. */
bool codec_request_has(const char *name);

/* Gives request its defaults, and its limits to what stands for "not given". */
void codec_request_defaults(struct request *request);

/* A name as part of malformed.field: "environment.FOO", whatever bytes it has. NULL prefix: the
 * name alone. In arena; static when memory is out. */
const char *codec_field_path(struct arena *arena, const char *prefix, const char *name,
	size_t size);

#endif
