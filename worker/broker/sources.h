/* sources.h: which topic a source of the broker is, by the configuration. */
#ifndef CODEWORKER_SOURCES_H
#define CODEWORKER_SOURCES_H

#include "broker.h"
#include "../config/config.h"

/* All sources are below it, the topics of requests and the retries. */
int sources_count(const struct config *config);

static inline bool source_is_requests(enum broker_source source)
{
	return source != BROKER_RETRIES;
}

const char *source_topic(const struct config *config, enum broker_source source);
/* BROKER_NOWHERE: no topic that is read. */
enum broker_source source_named(const struct config *config, const char *topic);
/* Of a topic of requests: what its turn weighs. */
int source_weight(const struct config *config, enum broker_source source);
/* Of a topic of requests, among these: 0 is topics.requests. */
size_t source_index(enum broker_source source);

#endif
