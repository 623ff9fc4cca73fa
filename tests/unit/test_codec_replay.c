/* test_codec_replay.c: a request under another executionId; all its other bytes stay. */
#include "codec_fixture.h"

#include <unistd.h>

#include "../../worker/codec/avro_canonical.h"

#define LEFT "{\"threadId\":\"t\",\"nodeId\":\"n\",\"scriptType\":\"shell\",\"code\":\"true\""

static struct codec *codec;

static void set_up(void)
{
	codec = fixture_codec(NULL);
}

static void tear_down(void)
{
	codec_free(codec);
}

static void replayed(const void *value, size_t size, const char *id, void **bytes, size_t *bytes_size)
{
	struct err err = {0};
	struct reading_result r = fixture_read(codec, value, size);
	ck_assert_msg(r.answer == 0, "%s", r.malformed.message);
	ck_assert_msg(codec_replay_request(codec, value, size, r.request, id, bytes, bytes_size,
		&err) == 0, "%s", err.text);
	struct reading_result again = fixture_read(codec, *bytes, *bytes_size);
	ck_assert_msg(again.answer == 0, "%s", again.malformed.message);
	ck_assert_str_eq(again.request->execution_id, id);
	ck_assert_str_eq(again.request->replay_of, r.request->execution_id);
	ck_assert_int_eq(again.request->encoding, r.request->encoding);
	arena_free(r.request->arena);
	arena_free(again.request->arena);
}

static void json_becomes(const char *before, const char *id, const char *after)
{
	void *bytes;
	size_t size;
	replayed(before, strlen(before), id, &bytes, &size);
	ck_assert_msg(size == strlen(after) && memcmp(bytes, after, size) == 0, "%.*s\nnot\n%s",
		(int)size, (char *)bytes, after);
	free(bytes);
}

START_TEST(json_changes_in_its_two_fields_alone)
{
	json_becomes(LEFT ", \"executionId\" : \"e\" , \"x\":[1.0 , 1e2]} \n", "e~r1",
		LEFT ", \"executionId\" : \"e~r1\",\"replayOf\":\"e\" , \"x\":[1.0 , 1e2]} \n");
	json_becomes(LEFT ",\"executionId\":\"e~r1\",\"replayOf\":\"e\"}", "e~r2",
		LEFT ",\"executionId\":\"e~r2\",\"replayOf\":\"e~r1\"}");
	json_becomes(LEFT ",\"replayOf\" : null,\"a\":0,\"executionId\":\"e\"}", "e~r1",
		LEFT ",\"replayOf\" : \"e\",\"a\":0,\"executionId\":\"e~r1\"}");
}
END_TEST

START_TEST(json_without_an_id_gets_one)
{
	json_becomes(" " LEFT "}", "code.requests-3-42~r1", " {\"executionId\":\"code.requests-3-42~r1\","
		"\"replayOf\":\"code.requests-3-42\"," "\"threadId\":\"t\",\"nodeId\":\"n\","
		"\"scriptType\":\"shell\",\"code\":\"true\"}");
	json_becomes(LEFT ",\"executionId\":null}", "x~r1",
		LEFT ",\"executionId\":\"x~r1\",\"replayOf\":\"code.requests-3-42\"}");
	json_becomes(LEFT ",\"executionId\":\"\",\"replayOf\":\"z\"}", "x~r1",
		LEFT ",\"executionId\":\"x~r1\",\"replayOf\":\"code.requests-3-42\"}");
}
END_TEST

START_TEST(json_names_and_ids_with_escapes_are_read_and_written)
{
	json_becomes(LEFT ",\"execution\\u0049d\":\"a\\\"b\"}", "a\"b~r1",
		LEFT ",\"execution\\u0049d\":\"a\\\"b~r1\",\"replayOf\":\"a\\\"b\"}");
	json_becomes(LEFT ",\"metadata\":{\"executionId\":\"inner\"},\"executionId\":\"\xC3\xA9\"}",
		"\xC3\xA9~r1", LEFT ",\"metadata\":{\"executionId\":\"inner\"},"
		"\"executionId\":\"\xC3\xA9~r1\",\"replayOf\":\"\xC3\xA9\"}");
}
END_TEST

/* ---- Avro */

struct bytes {
	unsigned char data[2000];
	size_t size;
};

static void put(struct bytes *b, const void *data, size_t size)
{
	ck_assert_uint_le(b->size + size, sizeof b->data);
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void put_long(struct bytes *b, unsigned number)
{
	for (number <<= 1; number > 0x7F; number >>= 7)
		put(b, &(unsigned char){(unsigned char)(number | 0x80)}, 1);
	put(b, &(unsigned char){(unsigned char)number}, 1);
}

static void put_text(struct bytes *b, const char *text)
{
	put_long(b, (unsigned)strlen(text));
	put(b, text, strlen(text));
}

static void put_header(struct bytes *b, const char *schema)
{
	char *canonical;
	struct err err = {0};
	ck_assert_int_eq(avro_canonical(schema, strlen(schema), &canonical, &err), 0);
	uint64_t fingerprint = avro_fingerprint(canonical, strlen(canonical));
	free(canonical);
	b->size = 0;
	put(b, "\xC3\x01", 2);
	for (int i = 0; i < 8; i++)
		put(b, &(unsigned char){(unsigned char)(fingerprint >> 8 * i)}, 1);
}

static char directory[] = "/tmp/codeworker-test-XXXXXX";
static char schema_path[200];

static void with_schema(const char *schema)
{
	strcpy(directory + sizeof directory - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(schema_path, sizeof schema_path, "%s/writer.avsc", directory);
	FILE *file = fopen(schema_path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(schema, file), 0);
	fclose(file);
	codec_free(codec);
	codec = fixture_codec(directory);
	unlink(schema_path);
	rmdir(directory);
}

#define WRITER(fields) "{\"type\":\"record\",\"name\":\"CodeExecutionRequest\",\"fields\":[" fields "]}"
#define TEXT_FIELD(name) "{\"name\":\"" name "\",\"type\":\"string\"}"
#define FOUR TEXT_FIELD("threadId") "," TEXT_FIELD("nodeId") "," TEXT_FIELD("scriptType") ","    \
	TEXT_FIELD("code")

static void put_four(struct bytes *b)
{
	put_text(b, "t");
	put_text(b, "n");
	put_text(b, "shell");
	put_text(b, "true");
}

/* replayOf comes first, null is the second branch, and between the two stands what nobody here knows. */
static const char *const newer = WRITER("{\"name\":\"replayOf\",\"type\":[\"string\",\"null\"]},"
	"{\"name\":\"extra\",\"type\":{\"type\":\"map\",\"values\":\"double\"}}," FOUR ","
	TEXT_FIELD("executionId") ",{\"name\":\"tail\",\"type\":\"bytes\"}");

static void put_newer(struct bytes *b, const char *id, const char *of)
{
	static const char doubled[] = "\x01\x14\x02k\x01\x02\x03\x04\x05\x06\x07\x08\x00";
	put_header(b, newer);
	put_long(b, of ? 0 : 1);
	if (of)
		put_text(b, of);
	put(b, doubled, sizeof doubled - 1);	/* a block with its size */
	put_four(b);
	put_text(b, id);
	put_text(b, "rest");
}

START_TEST(avro_changes_in_its_two_fields_alone_whatever_schema_wrote_it)
{
	struct bytes before, after;
	char longer[130], longest[140];
	void *bytes;
	size_t size;
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	snprintf(longest, sizeof longest, "%s~r1", longer);
	with_schema(newer);
	put_newer(&before, longer, NULL);
	put_newer(&after, longest, longer);
	replayed(before.data, before.size, longest, &bytes, &size);
	ck_assert_uint_eq(size, after.size);
	ck_assert_mem_eq(bytes, after.data, size);
	free(bytes);
}
END_TEST

START_TEST(avro_without_room_for_the_fields_is_written_by_our_schema)
{
	static const char *const older = WRITER(FOUR), *const odd = WRITER(FOUR ","
		"{\"name\":\"executionId\",\"type\":\"string\"},{\"name\":\"replayOf\",\"type\":\"null\"}");
	const char *const schemas[] = {older, odd};
	for (size_t i = 0; i < 2; i++) {
		struct bytes before;
		void *bytes;
		size_t size;
		with_schema(schemas[i]);
		put_header(&before, schemas[i]);
		put_four(&before);
		if (i == 1)
			put_text(&before, "e");
		replayed(before.data, before.size, "e~r1", &bytes, &size);
		ck_assert_mem_ne(bytes, before.data, 10);
		struct reading_result r = fixture_read(codec, bytes, size);
		ck_assert_str_eq(r.request->code, "true");
		ck_assert_str_eq(r.request->script_type, "shell");
		arena_free(r.request->arena);
		free(bytes);
	}
}
END_TEST

START_TEST(a_replay_without_memory_is_an_error)
{
	struct err err = {0};
	void *bytes;
	size_t size;
	static char id[3 << 20];
	memset(id, 'x', sizeof id - 1);
	struct reading_result r = fixture_read_text(codec, LEFT "}");
	ck_assert_int_eq(codec_replay_request(codec, LEFT "}", sizeof LEFT, r.request, id, &bytes, &size,
		&err), -1);
	ck_assert_int_eq(err.code, ERR_MEMORY);
	arena_free(r.request->arena);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, json_changes_in_its_two_fields_alone);
	tcase_add_test(tests, json_without_an_id_gets_one);
	tcase_add_test(tests, json_names_and_ids_with_escapes_are_read_and_written);
	tcase_add_test(tests, avro_changes_in_its_two_fields_alone_whatever_schema_wrote_it);
	tcase_add_test(tests, avro_without_room_for_the_fields_is_written_by_our_schema);
	tcase_add_test(tests, a_replay_without_memory_is_an_error);
}

int main(void)
{
	return fixture_run("codec_replay", add);
}
