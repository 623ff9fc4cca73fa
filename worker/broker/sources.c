/* sources.c: see sources.h. */
#include "sources.h"

#include <assert.h>
#include <string.h>

static_assert(BROKER_REQUEST_TOPICS == CONFIG_REQUEST_TOPICS, "each topic of requests is a source");

int sources_count(const struct config *config)
{
	return (int)config_request_topics(config) + 1;
}

size_t source_index(enum broker_source source)
{
	return source == BROKER_REQUESTS ? 0 : (size_t)source - BROKER_FURTHER + 1;
}

const char *source_topic(const struct config *config, enum broker_source source)
{
	return source == BROKER_RETRIES ? config->topics.retries :
		config_request_topic(config, source_index(source));
}

enum broker_source source_named(const struct config *config, const char *topic)
{
	for (int source = 0; source < sources_count(config); source++)
		if (strcmp(source_topic(config, (enum broker_source)source), topic) == 0)
			return (enum broker_source)source;
	return BROKER_NOWHERE;
}

int source_weight(const struct config *config, enum broker_source source)
{
	return config_request_weight(config, source_index(source));
}
