/* config_print.c: what is in effect and where it comes from, in a form that can be read back. */
#include "config.h"

#include <string.h>

#include "config_parts.h"

/* user:password@ of a URL is nobody's business. */
static void print_masked_url(const char *url, FILE *out)
{
	const char *start = strstr(url, "://"), *at = strrchr(url, '@');
	if (start && at > start)
		fprintf(out, "\"%.*s://********%s\"", (int)(start - url), url, at);
	else
		option_print_scalar(url, out);
}

static void print_kafka(const struct config *config, FILE *out)
{
	for (size_t i = 0; i < config->kafka.count; i++) {
		const struct config_property *property = &config->kafka.properties[i];
		fprintf(out, "kafka.%s: ", property->name);
		option_print_scalar(config_kafka_shown(property), out);
		fprintf(out, "  # %s\n", property->origin);
	}
}

static void print_rows(const struct config *config, FILE *out)
{
	for (size_t i = 0; i < option_row_count; i++) {
		fprintf(out, "%s: ", option_rows[i].name);
		if (strcmp(option_rows[i].name, "registry.url") == 0 && config->registry.url)
			print_masked_url(config->registry.url, out);
		else
			option_print(config, &option_rows[i], out);
		fprintf(out, "  # %s\n", config->origins[i]);
	}
}

static void print_field(const char *map, const char *name, const char *field, const char *value,
	const char *origin, FILE *out)
{
	if (!value)
		return;
	fprintf(out, "%s.%s.%s: ", map, name, field);
	option_print_scalar(value, out);
	fprintf(out, "  # %s\n", origin);
}

static void print_runtimes(const struct config *config, FILE *out)
{
	for (size_t i = 0; i < config->runtime_count; i++) {
		const struct config_runtime *runtime = &config->runtimes[i];
		fprintf(out, "runtimes.%s.argv: [", runtime->name);
		for (size_t j = 0; j < runtime->argv.count; j++) {
			fputs(j ? ", " : "", out);
			option_print_scalar(runtime->argv.items[j], out);
		}
		fprintf(out, "]  # %s\n", runtime->origin);
		print_field("runtimes", runtime->name, "extension", runtime->extension,
			runtime->origin, out);
		print_field("runtimes", runtime->name, "kind", runtime->kind, runtime->origin, out);
	}
}

static void print_rules(const struct config *config, FILE *out)
{
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct config_rule *rule = &config->rules[i];
		const char *const fields[][2] = {{"kind", rule->kind}, {"risk", rule->risk},
			{"script_type", rule->script_type}, {"pattern", rule->pattern},
			{"message", rule->message}};
		for (size_t j = 0; j < sizeof fields / sizeof *fields; j++)
			print_field("rules", rule->name, fields[j][0], fields[j][1], rule->origin,
				out);
		fprintf(out, "rules.%s.enabled: %s  # %s\n", rule->name,
			rule->enabled ? "true" : "false", rule->origin);
	}
}

/* A tenant may be called anything, so the name may have to be quoted. */
static void print_tenant(const char *map, const char *name, FILE *out)
{
	char whole[400];
	snprintf(whole, sizeof whole, "%s.%s", map, name);
	option_print_scalar(whole, out);
}

static void print_fairness(const struct config *config, FILE *out)
{
	for (size_t i = 0; i < config->fairness.tenant_count; i++) {
		const struct config_tenant *tenant = &config->fairness.tenants[i];
		if (tenant->weight) {
			print_tenant("fairness.weights", tenant->name, out);
			fprintf(out, ": %d  # %s\n", tenant->weight, tenant->weight_origin);
		}
		if (tenant->cpu_ms_per_minute >= 0) {
			print_tenant("fairness.cpu_per_minute_of", tenant->name, out);
			fprintf(out, ": %lldms  # %s\n", (long long)tenant->cpu_ms_per_minute,
				tenant->budget_origin);
		}
	}
}

static void print_priority(const struct config_priority *priority, FILE *out)
{
	if (priority->weight)
		fprintf(out, "topics.priorities.%s: %d  # %s\n", priority->name, priority->weight,
			priority->origin);
}

static void print_priorities(const struct config *config, FILE *out)
{
	print_priority(&config->topics.first, out);
	for (size_t i = 0; i < config->topics.further_count; i++)
		print_priority(&config->topics.further[i], out);
}

void config_print(const struct config *config, FILE *out)
{
	print_kafka(config, out);
	print_rows(config, out);
	print_priorities(config, out);
	print_fairness(config, out);
	print_runtimes(config, out);
	print_rules(config, out);
}
