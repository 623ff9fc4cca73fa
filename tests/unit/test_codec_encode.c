/* test_codec_encode.c: results, error events and requests as they stand on the wire. */
#include "codec_fixture.h"

#include <jansson.h>

#include "../../worker/codec/utf8.h"

static struct codec *codec;
static struct arena *arena;

static void set_up(void)
{
	codec = fixture_codec(NULL);
	arena = arena_new(1 << 20);
}

static void tear_down(void)
{
	codec_free(codec);
	arena_free(arena);
}

static const char *const mechanisms[] = {"seccomp", "landlock"};
static const struct pair pairs[] = {{"threadId", "t"}, {"n\xC3\xA9", "\"\\\n"}};
static const struct usage usage = {11, 12, -1, 14};
static const struct sandbox_facts facts = {"box", "process", "strict", mechanisms, 2, "cold", 15,
	1, 2, 3, 4, 5, 6, 7};
static const struct error_record failure = {ERROR_EXECUTION_EXIT,
	"Script execution failed with exit code 3", NULL, {pairs, 2}};

static struct result failed_result(void)
{
	return (struct result){.execution_id = "e", .thread_id = "t", .node_id = "n",
		.workflow_id = "w", .status = STATUS_FAILED, .out = "a\0b\n", .out_size = 4,
		.err = "\xE2\x82\xAC", .err_size = 3, .err_truncated = true, .exit_code = 3,
		.error = &failure, .execution_time_ms = 20, .script_type = "shell", .attempt = 2,
		.timestamp_ms = 1700000000000, .queued_ms = 4, .source = fixture_source,
		.usage = &usage, .sandbox = &facts, .worker = "wk", .metadata = {pairs, 2}};
}

/* As JSON, whichever encoding it went through. */
static char *shown(enum encoding encoding, const struct result *result,
	const struct error_event *event)
{
	void *bytes;
	size_t size;
	char *json;
	struct err err = {0};
	int answer = result ? codec_encode_result(codec, encoding, result, &bytes, &size, &err) :
		codec_encode_error(codec, encoding, event, &bytes, &size, &err);
	ck_assert_msg(answer == 0, "%s", err.text);
	if (encoding == ENCODING_AVRO)
		ck_assert_mem_eq(bytes, "\xC3\x01", 2);
	ck_assert_msg(codec_to_json(codec, bytes, size, &json, &err) == 0, "%s", err.text);
	if (encoding == ENCODING_JSON) {
		ck_assert_uint_eq(strlen(json), size);
		ck_assert_mem_eq(json, bytes, size);
	}
	free(bytes);
	return json;
}

static void result_is(const struct result *result, const char *expected)
{
	for (int encoding = ENCODING_JSON; encoding <= ENCODING_AVRO; encoding++) {
		char *json = shown((enum encoding)encoding, result, NULL);
		ck_assert_str_eq(json, expected);
		free(json);
	}
}

static void event_is(const struct error_event *event, const char *expected)
{
	for (int encoding = ENCODING_JSON; encoding <= ENCODING_AVRO; encoding++) {
		char *json = shown((enum encoding)encoding, NULL, event);
		ck_assert_str_eq(json, expected);
		free(json);
	}
}

START_TEST(a_failed_result_has_every_field_of_the_contract)
{
	struct result result = failed_result();
	result_is(&result,
		"{\"executionId\":\"e\",\"threadId\":\"t\",\"nodeId\":\"n\",\"workflowId\":\"w\","
		"\"nodeName\":null,\"tenant\":null,\"replayOf\":null,\"nodeType\":\"CODE\","
		"\"status\":\"FAILED\",\"success\":false,\"stdout\":\"a\\u0000b\\n\","
		"\"stderr\":\"\xE2\x82\xAC\",\"stdoutTruncated\":false,\"stderrTruncated\":true,"
		"\"output\":null,\"exitCode\":3,\"signal\":null,"
		"\"error\":{\"type\":\"ExecutionError\",\"code\":\"execution.exit\","
		"\"message\":\"Script execution failed with exit code 3\",\"field\":null,"
		"\"retryable\":true,"
		"\"hierarchy\":[\"SDKError\",\"ExecutionError\",\"CodeExecutionError\"],"
		"\"details\":{\"threadId\":\"t\",\"n\xC3\xA9\":\"\\\"\\\\\\n\"}},"
		"\"executionTime\":20,\"scriptName\":null,\"scriptType\":\"shell\",\"attempt\":2,"
		"\"timestamp\":1700000000000,\"queuedMs\":4,"
		"\"source\":{\"topic\":\"code.requests\",\"partition\":3,\"offset\":42},"
		"\"usage\":{\"wallMs\":11,\"cpuMs\":12,\"memoryPeakBytes\":null,"
		"\"processesPeak\":14},"
		"\"sandbox\":{\"id\":\"box\",\"isolationType\":\"process\","
		"\"isolationLevel\":\"strict\",\"mechanisms\":[\"seccomp\",\"landlock\"],"
		"\"runtime\":\"cold\",\"createdAt\":15,\"resourceLimits\":{\"wallMs\":1,\"cpuMs\":2,"
		"\"memoryBytes\":3,\"diskBytes\":4,\"processes\":5,\"outputBytes\":6,"
		"\"openFiles\":7}},\"worker\":\"wk\","
		"\"metadata\":{\"threadId\":\"t\",\"n\xC3\xA9\":\"\\\"\\\\\\n\"}}");
}
END_TEST

static json_t *field_of(const char *json, const char *name)
{
	json_t *record = json_loads(json, 0, NULL);
	ck_assert_ptr_nonnull(record);
	json_t *field = json_incref(json_object_get(record, name));
	ck_assert_ptr_nonnull(field);
	json_decref(record);
	return field;
}

START_TEST(a_completed_result_has_no_error_and_a_value)
{
	struct result result = failed_result();
	result.status = STATUS_COMPLETED;
	result.error = NULL;
	result.output = " { \"x\" :\n [1e400, 12345678901234567890] } ";
	for (int encoding = ENCODING_JSON; encoding <= ENCODING_AVRO; encoding++) {
		char *json = shown((enum encoding)encoding, &result, NULL);
		ck_assert_ptr_nonnull(strstr(json, "\"success\":true"));
		ck_assert_ptr_nonnull(strstr(json, "\"error\":null"));
		ck_assert_ptr_nonnull(strstr(json,
			"\"output\":{\"x\":[1e400,12345678901234567890]},"));
		free(json);
	}
}
END_TEST

START_TEST(where_nothing_ran_usage_and_sandbox_are_null)
{
	struct result result = failed_result();
	result.usage = NULL;
	result.sandbox = NULL;
	result.exit_code = -1;
	result.attempt = 0;
	result.out = result.err = NULL;
	result.status = STATUS_SKIPPED;
	result.signal = "SIGSEGV";
	static const char *const parts[] = {"\"usage\":null,\"sandbox\":null", "\"exitCode\":null",
		"\"attempt\":1,", "\"stdout\":\"\",\"stderr\":\"\"", "\"status\":\"SKIPPED\"",
		"\"signal\":\"SIGSEGV\""};
	for (int encoding = ENCODING_JSON; encoding <= ENCODING_AVRO; encoding++) {
		char *json = shown((enum encoding)encoding, &result, NULL);
		for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
			ck_assert_msg(strstr(json, parts[i]), "%s lacks %s", json, parts[i]);
		free(json);
	}
}
END_TEST

START_TEST(an_error_event_has_every_field_of_the_contract)
{
	struct error_event event = {.execution_id = "e", .attempt = 1, .max_attempts = 3,
		.next_attempt_at_ms = 1700000000500, .timestamp_ms = 1700000000000,
		.source = fixture_source, .worker = "wk", .stderr_tail = "tail", .error = failure};
	event.error.code = ERROR_REQUEST_MALFORMED;
	event.error.field = "threadId";
	event.error.details = (struct map){0};
	event_is(&event, "{\"executionId\":\"e\",\"threadId\":null,\"nodeId\":null,"
		"\"workflowId\":null,\"nodeName\":null,\"tenant\":null,\"attempt\":1,"
		"\"maxAttempts\":3,\"final\":false,\"nextAttemptAt\":1700000000500,"
		"\"timestamp\":1700000000000,"
		"\"source\":{\"topic\":\"code.requests\",\"partition\":3,\"offset\":42},"
		"\"worker\":\"wk\",\"stderrTail\":\"tail\","
		"\"error\":{\"type\":\"ValidationError\",\"code\":\"request.malformed\","
		"\"message\":\"Script execution failed with exit code 3\",\"field\":\"threadId\","
		"\"retryable\":false,\"hierarchy\":[\"SDKError\",\"ValidationError\"],"
		"\"details\":{}},\"metadata\":{}}");
	event.is_final = true;
	event.next_attempt_at_ms = REQUEST_TIME_NONE;
	char *json = shown(ENCODING_AVRO, NULL, &event);
	ck_assert_ptr_nonnull(strstr(json, "\"final\":true,\"nextAttemptAt\":null"));
	free(json);
	event.error.code = ERROR_UNEXPECTED;
	event.error.never_retried = true;
	json = shown(ENCODING_JSON, NULL, &event);
	ck_assert_ptr_nonnull(strstr(json, "\"retryable\":false"));
	free(json);
}
END_TEST

START_TEST(text_that_is_not_utf8_is_mended_on_the_way_out)
{
	struct result result = failed_result();
	result.out = "a\xFFz";
	result.out_size = 3;
	for (int encoding = ENCODING_JSON; encoding <= ENCODING_AVRO; encoding++) {
		char *json = shown((enum encoding)encoding, &result, NULL);
		json_t *out = field_of(json, "stdout");
		ck_assert_str_eq(json_string_value(out), "a\xEF\xBF\xBDz");
		json_decref(out);
		free(json);
	}
	void *bytes;
	size_t size;
	struct err err;
	ck_assert_int_eq(codec_encode_result(codec, ENCODING_AVRO, &result, &bytes, &size, &err), 0);
	ck_assert_ptr_nonnull(memmem(bytes, size, "\x0A" "a\xEF\xBF\xBDz", 6));
	free(bytes);
}
END_TEST

START_TEST(an_output_that_is_not_json_becomes_a_string)
{
	struct result result = failed_result();
	result.output = "{\"x\":";
	char *json = shown(ENCODING_JSON, &result, NULL);
	ck_assert_ptr_nonnull(strstr(json, "\"output\":\"{\\\"x\\\":\","));
	free(json);
}
END_TEST

START_TEST(every_byte_of_a_string_survives)
{
	char text[256 * 2];
	size_t size = 0;
	for (unsigned i = 0; i < 256; i++) {
		if (i >= 0x80)
			text[size++] = (char)(0xC0 | i >> 6);
		text[size++] = (char)(i >= 0x80 ? 0x80 | (i & 0x3F) : i);
	}
	struct result result = failed_result();
	result.out = text;
	result.out_size = size;
	for (int encoding = ENCODING_JSON; encoding <= ENCODING_AVRO; encoding++) {
		void *bytes;
		size_t bytes_size;
		char *json;
		struct err err = {0};
		ck_assert_int_eq(codec_encode_result(codec, (enum encoding)encoding, &result, &bytes,
			&bytes_size, &err), 0);
		ck_assert_int_eq(codec_to_json(codec, bytes, bytes_size, &json, &err), 0);
		json_t *record = json_loads(json, JSON_ALLOW_NUL, NULL);
		json_t *out = json_object_get(record, "stdout");
		ck_assert_uint_eq(json_string_length(out), size);
		ck_assert_mem_eq(json_string_value(out), text, size);
		json_decref(record);
		free(json);
		free(bytes);
	}
}
END_TEST

START_TEST(a_request_comes_back_the_same_in_both_encodings)
{
	static const char json[] = "{\"executionId\":\"e\",\"threadId\":\"th\",\"nodeId\":\"no\","
		"\"workflowId\":\"w\",\"nodeName\":\"nn\",\"tenant\":\"te\",\"scriptType\":\"python\","
		"\"scriptName\":\"a.py\",\"code\":\"x\\n\",\"inline\":true,\"risk\":\"low\","
		"\"timeoutMs\":5,\"retries\":2,\"retryDelayMs\":7,\"input\":{\"a\":1e400},"
		"\"context\":\"c\",\"environment\":{\"B\":\"2\",\"A\":\"\"},"
		"\"workingDirectory\":\"d\",\"limits\":{\"cpuMs\":1,\"diskBytes\":3},"
		"\"deadline\":1700000000000,\"metadata\":{\"k\":\"v\"},\"replayOf\":\"o\"}";
	struct reading_result first = fixture_read_text(codec, json);
	ck_assert_int_eq(first.answer, 0);
	for (int encoding = ENCODING_JSON; encoding <= ENCODING_AVRO; encoding++) {
		void *bytes, *again;
		size_t size;
		struct err err = {0};
		ck_assert_int_eq(codec_encode_request(codec, (enum encoding)encoding, first.request,
			&bytes, &size, &err), 0);
		struct reading_result second = fixture_read(codec, bytes, size);
		ck_assert_int_eq(second.answer, 0);
		ck_assert_int_eq(second.request->encoding, encoding);
		free(bytes);
		ck_assert_int_eq(codec_encode_request(codec, ENCODING_JSON, second.request, &again,
			&size, &err), 0);
		ck_assert_uint_eq(size, strlen(json));
		ck_assert_mem_eq(again, json, size);
		free(again);
		arena_free(second.request->arena);
	}
	arena_free(first.request->arena);
}
END_TEST

START_TEST(writing_for_a_registry_says_what_is_missing)
{
	struct result result = failed_result();
	void *bytes;
	size_t size;
	struct err err = {0};
	ck_assert_int_eq(codec_encode_result(codec, ENCODING_CONFLUENT, &result, &bytes, &size,
		&err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "registry.url"));
}
END_TEST

static void shows(const char *value, size_t size, const char *expected)
{
	char *json;
	struct err err = {0};
	ck_assert_msg(codec_to_json(codec, value, size, &json, &err) == 0, "%s", err.text);
	ck_assert_str_eq(json, expected);
	free(json);
}

static void shows_not(const char *value, size_t size, const char *cause)
{
	char *json;
	struct err err = {0};
	ck_assert_int_eq(codec_to_json(codec, value, size, &json, &err), -1);
	ck_assert_msg(strstr(err.text, cause), "\"%s\" lacks \"%s\"", err.text, cause);
}

START_TEST(json_is_shown_in_one_line_as_it_was_written)
{
	static const char text[] = " {\n\t\"a b\" : [ 1e400 , \" x \\\" y \" ] }\r\n";
	shows(text, sizeof text - 1, "{\"a b\":[1e400,\" x \\\" y \"]}");
}
END_TEST

START_TEST(a_control_record_is_shown)
{
	static const char text[] = "\xC3\x01\x16\xdc\xa3\xed\xf4\x76\x7b\xbf"
		"\x0C" "cancel" "\x00" "\x02\x04" "th" "\x00" "\x02\x64";
	shows(text, sizeof text - 1, "{\"action\":\"cancel\",\"executionId\":null,"
		"\"threadId\":\"th\",\"nodeId\":null,\"issuedAt\":50}");
}
END_TEST

START_TEST(what_can_not_be_shown_is_explained)
{
	shows_not(NULL, 0, "null");
	shows_not("", 0, "empty");
	shows_not("{\"a\":}", 6, "not JSON: not a JSON value (byte 5)");
	shows_not("{\"\xFF\":1}", 7, "not UTF-8");
	shows_not("hello", 5, "neither Avro");
	shows_not("\xC3\x01gggggggg", 10, "not in schemas.path");
	shows_not("\0\0\0\0\1xx", 7, "registry.url");
	shows_not("\xC3\x01\x16\xdc\xa3\xed\xf4\x76\x7b\xbf\x0C" "can", 14, "beyond the end");
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_failed_result_has_every_field_of_the_contract);
	tcase_add_test(tests, a_completed_result_has_no_error_and_a_value);
	tcase_add_test(tests, where_nothing_ran_usage_and_sandbox_are_null);
	tcase_add_test(tests, an_error_event_has_every_field_of_the_contract);
	tcase_add_test(tests, text_that_is_not_utf8_is_mended_on_the_way_out);
	tcase_add_test(tests, an_output_that_is_not_json_becomes_a_string);
	tcase_add_test(tests, every_byte_of_a_string_survives);
	tcase_add_test(tests, a_request_comes_back_the_same_in_both_encodings);
	tcase_add_test(tests, writing_for_a_registry_says_what_is_missing);
	tcase_add_test(tests, json_is_shown_in_one_line_as_it_was_written);
	tcase_add_test(tests, a_control_record_is_shown);
	tcase_add_test(tests, what_can_not_be_shown_is_explained);
}

int main(void)
{
	return fixture_run("codec_encode", add);
}
