/* kafka_header.h: one header of a record, as on the wire. */
#ifndef CODEWORKER_KAFKA_HEADER_H
#define CODEWORKER_KAFKA_HEADER_H

#include <stddef.h>

struct kafka_header {
	const char *name;
	const void *value;		/* NULL: null */
	size_t size;
};

#endif
