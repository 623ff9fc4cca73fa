/* test_codec_avro.c: requests in Avro: older and newer writers, and hostile bytes. */
#include "codec_fixture.h"

#include <stdint.h>
#include <unistd.h>

#include "../../worker/codec/avro_canonical.h"

/* Avro's binary encoding, written by hand. */
struct bytes {
	unsigned char data[20000];
	size_t size;
};

static void put(struct bytes *b, const void *data, size_t size)
{
	ck_assert_uint_le(b->size + size, sizeof b->data);
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void put_long(struct bytes *b, int64_t number)
{
	uint64_t bits = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
	for (; bits > 0x7F; bits >>= 7)
		put(b, &(unsigned char){(unsigned char)(bits | 0x80)}, 1);
	put(b, &(unsigned char){(unsigned char)bits}, 1);
}

static void put_text(struct bytes *b, const char *text)
{
	put_long(b, (int64_t)strlen(text));
	put(b, text, strlen(text));
}

static void put_header(struct bytes *b, const char *schema)
{
	char *canonical;
	struct err err = {0};
	ck_assert_msg(avro_canonical(schema, strlen(schema), &canonical, &err) == 0, "%s",
		err.text);
	uint64_t fingerprint = avro_fingerprint(canonical, strlen(canonical));
	free(canonical);
	b->size = 0;
	put(b, "\xC3\x01", 2);
	for (int i = 0; i < 8; i++)
		put(b, &(unsigned char){(unsigned char)(fingerprint >> 8 * i)}, 1);
}

static struct codec *codec;
static char directory[] = "/tmp/codeworker-test-XXXXXX";

#define WRITER(fields)                                                                           \
	"{\"type\":\"record\",\"name\":\"CodeExecutionRequest\",\"namespace\":\"old\","         \
	"\"fields\":[" fields "]}"
#define TEXT_FIELD(name) "{\"name\":\"" name "\",\"type\":\"string\"}"
#define FOUR TEXT_FIELD("threadId") "," TEXT_FIELD("nodeId") "," TEXT_FIELD("scriptType") ","    \
	TEXT_FIELD("code")

/* Writers' schemas, and a name for each. */
static const char *const older = WRITER(FOUR);
static const char *const newer = WRITER("{\"name\":\"extra\",\"type\":{\"type\":\"array\","
	"\"items\":{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"f\",\"type\":\"float\"},"
	"{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":"
	"\"F\",\"size\":3}}]}}}," FOUR ",{\"name\":\"colour\",\"type\":{\"type\":\"enum\",\"name\":"
	"\"E\",\"symbols\":[\"RED\",\"BLUE\"]}}");
static const char *const promoted = WRITER("{\"name\":\"threadId\",\"type\":\"bytes\"},"
	"{\"name\":\"nodeId\",\"type\":[\"string\",\"null\"]}," TEXT_FIELD("scriptType") ","
	TEXT_FIELD("code") ",{\"name\":\"timeoutMs\",\"type\":\"int\"},"
	"{\"name\":\"retryDelayMs\",\"type\":[\"int\",\"null\"]},"
	"{\"name\":\"metadata\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"bytes\"]}}");
static const char *const wrong = WRITER(FOUR ",{\"name\":\"timeoutMs\",\"type\":\"double\"}");
static const char *const wrong_risk = WRITER(FOUR ",{\"name\":\"risk\",\"type\":"
	"{\"type\":\"enum\",\"name\":\"R\",\"symbols\":[\"low\"]}}");
static const char *const wrong_limits = WRITER(FOUR ",{\"name\":\"limits\",\"type\":"
	"{\"type\":\"map\",\"values\":\"long\"}}");
static const char *const nulls = WRITER(FOUR ",{\"name\":\"extra\",\"type\":"
	"{\"type\":\"array\",\"items\":\"null\"}}");
static const char *const endless = WRITER(FOUR ",{\"name\":\"next\",\"type\":[\"null\","
	"\"CodeExecutionRequest\"]}");
static const char *const other = "{\"type\":\"record\",\"name\":\"Other\",\"fields\":[" FOUR "]}";

static void add_schema(const char *name, const char *schema)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s.avsc", directory, name);
	FILE *file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(schema, file), 0);
	fclose(file);
}

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	const char *const all[] = {older, newer, promoted, wrong, wrong_risk, wrong_limits, nulls,
		endless, other};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char name[10];
		snprintf(name, sizeof name, "%zu", i);
		add_schema(name, all[i]);
	}
	codec = fixture_codec(directory);
}

static void tear_down(void)
{
	char command[100];
	snprintf(command, sizeof command, "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
	codec_free(codec);
	strcpy(directory + sizeof directory - 7, "XXXXXX");
}

static void put_four(struct bytes *b)
{
	put_text(b, "t");
	put_text(b, "n");
	put_text(b, "shell");
	put_text(b, "true");
}

static struct request *reads(const struct bytes *b)
{
	struct reading_result r = fixture_read(codec, b->data, b->size);
	ck_assert_msg(r.answer == 0, "%s: %s", r.malformed.field, r.malformed.message);
	ck_assert_int_eq(r.request->encoding, ENCODING_AVRO);
	return r.request;
}

static void refuses(const struct bytes *b, const char *field, const char *message)
{
	fixture_refused(codec, b->data, b->size, field, message);
}

START_TEST(an_older_writers_request_gets_the_defaults)
{
	struct bytes b;
	put_header(&b, older);
	put_four(&b);
	struct request *r = reads(&b);
	ck_assert_str_eq(r->execution_id, "code.requests-3-42");
	ck_assert_str_eq(r->thread_id, "t");
	ck_assert_str_eq(r->node_id, "n");
	ck_assert_str_eq(r->script_type, "shell");
	ck_assert_str_eq(r->code, "true");
	ck_assert(r->is_inline);
	ck_assert_int_eq(r->risk, RISK_HIGH);
	ck_assert_int_eq(r->retry_delay_ms, 1000);
	ck_assert_int_eq(r->limits.cpu_ms, -1);
	arena_free(r->arena);
}
END_TEST

START_TEST(a_newer_writers_fields_are_ignored)
{
	struct bytes b;
	put_header(&b, newer);
	put_long(&b, -2);		/* a block with its size in bytes */
	put_long(&b, 30);
	put(&b, "123412345678abc123412345678abc", 30);
	put_long(&b, 1);
	put(&b, "123412345678abc", 15);
	put_long(&b, 0);
	put_four(&b);
	put_long(&b, 1);
	struct request *r = reads(&b);
	ck_assert_str_eq(r->code, "true");
	arena_free(r->arena);
	b.size--;
	put_long(&b, 2);
	refuses(&b, "colour", "no such symbol");
}
END_TEST

START_TEST(types_are_promoted)
{
	struct bytes b;
	put_header(&b, promoted);
	put_text(&b, "t\xC3\xA9");
	put_long(&b, 0);
	put_text(&b, "n");
	put_text(&b, "shell");
	put_text(&b, "");
	put_long(&b, 77);
	put_long(&b, 1);
	put_long(&b, 1);
	put_text(&b, "k");
	put_long(&b, 1);
	put_text(&b, "v");
	put_long(&b, 0);
	struct request *r = reads(&b);
	ck_assert_str_eq(r->thread_id, "t\xC3\xA9");
	ck_assert_str_eq(r->node_id, "n");
	ck_assert_int_eq(r->timeout_ms, 77);
	ck_assert_int_eq(r->retry_delay_ms, 1000);
	ck_assert_str_eq(r->metadata.pairs[0].value, "v");
	arena_free(r->arena);
}
END_TEST

START_TEST(what_avro_does_not_promote_is_refused)
{
	struct bytes b;
	put_header(&b, wrong);
	put_four(&b);
	put(&b, "\0\0\0\0\0\0\xF0\x3F", 8);
	refuses(&b, "timeoutMs", "whole number");
	put_header(&b, wrong_risk);
	put_four(&b);
	put_long(&b, 0);
	refuses(&b, "risk", "a string");
	put_header(&b, wrong_limits);
	put_four(&b);
	put_long(&b, 0);
	refuses(&b, "limits", "a record");
	put_header(&b, other);
	put_four(&b);
	refuses(&b, "value", "another record");
}
END_TEST

/* A request in this worker's own schema. */
static struct bytes encoded(const char *json)
{
	struct reading_result r = fixture_read_text(codec, json);
	ck_assert_msg(r.answer == 0, "%s: %s", r.malformed.field, r.malformed.message);
	void *data;
	struct err err = {0};
	struct bytes b = {.size = 0};
	size_t size;
	ck_assert_msg(codec_encode_request(codec, ENCODING_AVRO, r.request, &data, &size, &err) == 0,
		"%s", err.text);
	put(&b, data, size);
	free(data);
	arena_free(r.request->arena);
	return b;
}

static const char full[] = REQUEST_WITH(",\"executionId\":\"e\",\"risk\":\"low\",\"timeoutMs\":5,"
	"\"retries\":3,\"input\":[1],\"environment\":{\"A\":\"b\",\"C\":\"d\"},"
	"\"limits\":{\"cpuMs\":9},\"deadline\":1700000000000,\"metadata\":{\"k\":\"v\"}");

/* A seed of the fuzz target, written by fastavro; the first byte is the target's own. */
START_TEST(what_another_implementation_wrote_is_read)
{
	struct bytes b = {.size = 0};
	FILE *file = fopen("tests/fuzz/corpus/avro/raw-single-object", "re");
	ck_assert_msg(file != NULL, "run from the top of the source tree");
	ck_assert_int_eq(fgetc(file), 5);
	b.size = fread(b.data, 1, sizeof b.data, file);
	fclose(file);
	struct request *r = reads(&b);
	ck_assert_str_eq(r->thread_id, "t");
	ck_assert_int_eq(r->retries, 2);
	ck_assert_str_eq(r->input, "{\"a\": [1, 2.5, null, true, \"\\u00e9\\n\"]}");
	ck_assert_uint_eq(r->environment.count, 2);
	ck_assert_int_eq(r->limits.output_bytes, 5);
	ck_assert_int_eq(r->deadline_ms, 1700000000000);
	ck_assert_str_eq(r->replay_of, "o");
	arena_free(r->arena);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct bytes b = encoded(full);
	for (size_t size = 0; size < b.size; size++) {
		struct reading_result r = fixture_read(codec, b.data, size);
		ck_assert_msg(r.answer == 1, "%zu", size);
		ck_assert_int_eq(r.request->encoding, ENCODING_JSON);
		arena_free(r.request->arena);
	}
	struct request *r = reads(&b);
	ck_assert_int_eq(r->limits.cpu_ms, 9);
	ck_assert_int_eq(r->deadline_ms, 1700000000000);
	arena_free(r->arena);
}
END_TEST

START_TEST(bytes_after_the_value_are_refused)
{
	struct bytes b = encoded(full);
	put(&b, "", 1);
	refuses(&b, "value", "bytes follow the value");
}
END_TEST

START_TEST(every_flipped_bit_is_read_or_refused_but_never_more)
{
	struct bytes b = encoded(full);
	for (size_t bit = 0; bit < b.size * 8; bit++) {
		b.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
		struct reading_result r = fixture_read(codec, b.data, b.size);
		ck_assert_uint_le(arena_used(r.request->arena), 100000);
		arena_free(r.request->arena);
		b.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
}
END_TEST

START_TEST(ids_before_the_fault_are_given)
{
	struct bytes b = encoded(full);
	struct reading_result r = fixture_read(codec, b.data, b.size - 5);
	ck_assert_int_eq(r.answer, 1);
	ck_assert_str_eq(r.malformed.field, "metadata");
	ck_assert_str_eq(r.malformed.execution_id, "e");
	ck_assert_str_eq(r.malformed.thread_id, "t");
	ck_assert_str_eq(r.malformed.node_id, "n");
	arena_free(r.request->arena);
}
END_TEST

START_TEST(lengths_and_counts_beyond_the_value_are_refused)
{
	static const int64_t lengths[] = {100, INT32_MAX, INT64_MAX, INT64_MAX - 1, 1LL << 40};
	struct bytes b;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		put_header(&b, older);
		put_long(&b, lengths[i]);
		put(&b, "t", 1);
		refuses(&b, "threadId", "beyond the end");
		put_header(&b, nulls);
		put_four(&b);
		put_long(&b, lengths[i]);
		put_long(&b, 0);
		refuses(&b, "extra", "more items than there are bytes");
		put_header(&b, nulls);
		put_four(&b);
		put_long(&b, -1);
		put_long(&b, lengths[i]);
		refuses(&b, "extra", "longer than the value");
	}
	put_header(&b, older);
	put_long(&b, -1);
	refuses(&b, "threadId", "negative");
	put_header(&b, nulls);
	put_four(&b);
	put_long(&b, INT64_MIN);
	put_long(&b, 0);
	refuses(&b, "extra", "no count");
}
END_TEST

/* No block counts more nulls than there are bytes behind it, but all of them together do. */
START_TEST(items_without_a_size_are_counted_over_all_blocks)
{
	struct bytes b;
	put_header(&b, nulls);
	put_four(&b);
	for (int i = 0; i < 3000; i++)
		put_long(&b, 2);
	put_long(&b, 1);
	put_long(&b, 1);
	put_long(&b, 0);
	refuses(&b, "extra", "more items than there are bytes");
}
END_TEST

START_TEST(nesting_by_the_schema_is_bounded)
{
	struct bytes b;
	put_header(&b, endless);
	for (int i = 0; i < 500; i++) {
		put_four(&b);
		put_long(&b, 1);
	}
	put_four(&b);
	put_long(&b, 0);
	refuses(&b, "next", "nested too deep");
	put_header(&b, endless);
	put_four(&b);
	put_long(&b, 1);
	put_four(&b);
	put_long(&b, 0);
	arena_free(reads(&b)->arena);
}
END_TEST

START_TEST(numbers_have_their_range)
{
	struct bytes b;
	put_header(&b, older);
	put(&b, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10);
	refuses(&b, "threadId", "64 bits");
	put_header(&b, older);
	put(&b, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 12);
	refuses(&b, "threadId", "64 bits");
	put_header(&b, promoted);
	put_text(&b, "t");
	put_long(&b, 2);
	refuses(&b, "nodeId", "no such branch");
	b.size--;
	put_long(&b, -1);
	refuses(&b, "nodeId", "no such branch");
	b.size--;
	put_long(&b, 0);
	put_text(&b, "n");
	put_text(&b, "shell");
	put_text(&b, "");
	put_long(&b, (int64_t)INT32_MAX + 1);
	refuses(&b, "timeoutMs", "32 bits");
}
END_TEST

static void refuses_text(const char *thread, size_t size, const char *message)
{
	struct bytes b;
	put_header(&b, older);
	put_long(&b, (int64_t)size);
	put(&b, thread, size);
	put_text(&b, "n");
	put_text(&b, "shell");
	put_text(&b, "true");
	refuses(&b, "threadId", message);
}

START_TEST(strings_are_utf8_without_nul)
{
	refuses_text("\xFF", 1, "UTF-8");
	refuses_text("\xED\xA0\x80", 3, "UTF-8");
	refuses_text("a\0b", 3, "NUL");
	refuses_text("", 0, "empty");
}
END_TEST

static void refuses_in_avro(const char *json, const char *field, const char *from,
	const char *to, const char *message)
{
	struct bytes b = encoded(json);
	char *at = memmem(b.data, b.size, from, strlen(from));
	ck_assert_ptr_nonnull(at);
	memcpy(at, to, strlen(from));
	refuses(&b, field, message);
}

START_TEST(fields_are_checked_as_in_json)
{
	refuses_in_avro(REQUEST_WITH(",\"input\":[12345]"), "input", "[12345]", "[12345}",
		"not JSON");
	refuses_in_avro(REQUEST_WITH(",\"risk\":\"low\""), "risk", "low", "lax", "none, low");
	refuses_in_avro(REQUEST_WITH(",\"environment\":{\"AB\":\"\",\"CD\":\"\"}"),
		"environment.AB", "CD", "AB", "twice");
	refuses_in_avro(REQUEST_WITH(",\"retries\":50"), "retries", "\x64\xD0\x0F", "\x63\xD0\x0F",
		"negative");
}
END_TEST

START_TEST(an_unknown_schema_is_named_by_its_fingerprint)
{
	struct bytes b = {.size = 0};
	put(&b, "\xC3\x01\x01\x02\x03\x04\x05\x06\x07\x08 the rest", 19);
	refuses(&b, "value", "not in schemas.path (fingerprint 0807060504030201)");
	b.size = 9;
	refuses(&b, "value", "ends inside the fingerprint");
	b.size = 2;
	refuses(&b, "value", "ends inside the fingerprint");
	b.size = 1;
	refuses(&b, "value", "neither Avro");
}
END_TEST

START_TEST(the_confluent_framing_is_told_apart)
{
	struct bytes b = {.size = 0};
	put(&b, "\0\0\0\x12\x34 the rest", 14);
	refuses(&b, "value", "schema 4660 of a Schema Registry, and registry.url");
	b.size = 4;
	refuses(&b, "value", "ends inside the id");
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, an_older_writers_request_gets_the_defaults);
	tcase_add_test(tests, a_newer_writers_fields_are_ignored);
	tcase_add_test(tests, types_are_promoted);
	tcase_add_test(tests, what_avro_does_not_promote_is_refused);
	tcase_add_test(tests, what_another_implementation_wrote_is_read);
	tcase_add_test(tests, every_truncation_is_refused);
	tcase_add_test(tests, bytes_after_the_value_are_refused);
	tcase_add_test(tests, every_flipped_bit_is_read_or_refused_but_never_more);
	tcase_add_test(tests, ids_before_the_fault_are_given);
	tcase_add_test(tests, lengths_and_counts_beyond_the_value_are_refused);
	tcase_add_test(tests, items_without_a_size_are_counted_over_all_blocks);
	tcase_add_test(tests, nesting_by_the_schema_is_bounded);
	tcase_add_test(tests, numbers_have_their_range);
	tcase_add_test(tests, strings_are_utf8_without_nul);
	tcase_add_test(tests, fields_are_checked_as_in_json);
	tcase_add_test(tests, an_unknown_schema_is_named_by_its_fingerprint);
	tcase_add_test(tests, the_confluent_framing_is_told_apart);
}

int main(void)
{
	return fixture_run("codec_avro", add);
}
