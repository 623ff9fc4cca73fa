/* config.c: the effective configuration, from all its sources. See config.h.
 *
 * Every source comes down to assignments of a value to a name, applied one after the other; the
 * first that is wrong ends the start. All memory is one arena's.
 */
#include "config.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../arena.h"
#include "config_parts.h"
#include "listen_address.h"
#include "nearest.h"
#include "yaml_flat.h"

#define MEMORY_LIMIT ((size_t)8 << 20)
#define PREFIX "CODEWORKER_"

static int no_memory(struct err *err)
{
	return err_set(err, ERR_MEMORY, "no memory for the configuration");
}

static bool is_section(const char *name)
{
	for (size_t i = 0; i < option_section_count; i++)
		if (strcmp(option_sections[i].name, name) == 0)
			return true;
	return false;
}

/* From "worker.slot" or "slots" to "; did you mean worker.slots?". */
static const char *hint_for(const char *name, char *buffer, size_t size)
{
	struct nearest nearest = nearest_to(name), last = nearest;
	for (size_t i = 0; i < option_section_count; i++)
		nearest_offer(&nearest, option_sections[i].name);
	for (size_t i = 0; i < option_row_count; i++) {
		const char *before = last.best, *dot = strchr(option_rows[i].name, '.');
		nearest_offer(&nearest, option_rows[i].name);
		nearest_offer(&last, dot + 1);
		if (last.best != before)
			last.best = option_rows[i].name;
	}
	return nearest_hint(!nearest.best || last.distance < nearest.distance ? &last : &nearest,
		buffer, size);
}

static int assign_row(struct config *config, const struct assignment *assignment, struct err *err)
{
	char hint[120];
	const struct option_row *row = option_find(assignment->name);
	if (!row && is_section(assignment->name))
		return err_set(err, ERR_INVALID, "is a section, its options go below it");
	if (!row)
		return err_set(err, ERR_INVALID, "is no option%s",
			hint_for(assignment->name, hint, sizeof hint));
	if (option_set(config, row, &assignment->value, config->arena, err) != 0)
		return -1;
	config->origins[row - option_rows] = assignment->origin;
	return 0;
}

static int assign(struct config *config, const struct assignment *assignment, struct err *err)
{
	struct err why = {0};
	int answer = strncmp(assignment->name, "kafka.", 6) == 0 ?
		config_kafka_assign(config, assignment, &why) :
		config_is_map(assignment->name) ? config_map_assign(config, assignment, &why) :
		config_is_fairness(assignment->name) ?
		config_fairness_assign(config, assignment, &why) :
		config_is_priority(assignment->name) ?
		config_priority_assign(config, assignment, &why) :
		assign_row(config, assignment, &why);
	if (answer != 0)
		err_set(err, why.code, "%s: %.120s %s", assignment->origin, assignment->name,
			why.text);
	return answer;
}

static int load_defaults(struct config *config, struct err *err)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct assignment assignment = {option_rows[i].name,
			{&option_rows[i].standard, 1, false}, "default"};
		if (assign(config, &assignment, err) != 0)
			return -1;
	}
	return config_kafka_defaults(config, err) != 0 ? -1 : config_map_defaults(config, err);
}

/* ---- the file */
struct file_context {
	struct config *config;
	const char *path;
};

/* A name with nothing behind it is left as it is, once it is a right name. */
static int check_empty(const struct yaml_leaf *leaf, const char *origin, struct err *err)
{
	char hint[120];
	if (is_section(leaf->name) || option_find(leaf->name) || config_is_map(leaf->name) ||
		config_is_fairness(leaf->name) || config_is_fairness_map(leaf->name) ||
		config_is_priority(leaf->name) || config_is_priorities(leaf->name) ||
		strncmp(leaf->name, "kafka.", 6) == 0)
		return 0;
	return err_set(err, ERR_INVALID, "%s: %.120s is no option%s", origin, leaf->name,
		hint_for(leaf->name, hint, sizeof hint));
}

static int assign_leaf(void *context, const struct yaml_leaf *leaf, struct err *err)
{
	struct file_context *file = context;
	char *origin = arena_format(file->config->arena, "%s:%d", file->path, leaf->line);
	if (!origin)
		return no_memory(err);
	if (leaf->is_null)
		return check_empty(leaf, origin, err);
	const struct assignment assignment = {leaf->name,
		{leaf->items, leaf->count, leaf->is_list}, origin};
	return assign(file->config, &assignment, err);
}

static int load_file(struct config *config, const char *path, struct err *err)
{
	struct file_context context = {config, path};
	if (!path)
		path = getenv(PREFIX "CONFIG");
	if (!path || !*path)
		return 0;
	context.path = path;
	return yaml_flat_read(path, assign_leaf, &context, err);
}

/* ---- the environment */
void config_environment_variable(const char *name, char *variable, size_t size)
{
	snprintf(variable, size, PREFIX "%s", name);
	for (char *c = variable; *c; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

static void lower(const char *text, char underscore, char *out, size_t size)
{
	size_t i = 0;
	for (; text[i] && i + 1 < size; i++)
		out[i] = text[i] == '_' ? underscore : (char)tolower((unsigned char)text[i]);
	out[i] = '\0';
}

/* CODEWORKER_RULES_MY_RULE_SCRIPT_TYPE: rules.my_rule.script_type. */
static const char *map_name(const char *variable, char *name, size_t size)
{
	static const char *const fields[] = {".argv", ".extension", ".kind", ".risk",
		".script_type", ".pattern", ".message", ".enabled"};
	lower(variable + strlen(PREFIX), '_', name, size);
	char *start = strchr(name, '_');
	for (size_t i = 0; start && i < sizeof fields / sizeof *fields; i++) {
		size_t length = strlen(name), tail = strlen(fields[i]);
		char *end = name + length - tail;
		if (length <= tail || end <= start + 1 || strcmp(end + 1, fields[i] + 1) != 0)
			continue;
		*start = *end = '.';
		return name;
	}
	return NULL;
}

const char *config_environment_name(const char *variable, char *name, size_t size)
{
	char spelled[120];
	const char *rest = variable + strlen(PREFIX);
	for (size_t i = 0; i < option_row_count; i++) {
		config_environment_variable(option_rows[i].name, spelled, sizeof spelled);
		if (strcmp(spelled, variable) == 0) {
			snprintf(name, size, "%s", option_rows[i].name);
			return name;
		}
	}
	if (strncmp(rest, "KAFKA_", 6) == 0 && rest[6]) {
		lower(rest, '.', name, size);
		return name;
	}
	if (strncmp(rest, "RULES_", 6) == 0 || strncmp(rest, "RUNTIMES_", 9) == 0)
		return map_name(variable, name, size);
	return NULL;
}

/* What Kubernetes sets for a service named codeworker or codeworker-something. */
static bool is_service_link(const char *name, const char *value)
{
	const char *port = strstr(name, "_PORT");
	return strstr(name, "_SERVICE_HOST") || strstr(name, "_SERVICE_PORT") ||
		(port && (!port[5] || port[5] == '_') && (strncmp(value, "tcp://", 6) == 0 ||
		strncmp(value, "udp://", 6) == 0 || isdigit((unsigned char)port[6])));
}

static int refuse_variable(const char *variable, struct err *err)
{
	char spelled[64][80], hint[120];
	size_t count = 0;
	struct nearest nearest = nearest_to(variable);
	for (; count < option_row_count && count < 64; count++) {
		config_environment_variable(option_rows[count].name, spelled[count],
			sizeof spelled[count]);
		nearest_offer(&nearest, spelled[count]);
	}
	return err_set(err, ERR_INVALID, "environment %.80s: is no option%s", variable,
		nearest_hint(&nearest, hint, sizeof hint));
}

static int load_variable(struct config *config, const char *entry, struct err *err)
{
	char variable[200], name[200];
	size_t length = strcspn(entry, "=");
	if (length >= sizeof variable)
		return err_set(err, ERR_INVALID, "environment %.80s…: is no option", entry);
	memcpy(variable, entry, length);
	variable[length] = '\0';
	const char *value = entry + length + (entry[length] == '=');
	if (strcmp(variable, PREFIX "CONFIG") == 0 || is_service_link(variable, value))
		return 0;
	if (!config_environment_name(variable, name, sizeof name))
		return refuse_variable(variable, err);
	char *origin = arena_format(config->arena, "environment %s", variable);
	if (!origin)
		return no_memory(err);
	const struct assignment assignment = {name, {&value, 1, false}, origin};
	return assign(config, &assignment, err);
}

static int load_environment(struct config *config, struct err *err)
{
	for (char **entry = environ; entry && *entry; entry++)
		if (strncmp(*entry, PREFIX, strlen(PREFIX)) == 0 &&
			load_variable(config, *entry, err) != 0)
			return -1;
	return 0;
}

/* ---- the command line */
static int load_override(struct config *config, const char *text, struct err *err)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text)
		return err_set(err, ERR_INVALID, "--set takes section.option=value, not '%.80s'",
			text);
	char *name = arena_copy(config->arena, text, (size_t)(equals - text));
	if (!name)
		return no_memory(err);
	const char *value = equals + 1;
	const struct assignment assignment = {name, {&value, 1, false}, "--set"};
	return assign(config, &assignment, err);
}

static int load_sources(struct config *config, const struct config_overrides *overrides,
	struct err *err)
{
	if (load_defaults(config, err) != 0 || load_file(config, overrides->file, err) != 0 ||
		load_environment(config, err) != 0)
		return -1;
	for (size_t i = 0; i < overrides->set_count; i++)
		if (load_override(config, overrides->set[i], err) != 0)
			return -1;
	return 0;
}

/* ---- what can be judged only at the end */
static const char *origin_of(const struct config *config, const char *option)
{
	return config->origins[option_find(option) - option_rows];
}

/* Told at the place of the one that was set: the other may stand at its default. */
static int refuse_topics(const struct config *config, size_t first, size_t second,
	const char *name, struct err *err)
{
	const struct option_row *one = &option_rows[first], *other = &option_rows[second];
	const char *origin = config->origins[second];
	if (strcmp(origin, "default") == 0)
		origin = config->origins[first];
	return err_set(err, ERR_INVALID, "%s: %s and %s are both '%.80s'; each needs a topic of its own",
		origin, one->name, other->name, name);
}

static int check_topics(const struct config *config, struct err *err)
{
	const char *const names[] = {config->topics.requests, config->topics.results,
		config->topics.errors, config->topics.retries, config->topics.dead,
		config->topics.control, config->topics.state};
	for (size_t i = 0; i < 7; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(names[i], names[j]) == 0)
				return refuse_topics(config, j, i, names[i], err);
	for (size_t i = 0; i < config->topics.further_count; i++)
		for (size_t j = 1; j < 7; j++)
			if (strcmp(config->topics.further[i].name, names[j]) == 0)
				return err_set(err, ERR_INVALID, "%s: topics.priorities names '%.80s', which "
					"is %s; each needs a topic of its own",
					config->topics.further[i].origin, names[j], option_rows[j].name);
	return 0;
}

static int processors(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return CPU_COUNT(&set);
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count < 1 ? 1 : (int)count;
}

static int finish(struct config *config, struct err *err)
{
	struct err why = {0};
	struct listen_address address;
	if (config->worker.slots == 0)
		config->worker.slots = processors();
	if (config->worker.slots > 256)
		config->worker.slots = 256;
	if (config->policy.default_timeout_ms > config->policy.max_timeout_ms)
		config->policy.default_timeout_ms = config->policy.max_timeout_ms;
	if (listen_address_parse(config->http.listen, &address, &why) != 0)
		return err_set(err, ERR_INVALID, "%s: http.listen %s",
			origin_of(config, "http.listen"), why.text);
	config_fairness_finish(config);
	if (config_priority_finish(config, err) != 0)
		return -1;
	return check_topics(config, err) != 0 ? -1 : config_map_finish(config, err);
}

static struct config *config_new(void)
{
	struct arena *arena = arena_new(MEMORY_LIMIT);
	struct config *config = arena ? arena_alloc(arena, sizeof *config) : NULL;
	const char **origins = config ? arena_alloc(arena, option_row_count * sizeof *origins) : NULL;
	if (!origins) {
		arena_free(arena);
		return NULL;
	}
	config->arena = arena;
	config->origins = origins;
	return config;
}

int config_load(const struct config_overrides *overrides, struct config **config, struct err *err)
{
	struct config *made = config_new();
	if (!made)
		return no_memory(err);
	if (load_sources(made, overrides, err) != 0 || finish(made, err) != 0) {
		config_free(made);
		return -1;
	}
	*config = made;
	return 0;
}

void config_free(struct config *config)
{
	if (config)
		arena_free(config->arena);
}
