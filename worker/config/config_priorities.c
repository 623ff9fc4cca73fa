/* config_priorities.c: topics.priorities.<topic>: further topics of requests, and what each topic's turn weighs.
 *
 * A topic's name holds dots: it is all that stands behind the map's name.
 */
#include "config_parts.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "topics.priorities."

bool config_is_priority(const char *name)
{
	return strncmp(name, PREFIX, sizeof PREFIX - 1) == 0;
}

bool config_is_priorities(const char *name)
{
	return strlen(name) == sizeof PREFIX - 2 && strncmp(name, PREFIX, sizeof PREFIX - 2) == 0;
}

/* Parsed and bounded as another option is. */
static int parse_as(const char *option, const char *text, struct config *parsed, struct arena *arena,
	struct err *err)
{
	const struct option_value value = {&text, 1, false};
	return option_set(parsed, option_find(option), &value, arena, err);
}

static struct config_priority *priority_at(struct config *config, char *name, struct err *err)
{
	size_t count = config->topics.further_count;
	for (size_t i = 0; i < count; i++)
		if (strcmp(config->topics.further[i].name, name) == 0)
			return &config->topics.further[i];
	if (count == CONFIG_REQUEST_TOPICS) {
		err_set(err, ERR_INVALID, "is one topic too many (at most %d)", CONFIG_REQUEST_TOPICS);
		return NULL;
	}
	if (!config->topics.further)
		config->topics.further = arena_alloc(config->arena,
			CONFIG_REQUEST_TOPICS * sizeof *config->topics.further);
	if (!config->topics.further) {
		err_set(err, ERR_MEMORY, "no memory for the configuration");
		return NULL;
	}
	config->topics.further[count] = (struct config_priority){.name = name};
	return &config->topics.further[config->topics.further_count++];
}

int config_priority_assign(struct config *config, const struct assignment *assignment,
	struct err *err)
{
	struct config parsed = {0};
	if (parse_as("topics.requests", assignment->name + sizeof PREFIX - 1, &parsed, config->arena,
			err) != 0 || option_set(&parsed, option_find("fairness.default_weight"),
			&assignment->value, config->arena, err) != 0)
		return -1;
	struct config_priority *priority = priority_at(config, parsed.topics.requests, err);
	if (!priority)
		return -1;
	priority->weight = parsed.fairness.default_weight;
	priority->origin = assignment->origin;
	return 0;
}

static int by_name(const void *one, const void *other)
{
	const struct config_priority *a = one, *b = other;
	return strcmp(a->name, b->name);
}

int config_priority_finish(struct config *config, struct err *err)
{
	struct config_priority *further = config->topics.further;
	size_t kept = 0;
	for (size_t i = 0; i < config->topics.further_count; i++)
		if (strcmp(further[i].name, config->topics.requests) == 0)
			config->topics.first = further[i];
		else
			further[kept++] = further[i];
	config->topics.further_count = kept;
	if (kept == CONFIG_REQUEST_TOPICS)
		return err_set(err, ERR_INVALID, "%s: topics.priorities names %d topics beside "
			"topics.requests, one too many", further[kept - 1].origin, CONFIG_REQUEST_TOPICS);
	if (kept)
		qsort(further, kept, sizeof *further, by_name);
	return 0;
}

size_t config_request_topics(const struct config *config)
{
	return 1 + config->topics.further_count;
}

const char *config_request_topic(const struct config *config, size_t index)
{
	return index == 0 ? config->topics.requests : config->topics.further[index - 1].name;
}

int config_request_weight(const struct config *config, size_t index)
{
	int weight = index == 0 ? config->topics.first.weight : config->topics.further[index - 1].weight;
	return weight ? weight : 1;
}
