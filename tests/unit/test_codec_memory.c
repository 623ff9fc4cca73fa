/* test_codec_memory.c: memory that runs out at any point is an error and never a verdict. */
#include "codec_fixture.h"

#include "../../worker/codec/avro_builtin.h"
#include "../../worker/codec/avro_read.h"
#include "../../worker/codec/codec_request.h"
#include "../../worker/codec/json_datum.h"

#define ATTEMPTS 1000

static const char text[] = REQUEST_WITH(",\"executionId\":\"\\u0065\",\"input\":[1],"
	"\"environment\":{\"A\":\"b\",\"\\u0043\":\"d\"},\"limits\":{\"cpuMs\":9},"
	"\"metadata\":{\"k\":\"v\"},\"config\":{\"scriptType\":\"x\",\"label\":\"\\u004c\"}");

static int take_json(struct arena *arena, struct request *request, struct malformed *malformed)
{
	struct datum object = datum_json((struct json_span){text, sizeof text - 1});
	if (json_resolve(arena, &object) != JSON_OK)
		return -1;
	return codec_request_take(request, true, object.members.list, object.members.count,
		malformed);
}

START_TEST(a_request_in_json_needs_each_of_its_allocations)
{
	int answer = -1;
	long failures = 0;
	for (; answer != 0 && failures < ATTEMPTS; failures++) {
		struct arena *arena = arena_new(1 << 20);
		struct request request = {.arena = arena, .source = fixture_source};
		struct malformed malformed = {0};
		arena_fail_after(arena, failures);
		answer = take_json(arena, &request, &malformed);
		ck_assert_msg(answer == -1 || answer == 0, "after %ld: %s", failures,
			malformed.message);
		ck_assert(!arena_full(arena));
		if (answer == 0) {
			ck_assert_str_eq(request.execution_id, "e");
			ck_assert_uint_eq(request.environment.count, 2);
			ck_assert_uint_eq(request.metadata.count, 2);
		}
		arena_free(arena);
	}
	ck_assert_int_eq(answer, 0);
	ck_assert_int_gt(failures, 20);
}
END_TEST

static bool want_all(const char *name)
{
	(void)name;
	return true;
}

static struct reading_result read_text(struct codec *codec)
{
	struct reading_result r = fixture_read_text(codec, text);
	ck_assert_int_eq(r.answer, 0);
	return r;
}

START_TEST(a_request_in_avro_needs_each_of_its_allocations)
{
	struct codec *codec = fixture_codec(NULL);
	struct reading_result read = read_text(codec);
	void *bytes;
	size_t size;
	struct err err;
	ck_assert_int_eq(codec_encode_request(codec, ENCODING_AVRO, read.request, &bytes, &size,
		&err), 0);
	avro_schema_t schema;
	const char *definition = avro_builtin(AVRO_REQUEST);
	ck_assert_int_eq(avro_schema_from_json_length(definition, strlen(definition), &schema), 0);
	int answer = -1;
	long failures = 0;
	for (; answer != 0 && failures < ATTEMPTS; failures++) {
		struct arena *arena = arena_new(1 << 20);
		struct avro_fault fault;
		struct datum record;
		arena_fail_after(arena, failures);
		answer = avro_read_record(schema, (char *)bytes + 10, size - 10, arena, want_all,
			&record, &fault);
		if (answer != 0)
			ck_assert_ptr_null(fault.what);
		arena_free(arena);
	}
	ck_assert_int_eq(answer, 0);
	ck_assert_int_gt(failures, 3);
	avro_schema_decref(schema);
	free(bytes);
	arena_free(read.request->arena);
	codec_free(codec);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, a_request_in_json_needs_each_of_its_allocations);
	tcase_add_test(tests, a_request_in_avro_needs_each_of_its_allocations);
}

int main(void)
{
	return fixture_run("codec_memory", add);
}
