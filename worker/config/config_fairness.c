/* config_fairness.c: fairness.weights.<tenant> and fairness.cpu_per_minute_of.<tenant>.
 *
 * A tenant's name may hold dots: it is all that stands behind the map's name.
 */
#include "config_parts.h"

#include <stdlib.h>
#include <string.h>

#define TENANTS 4096
#define NAME_BYTES 256

static const struct map {
	const char *prefix;
	bool is_weight;
} maps[] = {
	{"fairness.weights.", true},
	{"fairness.cpu_per_minute_of.", false},
};
#define MAPS (sizeof maps / sizeof *maps)

static const struct map *map_of(const char *name)
{
	for (size_t i = 0; i < MAPS; i++)
		if (strncmp(name, maps[i].prefix, strlen(maps[i].prefix)) == 0)
			return &maps[i];
	return NULL;
}

bool config_is_fairness(const char *name)
{
	return map_of(name) != NULL;
}

bool config_is_fairness_map(const char *name)
{
	size_t length = strlen(name);
	for (size_t i = 0; i < MAPS; i++)
		if (strlen(maps[i].prefix) == length + 1 &&
				strncmp(name, maps[i].prefix, length) == 0)
			return true;
	return false;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the configuration");
}

static struct config_tenant *tenant_at(struct config *config, const char *name, struct err *err)
{
	size_t count = config->fairness.tenant_count;
	for (size_t i = 0; i < count; i++)
		if (strcmp(config->fairness.tenants[i].name, name) == 0)
			return &config->fairness.tenants[i];
	if (count == TENANTS) {
		err_set(err, ERR_INVALID, "is one tenant too many (at most %d)", TENANTS);
		return NULL;
	}
	if (count % 64 == 0) {
		struct config_tenant *more = arena_alloc(config->arena, (count + 64) * sizeof *more);
		if (more && count)
			memcpy(more, config->fairness.tenants, count * sizeof *more);
		if (more)
			config->fairness.tenants = more;
		else
			count = TENANTS;
	}
	char *copy = arena_string(config->arena, name);
	if (count == TENANTS || !copy) {
		no_memory(err);
		return NULL;
	}
	struct config_tenant *tenant = &config->fairness.tenants[config->fairness.tenant_count++];
	*tenant = (struct config_tenant){.name = copy, .cpu_ms_per_minute = -1};
	return tenant;
}

int config_fairness_assign(struct config *config, const struct assignment *assignment,
	struct err *err)
{
	const struct map *map = map_of(assignment->name);
	const char *name = assignment->name + strlen(map->prefix);
	if (!*name || strlen(name) > NAME_BYTES)
		return err_set(err, ERR_INVALID, "needs a tenant's name of at most %d bytes",
			NAME_BYTES);
	struct config_tenant *tenant = tenant_at(config, name, err);
	if (!tenant)
		return -1;
	*(map->is_weight ? &tenant->weight_origin : &tenant->budget_origin) = assignment->origin;
	/* Parsed and bounded as the option that holds for all others. */
	const struct option_row *row = option_find(map->is_weight ? "fairness.default_weight" :
		"fairness.cpu_per_minute");
	struct config parsed = {0};
	if (option_set(&parsed, row, &assignment->value, config->arena, err) != 0)
		return -1;
	if (map->is_weight)
		tenant->weight = parsed.fairness.default_weight;
	else
		tenant->cpu_ms_per_minute = parsed.fairness.cpu_ms_per_minute;
	return 0;
}

static int by_name(const void *one, const void *other)
{
	const struct config_tenant *a = one, *b = other;
	return strcmp(a->name, b->name);
}

void config_fairness_finish(struct config *config)
{
	if (config->fairness.tenant_count)
		qsort(config->fairness.tenants, config->fairness.tenant_count,
			sizeof *config->fairness.tenants, by_name);
}

void config_tenant_terms(const struct config *config, const char *name, int *weight,
	int64_t *cpu_ms_per_minute)
{
	const struct config_tenant key = {.name = (char *)name}, *found = NULL;
	if (config->fairness.tenant_count)
		found = bsearch(&key, config->fairness.tenants, config->fairness.tenant_count,
			sizeof key, by_name);
	*weight = found && found->weight ? found->weight : config->fairness.default_weight;
	*cpu_ms_per_minute = found && found->cpu_ms_per_minute >= 0 ? found->cpu_ms_per_minute :
		config->fairness.cpu_ms_per_minute;
}
