/* request_bounds.c: see request_bounds.h. */
#include "request_bounds.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COMPONENT_BYTES 255		/* NAME_MAX */
#define DIRECTORY_BYTES 4000		/* PATH_MAX, with the job's own directory before it */
#define VARIABLES 1000
#define ENTRY_BYTES 131072		/* MAX_ARG_STRLEN, the NUL included */
#define ENVIRONMENT_BYTES (1u << 20)

static bool refuse(struct request_fault *fault, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool refuse(struct request_fault *fault, const char *field, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(fault->text, sizeof fault->text, format, list);
	va_end(list);
	fault->field = field;
	return false;
}

static bool directory_holds(const struct request *request, bool ruled, struct request_fault *fault)
{
	static const char field[] = "workingDirectory";
	const char *path = request->working_directory;
	bool path_rule = request->risk == RISK_LOW || request->risk == RISK_MEDIUM;
	if (!path)
		return true;
	if (*path == '/')
		return refuse(fault, field, "is absolute; it is relative to the job's own directory");
	if (strlen(path) > DIRECTORY_BYTES)
		return refuse(fault, field, "has %zu bytes, at most %d are allowed", strlen(path),
			DIRECTORY_BYTES);
	for (; *path; path += strcspn(path, "/"), path += *path == '/') {
		size_t length = strcspn(path, "/");
		bool up = length == 2 && memcmp(path, "..", 2) == 0;
		if (up && (ruled || !path_rule))
			return refuse(fault, field, "has a '..', which may leave the job's own "
				"directory");
		if (length > COMPONENT_BYTES)
			return refuse(fault, field, "has a name of %zu bytes in it, at most %d are "
				"allowed", length, COMPONENT_BYTES);
	}
	return true;
}

static bool environment_holds(const struct request *request, struct request_fault *fault)
{
	static const char field[] = "environment";
	const struct map *map = &request->environment;
	size_t total = 0;
	if (map->count > VARIABLES)
		return refuse(fault, field, "has %zu variables, at most %d are allowed", map->count,
			VARIABLES);
	for (size_t i = 0; i < map->count; i++) {
		size_t size = strlen(map->pairs[i].name) + strlen(map->pairs[i].value) + 2;
		if (size > ENTRY_BYTES)
			return refuse(fault, field, "has %zu bytes in one variable, fewer than %d are "
				"allowed", size - 1, ENTRY_BYTES);
		total += size;
	}
	return total <= ENVIRONMENT_BYTES ||
		refuse(fault, field, "has %zu bytes, at most %u are allowed", total,
			ENVIRONMENT_BYTES);
}

bool request_bounds_hold(const struct request *request, bool ruled, struct request_fault *fault)
{
	return directory_holds(request, ruled, fault) && environment_holds(request, fault);
}
