/* codec_framing.h: what stands before a value in Avro. Internal to the codec. */
#ifndef CODEWORKER_CODEC_FRAMING_H
#define CODEWORKER_CODEC_FRAMING_H

#include <avro.h>

#include "codec.h"

/* bytes begin as Avro does. The writer's schema and where the value begins; NULL with *why (in
 * arena, NULL: no memory). */
avro_schema_t codec_writer_schema(const struct codec *codec, const char *bytes, size_t size,
	struct arena *arena, size_t *begin, const char **why);

#endif
