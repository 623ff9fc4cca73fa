/* codec_request.c: see codec_request.h.
 *
 * One table for the request, one for its limits, one for the SDK's CodeNodeConfig, whose times
 * are seconds. What concerns several fields at once is looked at when all have been taken.
 */
#include "codec_request.h"

#include <stddef.h>
#include <stdlib.h>

#include "codec_fields.h"
#include "json_datum.h"
#include "../validator/request_bounds.h"

#define SCRIPT_NAME_BYTES 4096
#define METADATA_BYTES 65536
#define ANY_BYTES SIZE_MAX
#define DEFAULT_RETRY_DELAY_MS 1000
#define RETRIES_MAX INT32_MAX		/* Avro's int */

#define IN_REQUEST(member) offsetof(struct request, member)
#define IN_LIMITS(member) offsetof(struct job_limits, member)
#define ROWS(table) (sizeof(table) / sizeof *(table))

static const struct field limit_fields[] = {
	{"cpuMs", take_number, IN_LIMITS(cpu_ms)},
	{"memoryBytes", take_number, IN_LIMITS(memory_bytes)},
	{"diskBytes", take_number, IN_LIMITS(disk_bytes)},
	{"processes", take_number, IN_LIMITS(processes)},
	{"outputBytes", take_number, IN_LIMITS(output_bytes)},
};

static bool is_record(struct reading *r, const char *path, struct datum *datum)
{
	if (!field_resolve(r, path, datum) || datum->kind == DATUM_NULL)
		return false;
	if (datum->kind != DATUM_RECORD)
		reading_refuse(r, path, "must be %s", r->json ? "an object" : "a record");
	return datum->kind == DATUM_RECORD;
}

static void take_limits(struct reading *r, void *base, const struct field *field,
	const char *path, struct datum datum)
{
	(void)base;
	(void)field;
	if (is_record(r, path, &datum))
		fields_take(r, &r->request->limits, limit_fields, ROWS(limit_fields), path,
			datum.members.list, datum.members.count);
}

/* scriptName is bounded when it is known whether it holds the source. */
static const struct field config_fields[] = {
	{"scriptName", take_text, IN_REQUEST(script_name), ANY_BYTES},
	{"scriptType", take_text, IN_REQUEST(script_type), ID_BYTES},
	{"risk", take_risk},
	{"timeout", take_seconds, IN_REQUEST(timeout_ms)},
	{"retries", take_number, IN_REQUEST(retries)},
	{"retryDelay", take_seconds, IN_REQUEST(retry_delay_ms)},
	{"inline", take_inline},
	{"code", take_code},
};

static bool is_config_field(const struct member *member)
{
	for (size_t i = 0; i < ROWS(config_fields); i++) {
		const char *name = config_fields[i].name;
		if (strlen(name) == member->name_size &&
			memcmp(name, member->name, member->name_size) == 0)
			return true;
	}
	return false;
}

/* Strings as they are, anything else as its JSON text. */
static bool keep_unknown(struct reading *r, const struct member *member, struct pair *pair)
{
	const char *path = codec_field_path(r->request->arena, "config", member->name,
		member->name_size);
	struct datum value = member->value;
	if (*value.text.data == '"' && !field_resolve(r, path, &value))
		return false;
	pair->name = field_copy(r, path, member->name, member->name_size);
	pair->value = field_copy(r, path, value.text.data, value.text.size);
	return pair->name && pair->value;
}

static int pair_order(const void *left, const void *right)
{
	return strcmp(((const struct pair *)left)->name, ((const struct pair *)right)->name);
}

static bool map_has(const struct pair *sorted, size_t count, const struct pair *pair)
{
	return count > 0 && bsearch(pair, sorted, count, sizeof *sorted, pair_order);
}

/* all: room for both. What metadata itself says stands before what config has by the same name. */
static size_t join_metadata(struct reading *r, const struct datum *config, struct pair *all,
	struct pair *sorted)
{
	const struct map *metadata = &r->request->metadata;
	size_t count = metadata->count;
	if (count > 0) {
		memcpy(all, metadata->pairs, count * sizeof *all);
		memcpy(sorted, metadata->pairs, count * sizeof *all);
		qsort(sorted, count, sizeof *sorted, pair_order);
	}
	for (size_t i = 0; i < config->members.count; i++) {
		const struct member *member = &config->members.list[i];
		if (is_config_field(member))
			continue;
		if (!keep_unknown(r, member, &all[count]))
			break;
		count += !map_has(sorted, metadata->count, &all[count]);
	}
	return count;
}

static void add_unknown_to_metadata(struct reading *r, const struct datum *config)
{
	struct map *metadata = &r->request->metadata;
	size_t room = metadata->count + config->members.count;
	struct pair *all = arena_alloc(r->request->arena, room * sizeof *all);
	struct pair *sorted = arena_alloc(r->request->arena, metadata->count * sizeof *sorted);
	if (all && sorted)
		*metadata = (struct map){all, join_metadata(r, config, all, sorted)};
	else
		r->no_memory = true;
}

static const struct member *find(const struct member *members, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (members[i].name_size == strlen(name) &&
			memcmp(members[i].name, name, members[i].name_size) == 0)
			return &members[i];
	}
	return NULL;
}

static void take_config(struct reading *r, const struct member *members, size_t count)
{
	const struct member *member = r->json ? find(members, count, "config") : NULL;
	if (!member)
		return;
	struct datum config = member->value;
	if (!is_record(r, "config", &config))
		return;
	r->has_config = true;
	fields_take(r, r->request, config_fields, ROWS(config_fields), "config",
		config.members.list, config.members.count);
	if (!r->no_memory)
		add_unknown_to_metadata(r, &config);
}

static const struct field request_fields[] = {
	{"executionId", take_text, IN_REQUEST(execution_id), ID_BYTES},
	{"threadId", take_text, IN_REQUEST(thread_id), ID_BYTES},
	{"nodeId", take_text, IN_REQUEST(node_id), ID_BYTES},
	{"workflowId", take_text, IN_REQUEST(workflow_id), ID_BYTES},
	{"nodeName", take_text, IN_REQUEST(node_name), ID_BYTES},
	{"tenant", take_text, IN_REQUEST(tenant), ID_BYTES},
	{"scriptType", take_text, IN_REQUEST(script_type), ID_BYTES},
	{"scriptName", take_text, IN_REQUEST(script_name), ANY_BYTES},
	{"code", take_code},
	{"inline", take_inline},
	{"risk", take_risk},
	{"timeoutMs", take_number, IN_REQUEST(timeout_ms)},
	{"retries", take_number, IN_REQUEST(retries)},
	{"retryDelayMs", take_number, IN_REQUEST(retry_delay_ms)},
	{"input", take_json, IN_REQUEST(input)},
	{"context", take_json, IN_REQUEST(context)},
	{"environment", take_map, IN_REQUEST(environment)},
	{"workingDirectory", take_text, IN_REQUEST(working_directory), SCRIPT_NAME_BYTES},
	{"limits", take_limits},
	{"deadline", take_number, IN_REQUEST(deadline_ms)},
	{"metadata", take_map, IN_REQUEST(metadata)},
	{"replayOf", take_text, IN_REQUEST(replay_of), ID_BYTES},
};

bool codec_request_has(const char *name)
{
	for (size_t i = 0; i < ROWS(request_fields); i++) {
		if (strcmp(request_fields[i].name, name) == 0)
			return true;
	}
	return false;
}

void codec_request_defaults(struct request *request)
{
	request->risk = RISK_HIGH;
	request->retry_delay_ms = DEFAULT_RETRY_DELAY_MS;
	request->limits = (struct job_limits){-1, -1, -1, -1, -1};
	request->deadline_ms = REQUEST_TIME_NONE;
}

static void require(struct reading *r, const char *field, const char **text)
{
	if (!*text)
		reading_refuse(r, field, "is missing");
	else if (!**text)
		reading_refuse(r, field, "is empty");
	else
		return;
	*text = NULL;
}

static void settle_script(struct reading *r)
{
	struct request *request = r->request;
	if (!r->inline_given)
		request->is_inline = request->code != NULL;
	if (r->has_config && request->is_inline && !request->code && request->script_name) {
		request->code = request->script_name;
		request->code_size = strlen(request->code);
		request->script_name = NULL;
	}
	if (request->is_inline && !request->code)
		reading_refuse(r, "code", "is missing although inline is true");
	if (!request->is_inline && !request->script_name)
		reading_refuse(r, request->code ? "scriptName" : "code", request->code ?
			"is missing although inline is false" :
			"is missing, and so is scriptName");
	if (!request->is_inline)
		request->code = NULL, request->code_size = 0;
	if (request->script_name && strlen(request->script_name) > SCRIPT_NAME_BYTES) {
		reading_refuse(r, "scriptName", "has %zu bytes, at most %d are allowed",
			strlen(request->script_name), SCRIPT_NAME_BYTES);
		request->script_name = NULL;	/* or the answer would not fit its topic */
	}
}

static void check_environment(struct reading *r)
{
	const struct map *map = &r->request->environment;
	for (size_t i = 0; i < map->count; i++) {
		const char *name = map->pairs[i].name;
		if (!*name || strchr(name, '='))
			reading_refuse(r, codec_field_path(r->request->arena, "environment", name,
				strlen(name)), "is no name of a variable: it is empty or has a =");
	}
}

static void check_bounds(struct reading *r)
{
	struct request_fault fault;
	if (!request_bounds_hold(r->request, false, &fault))
		reading_refuse(r, fault.field, "%s", fault.text);
}

static void check_metadata(struct reading *r)
{
	struct map *map = &r->request->metadata;
	size_t size = 0;
	for (size_t i = 0; i < map->count; i++)
		size += strlen(map->pairs[i].name) + strlen(map->pairs[i].value);
	if (size <= METADATA_BYTES)
		return;
	reading_refuse(r, "metadata", "has %zu bytes, at most %d are allowed", size,
		METADATA_BYTES);
	*map = (struct map){0};		/* or the answer would not fit its topic */
}

static void settle(struct reading *r)
{
	struct request *request = r->request;
	require(r, "threadId", &request->thread_id);
	require(r, "nodeId", &request->node_id);
	require(r, "scriptType", &request->script_type);
	settle_script(r);
	check_environment(r);
	check_bounds(r);
	check_metadata(r);
	if (request->retries > RETRIES_MAX)
		request->retries = RETRIES_MAX;
	if (request->execution_id && !*request->execution_id)
		request->execution_id = NULL;
}

static void default_execution_id(struct reading *r)
{
	struct request *request = r->request;
	const struct source *source = &request->source;
	if (request->execution_id)
		return;
	request->execution_id = arena_format(request->arena, "%s-%d-%lld",
		source->topic ? source->topic : "", source->partition,
		(long long)source->offset);
	r->no_memory |= !request->execution_id;
}

int codec_request_take(struct request *request, bool json, const struct member *members,
	size_t count, struct malformed *malformed)
{
	struct reading r = {.request = request, .malformed = malformed, .json = json};
	codec_request_defaults(request);
	fields_take(&r, request, request_fields, ROWS(request_fields), NULL, members, count);
	if (!r.no_memory)
		take_config(&r, members, count);
	settle(&r);
	malformed->execution_id = request->execution_id;
	malformed->thread_id = request->thread_id;
	malformed->node_id = request->node_id;
	if (!r.no_memory)
		default_execution_id(&r);
	if (r.no_memory)
		return -1;
	return malformed->message ? 1 : 0;
}
