/* test_avro_canonical.c: canonical form and fingerprint, by the Avro project's own vectors. */
#include "../../worker/codec/avro_canonical.h"
#include "../../worker/codec/avro_schemas.h"

#include <inttypes.h>
#include <unistd.h>

#include "codec_fixture.h"

#define VECTORS "tests/data/avro-schema-vectors.tsv"

static char *canonical_of(const char *schema)
{
	struct err err = {0};
	char *canonical;
	ck_assert_msg(avro_canonical(schema, strlen(schema), &canonical, &err) == 0, "%s: %s",
		schema, err.text);
	return canonical;
}

static void becomes(const char *schema, const char *expected)
{
	char *canonical = canonical_of(schema);
	ck_assert_str_eq(canonical, expected);
	free(canonical);
}

static void check_vector(char *line)
{
	char *rest = line;
	const char *schema = strsep(&rest, "\t"), *expected = strsep(&rest, "\t");
	ck_assert_ptr_nonnull(rest);
	rest[strcspn(rest, "\n")] = '\0';
	char *canonical = canonical_of(schema);
	ck_assert_str_eq(canonical, expected);
	if (strcmp(rest, "-") != 0) {
		int64_t fingerprint = (int64_t)avro_fingerprint(canonical, strlen(canonical));
		ck_assert_int_eq(fingerprint, strtoll(rest, NULL, 10));
	}
	free(canonical);
}

START_TEST(the_avro_projects_vectors_hold)
{
	FILE *file = fopen(VECTORS, "re");
	ck_assert_msg(file != NULL, "run from the top of the source tree: no " VECTORS);
	char *line = NULL;
	size_t room = 0, vectors = 0;
	while (getline(&line, &room, file) > 0) {
		if (*line == '#')
			continue;
		check_vector(line);
		vectors++;
	}
	ck_assert_uint_eq(vectors, 34);
	free(line);
	fclose(file);
}
END_TEST

START_TEST(names_are_made_full_by_the_namespace_around_them)
{
	becomes("{\"type\":\"record\",\"name\":\"A\",\"namespace\":\"n\",\"fields\":[{\"name\":\"x\","
		"\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}},"
		"{\"name\":\"y\",\"type\":[\"null\",\"F\",\"n.A\"]}]}",
		"{\"name\":\"n.A\",\"type\":\"record\",\"fields\":[{\"name\":\"x\","
		"\"type\":{\"name\":\"n.F\",\"type\":\"fixed\",\"size\":2}},"
		"{\"name\":\"y\",\"type\":[\"null\",\"n.F\",\"n.A\"]}]}");
	/* a full name sets the namespace, an empty one takes it away */
	becomes("{\"type\":\"record\",\"name\":\"m.A\",\"namespace\":\"n\",\"fields\":["
		"{\"name\":\"x\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}},"
		"{\"name\":\"y\",\"type\":{\"type\":\"enum\",\"name\":\"G\",\"namespace\":\"\","
		"\"symbols\":[]}},{\"name\":\"z\",\"type\":\"G\"}]}",
		"{\"name\":\"m.A\",\"type\":\"record\",\"fields\":["
		"{\"name\":\"x\",\"type\":{\"name\":\"m.E\",\"type\":\"enum\",\"symbols\":[]}},"
		"{\"name\":\"y\",\"type\":{\"name\":\"G\",\"type\":\"enum\",\"symbols\":[]}},"
		"{\"name\":\"z\",\"type\":\"G\"}]}");
}
END_TEST

START_TEST(what_readers_do_not_need_is_stripped)
{
	becomes("{\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}", "\"long\"");
	becomes("{\"type\":\"map\",\"doc\":\"x\",\"values\":{\"type\":\"array\",\"items\":"
		"{\"type\":\"string\",\"avro.java.string\":\"String\"}}}",
		"{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"string\"}}");
	becomes("{\"type\":\"error\",\"name\":\"\\u0045\",\"fields\":[]}",
		"{\"name\":\"E\",\"type\":\"record\",\"fields\":[]}");
}
END_TEST

START_TEST(what_is_no_schema_is_refused)
{
	static const char *const broken[] = {"", "{", "7", "null", "{}", "[7]",
		"{\"type\":\"array\"}", "{\"type\":\"map\"}", "{\"type\":\"record\",\"fields\":[]}",
		"{\"type\":\"record\",\"name\":\"\",\"fields\":[]}",
		"{\"type\":\"record\",\"name\":\"a\"}",
		"{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"x\"}]}",
		"{\"type\":\"enum\",\"name\":\"a\",\"symbols\":[1]}",
		"{\"type\":\"fixed\",\"name\":\"a\"}"};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct err err = {0};
		char *canonical;
		ck_assert_msg(avro_canonical(broken[i], strlen(broken[i]), &canonical, &err) == -1,
			"%s", broken[i]);
		ck_assert_int_eq(err.code, ERR_INVALID);
		ck_assert(*err.text);
	}
}
END_TEST

START_TEST(a_schema_can_not_be_nested_without_end)
{
	char schema[10000] = "";
	for (int i = 0; i < 400; i++)
		strcat(schema, "{\"type\":");
	struct err err = {0};
	char *canonical;
	strcat(schema, "\"int\"");
	for (int i = 0; i < 400; i++)
		strcat(schema, "}");
	ck_assert_int_eq(avro_canonical(schema, strlen(schema), &canonical, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "too deep"));
}
END_TEST

/* What fastavro, another implementation, says of the same files. A change of one of these
 * is a new schema on the wire: old writers' schemas must then go to schemas.path. */
START_TEST(the_schemas_of_the_contract_have_these_fingerprints)
{
	static const unsigned char expected[AVRO_RECORD_COUNT][8] = {
		[AVRO_REQUEST] = {0x45, 0x26, 0xc5, 0x12, 0xef, 0x0d, 0xef, 0x2b},
		[AVRO_RESULT] = {0xce, 0x67, 0xeb, 0xed, 0x61, 0x91, 0x48, 0x9e},
		[AVRO_ERROR] = {0x3b, 0x5a, 0x2a, 0x87, 0x8d, 0x4d, 0xcc, 0x3c},
		[AVRO_CONTROL] = {0x16, 0xdc, 0xa3, 0xed, 0xf4, 0x76, 0x7b, 0xbf},
	};
	struct avro_schemas *schemas;
	struct err err;
	ck_assert_int_eq(avro_schemas_new(NULL, &schemas, &err), 0);
	for (int record = 0; record < AVRO_RECORD_COUNT; record++) {
		uint64_t fingerprint = avro_schemas_fingerprint(schemas, record);
		for (int i = 0; i < 8; i++)
			ck_assert_uint_eq(fingerprint >> 8 * i & 0xFF, expected[record][i]);
		ck_assert_ptr_nonnull(avro_schemas_by_fingerprint(schemas, fingerprint));
	}
	ck_assert_ptr_null(avro_schemas_by_fingerprint(schemas, 1));
	ck_assert_ptr_null(avro_schemas_by_id(schemas, 1));
	avro_schemas_free(schemas);
}
END_TEST

static void write_file(const char *directory, const char *name, const char *text)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	fclose(file);
}

static void refuses_directory(const char *directory, const char *cause)
{
	struct avro_schemas *schemas;
	struct err err = {0};
	ck_assert_int_eq(avro_schemas_new(directory, &schemas, &err), -1);
	ck_assert_msg(strstr(err.text, cause), "\"%s\" lacks \"%s\"", err.text, cause);
}

START_TEST(a_schema_file_at_fault_is_named)
{
	char directory[] = "/tmp/codeworker-test-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(directory));
	write_file(directory, "notes.txt", "not a schema");
	write_file(directory, ".hidden.avsc", "not a schema");
	write_file(directory, "a.avsc", "\"string\"");
	struct avro_schemas *schemas;
	struct err err;
	ck_assert_int_eq(avro_schemas_new(directory, &schemas, &err), 0);
	ck_assert_ptr_nonnull(
		avro_schemas_by_fingerprint(schemas, (uint64_t)INT64_C(-8142146995180207161)));
	avro_schemas_free(schemas);
	write_file(directory, "b.avsc", "{\"type\":");
	refuses_directory(directory, "/b.avsc: ");
	/* in canonical form, but avro-c knows better */
	write_file(directory, "b.avsc", "[\"nowhere\"]");
	refuses_directory(directory, "/b.avsc: ");
	refuses_directory("/nowhere/at/all", "schemas.path /nowhere/at/all");
	char command[100];
	snprintf(command, sizeof command, "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, the_avro_projects_vectors_hold);
	tcase_add_test(tests, names_are_made_full_by_the_namespace_around_them);
	tcase_add_test(tests, what_readers_do_not_need_is_stripped);
	tcase_add_test(tests, what_is_no_schema_is_refused);
	tcase_add_test(tests, a_schema_can_not_be_nested_without_end);
	tcase_add_test(tests, the_schemas_of_the_contract_have_these_fingerprints);
	tcase_add_test(tests, a_schema_file_at_fault_is_named);
}

int main(void)
{
	return fixture_run("avro_canonical", add);
}
