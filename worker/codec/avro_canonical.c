/* avro_canonical.c: see avro_canonical.h.
 *
 * The canonical form keeps name, type, fields, symbols, items, values and size, in that order and
 * without white space; names are full names, and a type that adds nothing is its bare name. Two
 * schemas that read the same bytes alike thus get one fingerprint, whatever their documentation.
 */
#include "avro_canonical.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 1024
#define SCHEMA_DEPTH 64

struct form {
	FILE *out;
	json_t *defined;		/* full names seen so far */
	size_t depth;
	struct err *err;
};

static int write_schema(struct form *form, const json_t *schema, const char *space);

static bool is_primitive(const char *name)
{
	static const char *const primitives[] = {"null", "boolean", "int", "long", "float",
		"double", "bytes", "string"};
	for (size_t i = 0; i < sizeof primitives / sizeof *primitives; i++) {
		if (strcmp(name, primitives[i]) == 0)
			return true;
	}
	return false;
}

static int join(struct form *form, const char *space, const char *name, char full[NAME_BYTES])
{
	bool qualified = strchr(name, '.') || !*space;
	int length = snprintf(full, NAME_BYTES, "%s%s%s", qualified ? "" : space,
		qualified ? "" : ".", name);
	if (length <= 0 || length >= NAME_BYTES)
		return err_set(form->err, ERR_INVALID, "a name in the schema is %s",
			length ? "too long" : "empty");
	return 0;
}

static int write_reference(struct form *form, const char *name, const char *space)
{
	char full[NAME_BYTES];
	if (join(form, space, name, full) != 0)
		return -1;
	/* A name that its own namespace doesn't have may stand for one without namespace. */
	bool bare = is_primitive(name) || (!json_object_get(form->defined, full) &&
		json_object_get(form->defined, name));
	fprintf(form->out, "\"%s\"", bare ? name : full);
	return 0;
}

static int write_list(struct form *form, const json_t *list, const char *space,
	int (*write_item)(struct form *, const json_t *, const char *))
{
	size_t i;
	const json_t *item;
	if (!json_is_array(list))
		return err_set(form->err, ERR_INVALID, "a list is missing in the schema");
	fputc('[', form->out);
	json_array_foreach(list, i, item) {
		if (i > 0)
			fputc(',', form->out);
		if (write_item(form, item, space) != 0)
			return -1;
	}
	fputc(']', form->out);
	return 0;
}

static int write_field(struct form *form, const json_t *field, const char *space)
{
	const char *name = json_string_value(json_object_get(field, "name"));
	const json_t *type = json_object_get(field, "type");
	if (!name || !type)
		return err_set(form->err, ERR_INVALID, "a field of the schema lacks name or type");
	fprintf(form->out, "{\"name\":\"%s\",\"type\":", name);
	if (write_schema(form, type, space) != 0)
		return -1;
	fputc('}', form->out);
	return 0;
}

static int write_symbol(struct form *form, const json_t *symbol, const char *space)
{
	(void)space;
	if (!json_is_string(symbol))
		return err_set(form->err, ERR_INVALID, "a symbol of the schema is not a string");
	fprintf(form->out, "\"%s\"", json_string_value(symbol));
	return 0;
}

/* The namespace that holds inside the type: of its full name. */
static void space_of(const char *full, char space[NAME_BYTES])
{
	const char *dot = strrchr(full, '.');
	snprintf(space, NAME_BYTES, "%.*s", dot ? (int)(dot - full) : 0, full);
}

static int write_named_body(struct form *form, const json_t *schema, const char *type,
	const char *space)
{
	if (strcmp(type, "fixed") == 0) {
		const json_t *size = json_object_get(schema, "size");
		if (!json_is_integer(size))
			return err_set(form->err, ERR_INVALID, "a fixed of the schema lacks size");
		fprintf(form->out, ",\"size\":%lld", (long long)json_integer_value(size));
		return 0;
	}
	bool is_enum = strcmp(type, "enum") == 0;
	fprintf(form->out, ",\"%s\":", is_enum ? "symbols" : "fields");
	return write_list(form, json_object_get(schema, is_enum ? "symbols" : "fields"), space,
		is_enum ? write_symbol : write_field);
}

static int write_named(struct form *form, const json_t *schema, const char *type,
	const char *space)
{
	char full[NAME_BYTES], inside[NAME_BYTES];
	const char *name = json_string_value(json_object_get(schema, "name"));
	const char *own = json_string_value(json_object_get(schema, "namespace"));
	if (!name)
		return err_set(form->err, ERR_INVALID, "a %s of the schema lacks a name", type);
	if (join(form, own ? own : space, name, full) != 0)
		return -1;
	if (json_object_set_new(form->defined, full, json_true()) != 0)
		return err_set(form->err, ERR_MEMORY, "no memory for a schema");
	space_of(full, inside);
	fprintf(form->out, "{\"name\":\"%s\",\"type\":\"%s\"", full, type);
	if (write_named_body(form, schema, type, inside) != 0)
		return -1;
	fputc('}', form->out);
	return 0;
}

static int write_container(struct form *form, const json_t *schema, const char *type,
	const char *space)
{
	const char *of = strcmp(type, "array") == 0 ? "items" : "values";
	const json_t *inner = json_object_get(schema, of);
	if (!inner)
		return err_set(form->err, ERR_INVALID, "%s is missing in the schema", of);
	fprintf(form->out, "{\"type\":\"%s\",\"%s\":", type, of);
	if (write_schema(form, inner, space) != 0)
		return -1;
	fputc('}', form->out);
	return 0;
}

static int write_object(struct form *form, const json_t *schema, const char *space)
{
	const json_t *inner = json_object_get(schema, "type");
	const char *type = json_string_value(inner);
	if (!type)
		return write_schema(form, inner, space);
	if (strcmp(type, "array") == 0 || strcmp(type, "map") == 0)
		return write_container(form, schema, type, space);
	if (strcmp(type, "record") == 0 || strcmp(type, "error") == 0)
		return write_named(form, schema, "record", space);
	if (strcmp(type, "enum") == 0 || strcmp(type, "fixed") == 0)
		return write_named(form, schema, type, space);
	return write_reference(form, type, space);
}

static int write_schema(struct form *form, const json_t *schema, const char *space)
{
	if (form->depth == SCHEMA_DEPTH)
		return err_set(form->err, ERR_INVALID, "the schema is nested too deep");
	form->depth++;
	int answer = -1;
	if (json_is_string(schema))
		answer = write_reference(form, json_string_value(schema), space);
	else if (json_is_array(schema))
		answer = write_list(form, schema, space, write_schema);
	else if (json_is_object(schema))
		answer = write_object(form, schema, space);
	else
		err_set(form->err, ERR_INVALID, "a type is missing in the schema");
	form->depth--;
	return answer;
}

static int write_document(struct form *form, const json_t *schema, char **canonical)
{
	size_t size;
	char *text = NULL;
	form->out = open_memstream(&text, &size);
	if (!form->out)
		return err_system(form->err, "can't write a schema");
	int answer = write_schema(form, schema, "");
	if (fclose(form->out) != 0 && answer == 0)
		answer = err_system(form->err, "can't write a schema");
	if (answer == 0)
		*canonical = text;
	else
		free(text);
	return answer;
}

int avro_canonical(const char *schema, size_t size, char **canonical, struct err *err)
{
	json_error_t fault;
	json_t *json = json_loadb(schema, size, JSON_DECODE_ANY, &fault);
	if (!json)
		return err_set(err, ERR_INVALID, "the schema is not JSON: %s (line %d)", fault.text,
			fault.line);
	struct form form = {.defined = json_object(), .err = err};
	int answer = form.defined ? write_document(&form, json, canonical) :
		err_set(err, ERR_MEMORY, "no memory for a schema");
	json_decref(form.defined);
	json_decref(json);
	return answer;
}

#define CRC_EMPTY UINT64_C(0xc15d213aa4d7a795)

/* Bit by bit: a schema is fingerprinted once, when it is loaded. */
uint64_t avro_fingerprint(const char *data, size_t size)
{
	uint64_t crc = CRC_EMPTY;
	for (size_t i = 0; i < size; i++) {
		uint64_t byte = (crc ^ (unsigned char)data[i]) & 0xFF;
		for (int bit = 0; bit < 8; bit++)
			byte = byte >> 1 ^ (CRC_EMPTY & -(byte & 1));
		crc = crc >> 8 ^ byte;
	}
	return crc;
}
