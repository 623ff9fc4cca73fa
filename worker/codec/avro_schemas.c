/* avro_schemas.c: see avro_schemas.h.
 *
 * A few schemas, looked through one by one. The first ones are those compiled in; a file with the
 * same fingerprint as one that is there already adds nothing.
 */
#include "avro_schemas.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "avro_canonical.h"

#define FILE_BYTES (1u << 20)

struct known {
	uint64_t fingerprint;
	avro_schema_t schema;
};

struct avro_schemas {
	struct known *list;
	size_t count;
	uint64_t fingerprints[AVRO_RECORD_COUNT];
	avro_value_iface_t *classes[AVRO_RECORD_COUNT];
};

static int append(struct avro_schemas *schemas, struct known known, struct err *err)
{
	struct known *list = reallocarray(schemas->list, schemas->count + 1, sizeof *list);
	if (!list) {
		avro_schema_decref(known.schema);
		return err_set(err, ERR_MEMORY, "no memory for a schema");
	}
	list[schemas->count++] = known;
	schemas->list = list;
	return 0;
}

static int add_text(struct avro_schemas *schemas, const char *text, size_t size,
	uint64_t *fingerprint, struct err *err)
{
	char *canonical;
	if (avro_canonical(text, size, &canonical, err) != 0)
		return -1;
	struct known known = {.fingerprint = avro_fingerprint(canonical, strlen(canonical))};
	free(canonical);
	*fingerprint = known.fingerprint;
	if (avro_schemas_by_fingerprint(schemas, known.fingerprint))
		return 0;
	if (avro_schema_from_json_length(text, size, &known.schema) != 0)
		return err_set(err, ERR_INVALID, "avro-c refuses the schema: %s", avro_strerror());
	return append(schemas, known, err);
}

static int add_builtin(struct avro_schemas *schemas, struct err *err)
{
	for (int record = 0; record < AVRO_RECORD_COUNT; record++) {
		const char *text = avro_builtin(record);
		if (add_text(schemas, text, strlen(text), &schemas->fingerprints[record], err) != 0)
			return -1;
		avro_schema_t schema = avro_schemas_by_fingerprint(schemas,
			schemas->fingerprints[record]);
		schemas->classes[record] = avro_generic_class_from_schema(schema);
		if (!schemas->classes[record])
			return err_set(err, ERR_MEMORY, "no memory for a schema");
	}
	return 0;
}

/* A byte more than allowed tells that there is more. */
static int read_file(const char *path, char **text, size_t *size, struct err *err)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return err_system(err, "can't open the schema %s", path);
	int answer = -1;
	*text = malloc(FILE_BYTES + 1);
	*size = *text ? fread(*text, 1, FILE_BYTES + 1, file) : 0;
	if (!*text)
		err_set(err, ERR_MEMORY, "no memory for the schema %s", path);
	else if (ferror(file))
		err_system(err, "can't read the schema %s", path);
	else if (*size > FILE_BYTES)
		err_set(err, ERR_INVALID, "the schema %s is larger than 1 MiB", path);
	else
		answer = 0;
	fclose(file);
	if (answer != 0)
		free(*text);
	return answer;
}

static int add_file(struct avro_schemas *schemas, const char *directory, const char *name,
	struct err *err)
{
	char *path, *text = NULL;
	size_t size = 0;
	uint64_t fingerprint;
	struct err why;
	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return err_set(err, ERR_MEMORY, "no memory for a schema");
	int answer = read_file(path, &text, &size, err);
	if (answer == 0) {
		answer = add_text(schemas, text, size, &fingerprint, &why);
		free(text);
		if (answer != 0)
			err_set(err, why.code, "%s: %s", path, why.text);
	}
	free(path);
	return answer;
}

static bool is_schema_file(const char *name)
{
	size_t length = strlen(name);
	return length > 5 && *name != '.' && strcmp(name + length - 5, ".avsc") == 0;
}

static int add_directory(struct avro_schemas *schemas, const char *directory, struct err *err)
{
	DIR *dir = opendir(directory);
	if (!dir)
		return err_system(err, "can't open schemas.path %s", directory);
	int answer = 0;
	errno = 0;
	for (struct dirent *entry; answer == 0 && (entry = readdir(dir)); errno = 0) {
		if (is_schema_file(entry->d_name))
			answer = add_file(schemas, directory, entry->d_name, err);
	}
	if (answer == 0 && errno != 0)
		answer = err_system(err, "can't read schemas.path %s", directory);
	closedir(dir);
	return answer;
}

int avro_schemas_new(const char *directory, struct avro_schemas **schemas, struct err *err)
{
	struct avro_schemas *made = calloc(1, sizeof *made);
	if (!made)
		return err_set(err, ERR_MEMORY, "no memory for the schemas");
	if (add_builtin(made, err) != 0 ||
		(directory && add_directory(made, directory, err) != 0)) {
		avro_schemas_free(made);
		return -1;
	}
	*schemas = made;
	return 0;
}

void avro_schemas_free(struct avro_schemas *schemas)
{
	if (!schemas)
		return;
	for (int record = 0; record < AVRO_RECORD_COUNT; record++) {
		if (schemas->classes[record])
			avro_value_iface_decref(schemas->classes[record]);
	}
	for (size_t i = 0; i < schemas->count; i++)
		avro_schema_decref(schemas->list[i].schema);
	free(schemas->list);
	free(schemas);
}

avro_schema_t avro_schemas_by_fingerprint(const struct avro_schemas *schemas,
	uint64_t fingerprint)
{
	for (size_t i = 0; i < schemas->count; i++) {
		if (schemas->list[i].fingerprint == fingerprint)
			return schemas->list[i].schema;
	}
	return NULL;
}

avro_schema_t avro_schemas_by_id(const struct avro_schemas *schemas, uint32_t id)
{
	(void)schemas;
	(void)id;
	return NULL;
}

uint64_t avro_schemas_fingerprint(const struct avro_schemas *schemas, enum avro_record record)
{
	return schemas->fingerprints[record];
}

avro_value_iface_t *avro_schemas_class(const struct avro_schemas *schemas,
	enum avro_record record)
{
	return schemas->classes[record];
}
