/* test_codec_json.c: requests in JSON, good, bad and hostile. */
#include "codec_fixture.h"

static struct codec *codec;

static void set_up(void)
{
	codec = fixture_codec(NULL);
}

static void tear_down(void)
{
	codec_free(codec);
}

static struct request *reads(const char *text)
{
	struct reading_result r = fixture_read_text(codec, text);
	ck_assert_msg(r.answer == 0, "%s: %s (%s)", r.malformed.field, r.malformed.message, text);
	ck_assert_int_eq(r.request->encoding, ENCODING_JSON);
	return r.request;
}

static void refuses(const char *text, const char *field, const char *message)
{
	fixture_refused_text(codec, text, field, message);
}

START_TEST(a_short_request_gets_the_contracts_defaults)
{
	struct request *r = reads(" \t\r\n" REQUEST_WITH("") "\n");
	ck_assert_str_eq(r->execution_id, "code.requests-3-42");
	ck_assert_str_eq(r->thread_id, "t");
	ck_assert_str_eq(r->node_id, "n");
	ck_assert_ptr_null(r->workflow_id);
	ck_assert_ptr_null(r->node_name);
	ck_assert_ptr_null(r->tenant);
	ck_assert_str_eq(r->script_type, "shell");
	ck_assert_ptr_null(r->script_name);
	ck_assert_str_eq(r->code, "true");
	ck_assert_uint_eq(r->code_size, 4);
	ck_assert(r->is_inline);
	ck_assert_int_eq(r->risk, RISK_HIGH);
	ck_assert_int_eq(r->timeout_ms, 0);
	ck_assert_int_eq(r->retries, 0);
	ck_assert_int_eq(r->retry_delay_ms, 1000);
	ck_assert_ptr_null(r->input);
	ck_assert_ptr_null(r->context);
	ck_assert_uint_eq(r->environment.count, 0);
	ck_assert_ptr_null(r->working_directory);
	ck_assert_int_eq(r->limits.cpu_ms, -1);
	ck_assert_int_eq(r->limits.output_bytes, -1);
	ck_assert(r->deadline_ms == REQUEST_TIME_NONE);
	ck_assert_uint_eq(r->metadata.count, 0);
	ck_assert_ptr_null(r->replay_of);
	arena_free(r->arena);
}
END_TEST

START_TEST(every_field_is_read)
{
	struct request *r = reads("{\"executionId\":\"e\",\"threadId\":\"th\",\"nodeId\":\"no\","
		"\"workflowId\":\"w\",\"nodeName\":\"nn\",\"tenant\":\"te\",\"scriptType\":\"python\","
		"\"scriptName\":\"a.py\",\"code\":\"print('\\u00e9\\n')\",\"inline\":true,"
		"\"risk\":\"low\",\"timeoutMs\":5,\"retries\":2,\"retryDelayMs\":7,"
		"\"input\":{\"a\":1},\"context\":[2],\"environment\":{\"B\":\"2\",\"A\":\"\"},"
		"\"workingDirectory\":\"d\",\"limits\":{\"cpuMs\":1,\"memoryBytes\":2,\"diskBytes\":3,"
		"\"processes\":4,\"outputBytes\":5},\"deadline\":1700000000000,"
		"\"metadata\":{\"k\":\"v\"},\"replayOf\":\"o\"}");
	ck_assert_str_eq(r->execution_id, "e");
	ck_assert_str_eq(r->workflow_id, "w");
	ck_assert_str_eq(r->node_name, "nn");
	ck_assert_str_eq(r->tenant, "te");
	ck_assert_str_eq(r->script_name, "a.py");
	ck_assert_str_eq(r->code, "print('\xC3\xA9\n')");
	ck_assert_uint_eq(r->code_size, strlen(r->code));
	ck_assert_int_eq(r->risk, RISK_LOW);
	ck_assert_int_eq(r->timeout_ms, 5);
	ck_assert_int_eq(r->retries, 2);
	ck_assert_int_eq(r->retry_delay_ms, 7);
	ck_assert_str_eq(r->input, "{\"a\":1}");
	ck_assert_str_eq(r->context, "[2]");
	ck_assert_uint_eq(r->environment.count, 2);
	ck_assert_str_eq(r->environment.pairs[0].name, "B");
	ck_assert_str_eq(r->environment.pairs[1].value, "");
	ck_assert_str_eq(r->working_directory, "d");
	ck_assert_int_eq(r->limits.cpu_ms, 1);
	ck_assert_int_eq(r->limits.memory_bytes, 2);
	ck_assert_int_eq(r->limits.disk_bytes, 3);
	ck_assert_int_eq(r->limits.processes, 4);
	ck_assert_int_eq(r->limits.output_bytes, 5);
	ck_assert_int_eq(r->deadline_ms, 1700000000000);
	ck_assert_str_eq(r->metadata.pairs[0].value, "v");
	ck_assert_str_eq(r->replay_of, "o");
	arena_free(r->arena);
}
END_TEST

START_TEST(null_stands_for_the_default)
{
	struct request *r = reads(REQUEST_WITH(",\"executionId\":null,\"workflowId\":null,"
		"\"scriptName\":null,\"inline\":null,\"risk\":null,\"timeoutMs\":null,"
		"\"retries\":null,\"retryDelayMs\":null,\"input\":null,\"context\":null,"
		"\"environment\":null,\"limits\":null,\"deadline\":null,\"metadata\":null,"
		"\"replayOf\":null,\"config\":null"));
	ck_assert_str_eq(r->execution_id, "code.requests-3-42");
	ck_assert_int_eq(r->risk, RISK_HIGH);
	ck_assert_int_eq(r->retry_delay_ms, 1000);
	ck_assert_ptr_null(r->input);
	ck_assert(r->is_inline);
	arena_free(r->arena);
	r = reads(REQUEST_WITH(",\"limits\":{\"cpuMs\":null,\"processes\":3}"));
	ck_assert_int_eq(r->limits.cpu_ms, -1);
	ck_assert_int_eq(r->limits.processes, 3);
	arena_free(r->arena);
	refuses("{\"threadId\":null,\"nodeId\":\"n\",\"scriptType\":\"x\",\"code\":\"\"}",
		"threadId", "missing");
}
END_TEST

START_TEST(input_keeps_the_text_it_was_written_as)
{
	struct request *r = reads(REQUEST_WITH(",\"input\": {\"a\": 12345678901234567890, "
		"\"a\":1e400, \"n\":\"\\u0000\"} ,\"context\":\"text\""));
	ck_assert_str_eq(r->input, "{\"a\": 12345678901234567890, \"a\":1e400, \"n\":\"\\u0000\"}");
	ck_assert_str_eq(r->context, "\"text\"");
	arena_free(r->arena);
	r = reads(REQUEST_WITH(",\"input\":-1.50,\"context\":false"));
	ck_assert_str_eq(r->input, "-1.50");
	ck_assert_str_eq(r->context, "false");
	arena_free(r->arena);
}
END_TEST

START_TEST(unknown_fields_are_ignored_whatever_they_hold)
{
	struct request *r = reads(REQUEST_WITH(",\"new\":{\"x\":1e999,\"x\":[-1,\"\\u0000\"]},"
		"\"limits\":{\"gpus\":-1e999}"));
	arena_free(r->arena);
}
END_TEST

START_TEST(what_is_missing_is_named)
{
	refuses("{}", "threadId", "missing");
	refuses("{\"nodeId\":\"n\",\"scriptType\":\"x\",\"code\":\"\"}", "threadId", "missing");
	refuses("{\"threadId\":\"t\",\"scriptType\":\"x\",\"code\":\"\"}", "nodeId", "missing");
	refuses("{\"threadId\":\"t\",\"nodeId\":\"n\",\"code\":\"\"}", "scriptType", "missing");
	refuses("{\"threadId\":\"\",\"nodeId\":\"n\",\"scriptType\":\"x\",\"code\":\"\"}",
		"threadId", "empty");
	refuses("{\"threadId\":\"t\",\"nodeId\":\"n\",\"scriptType\":\"x\"}", "code", "missing");
	refuses("{\"threadId\":\"t\",\"nodeId\":\"n\",\"scriptType\":\"x\",\"inline\":true,"
		"\"scriptName\":\"s\"}", "code", "missing although inline");
	refuses(REQUEST_WITH(",\"inline\":false"), "scriptName", "missing although inline");
}
END_TEST

START_TEST(a_wrong_type_is_named)
{
	static const struct {
		const char *members, *field, *message;
	} rows[] = {
		{",\"executionId\":1", "executionId", "a string"},
		{",\"workflowId\":[]", "workflowId", "a string"},
		{",\"scriptName\":{}", "scriptName", "a string"},
		{",\"inline\":\"true\"", "inline", "true or false"},
		{",\"risk\":2", "risk", "a string"},
		{",\"risk\":\"HIGH\"", "risk", "none, low, medium, high"},
		{",\"timeoutMs\":\"soon\"", "timeoutMs", "whole number"},
		{",\"timeoutMs\":1.5", "timeoutMs", "whole number"},
		{",\"timeoutMs\":-1", "timeoutMs", "negative"},
		{",\"timeoutMs\":9007199254740992", "timeoutMs", "2^53-1"},
		{",\"timeoutMs\":99999999999999999999", "timeoutMs", "too large"},
		{",\"retries\":-1", "retries", "negative"},
		{",\"retries\":true", "retries", "whole number"},
		{",\"retryDelayMs\":1e400", "retryDelayMs", "too large"},
		{",\"environment\":[]", "environment", "map of strings"},
		{",\"environment\":{\"FOO\":1}", "environment.FOO", "a string"},
		{",\"environment\":{\"FOO\":null}", "environment.FOO", "a string"},
		{",\"environment\":{\"A=B\":\"\"}", "environment.A=B", "="},
		{",\"environment\":{\"\":\"\"}", "environment.", "empty"},
		{",\"limits\":7", "limits", "an object"},
		{",\"limits\":{\"cpuMs\":\"1\"}", "limits.cpuMs", "whole number"},
		{",\"limits\":{\"cpuMs\":-1}", "limits.cpuMs", "negative"},
		{",\"deadline\":\"2024-01-01\"", "deadline", "whole number"},
		{",\"deadline\":-5", "deadline", "negative"},
		{",\"metadata\":{\"k\":{}}", "metadata.k", "a string"},
		{",\"workingDirectory\":0", "workingDirectory", "a string"},
		{",\"config\":[]", "config", "an object"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[500];
		snprintf(text, sizeof text, REQUEST_WITH("%s"), rows[i].members);
		refuses(text, rows[i].field, rows[i].message);
	}
	refuses("{\"threadId\":\"t\",\"nodeId\":\"n\",\"scriptType\":\"x\",\"code\":1}", "code",
		"a string");
}
END_TEST

START_TEST(a_whole_number_may_be_written_with_a_point)
{
	struct request *r = reads(REQUEST_WITH(",\"timeoutMs\":1.5e3,\"retries\":2.0,"
		"\"retryDelayMs\":9007199254740991"));
	ck_assert_int_eq(r->timeout_ms, 1500);
	ck_assert_int_eq(r->retries, 2);
	ck_assert_int_eq(r->retry_delay_ms, 9007199254740991);
	arena_free(r->arena);
}
END_TEST

START_TEST(a_field_given_twice_is_named)
{
	refuses(REQUEST_WITH(",\"risk\":\"low\",\"risk\":\"low\""), "risk", "twice");
	refuses(REQUEST_WITH(",\"risk\":\"low\",\"ri\\u0073k\":\"low\""), "risk", "twice");
	refuses(REQUEST_WITH(",\"x\":1,\"x\":1"), "x", "twice");
	refuses(REQUEST_WITH(",\"environment\":{\"A\":\"\",\"A\":\"\"}"), "environment.A", "twice");
	refuses(REQUEST_WITH(",\"metadata\":{\"A\":\"\",\"A\":\"\"}"), "metadata.A", "twice");
	refuses(REQUEST_WITH(",\"limits\":{\"cpuMs\":1,\"cpuMs\":2}"), "limits.cpuMs", "twice");
	refuses(REQUEST_WITH(",\"config\":{\"x\":1,\"x\":2}"), "config.x", "twice");
}
END_TEST

START_TEST(nul_characters_are_refused_by_name)
{
	refuses("{\"threadId\":\"a\\u0000b\"}", "threadId", "NUL");
	refuses(REQUEST_WITH(",\"tenant\":\"\\u0000\""), "tenant", "NUL");
	refuses(REQUEST_WITH(",\"environment\":{\"A\":\"\\u0000\"}"), "environment.A", "NUL");
	refuses(REQUEST_WITH(",\"environment\":{\"A\\u0000B\":\"\"}"), "environment.A", "NUL");
	refuses(REQUEST_WITH(",\"metadata\":{\"A\":\"x\\u0000\"}"), "metadata.A", "NUL");
	refuses("{\"threadId\":\"t\",\"nodeId\":\"n\",\"scriptType\":\"x\",\"code\":\"\\u0000\"}",
		"code", "NUL");
}
END_TEST

START_TEST(what_is_not_utf8_is_named)
{
	refuses("{\"threadId\":\"\xFF\",\"nodeId\":\"n\"}", "threadId", "UTF-8");
	refuses(REQUEST_WITH(",\"input\":[\"\xC0\x80\"]"), "input", "UTF-8");
	refuses(REQUEST_WITH(",\"new\":\"\xED\xA0\x80\""), "new", "UTF-8");
	refuses(REQUEST_WITH(",\"\xFF\":1"), "value", "UTF-8");
	refuses(REQUEST_WITH(",\"tenant\":\"\\n\xFF\""), "tenant", "UTF-8");
	refuses("\xFF\xFE{}", "value", "neither Avro");
	refuses("\xEF\xBB\xBF" REQUEST_WITH(""), "value", "byte-order mark");
}
END_TEST

START_TEST(broken_json_is_refused_with_the_place)
{
	refuses("{", "value", "ends early (byte 1)");
	refuses("{\"a\" 1}", "value", "a colon is missing (byte 5)");
	refuses(REQUEST_WITH("") "x", "value", "something follows");
	refuses(REQUEST_WITH("") REQUEST_WITH(""), "value", "something follows");
	refuses("{\"a\":01}", "value", "a comma or } is missing");
	refuses("{\"a\":1,}", "value", "a name in quotes");
	refuses("{\"a\":[1,]}", "value", "not a JSON value");
	refuses("{\"a\":nul}", "value", "not a JSON value");
	refuses("{\"a\":\"\\x\"}", "value", "an unknown escape");
	refuses("{\"a\":\"\\ud800\"}", "value", "surrogate");
	refuses("{\"a\":\"\\udc00\"}", "value", "surrogate");
	refuses("{\"a\":\"\\ud83d\\u0041\"}", "value", "surrogate");
	refuses("{\"a\":\"\\ud83d\\ue000\"}", "value", "surrogate");
	refuses("{\"a\":\"\\u12g4\"}", "value", "hexadecimal");
	refuses("{\"a\":\"\n\"}", "value", "control character");
	refuses("{'a':1}", "value", "a name in quotes");
	refuses("{\"a\":1.}", "value", "a digit is missing");
	refuses("{\"a\":NaN}", "value", "not a JSON value");
	refuses("[]", "value", "nor a JSON object");
	refuses("\"x\"", "value", "nor a JSON object");
	refuses("hello", "value", "nor a JSON object");
	refuses("   ", "value", "nor a JSON object");
	fixture_refused(codec, "{}\0", 3, "value", "something follows");
}
END_TEST

START_TEST(a_null_or_empty_value_is_refused)
{
	struct request *request;
	struct malformed malformed;
	struct err err;
	ck_assert_int_eq(codec_decode_request(codec, NULL, 0, &fixture_source, &request,
		&malformed, &err), 1);
	ck_assert_str_eq(malformed.field, "value");
	ck_assert_str_eq(malformed.message, "value: is null");
	arena_free(request->arena);
	fixture_refused(codec, "", 0, "value", "is empty");
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	static const char text[] = REQUEST_WITH(",\"input\":[1.5e3,true,{\"a\":\"\\u00e9\\ud83d\\ude00"
		"\"}],\"environment\":{\"A\":\"b\"},\"limits\":{\"cpuMs\":5},\"deadline\":17");
	for (size_t size = 0; size < sizeof text - 1; size++) {
		struct reading_result r = fixture_read(codec, text, size);
		ck_assert_msg(r.answer == 1, "%zu", size);
		arena_free(r.request->arena);
	}
}
END_TEST

static char *nested(size_t depth, char open, char close)
{
	static const char head[] = "{\"threadId\":\"t\",\"nodeId\":\"n\",\"scriptType\":\"x\","
		"\"code\":\"\",\"input\":";
	char *text = malloc(sizeof head + 2 * depth + 2);
	ck_assert_ptr_nonnull(text);
	memcpy(text, head, sizeof head - 1);
	memset(text + sizeof head - 1, open, depth);
	memset(text + sizeof head - 1 + depth, close, depth);
	strcpy(text + sizeof head - 1 + 2 * depth, "}");
	return text;
}

static void refuses_directory(const char *path, const char *risk, const char *message)
{
	char text[1024];
	snprintf(text, sizeof text, REQUEST_WITH(",\"workingDirectory\":\"%s\",\"risk\":\"%s\""),
		path, risk);
	if (message)
		refuses(text, "workingDirectory", message);
	else
		arena_free(reads(text)->arena);
}

START_TEST(a_working_directory_stays_inside)
{
	char name[257];
	memset(name, 'd', sizeof name);
	name[256] = '\0';
	refuses_directory(name, "high", "256 bytes");
	name[255] = '\0';
	refuses_directory(name, "high", NULL);
	refuses_directory("/etc", "low", "absolute");
	refuses_directory("/etc", "high", "absolute");
	refuses_directory("a/..", "none", "'..'");
	refuses_directory("../x", "high", "'..'");
	refuses_directory("a/..b/...", "high", NULL);
	refuses_directory("../x", "low", NULL);		/* the path rule's */
	refuses_directory("../x", "medium", NULL);
}
END_TEST

/* A request with count variables V0, V1, ... of so many bytes each. */
static char *with_variables(size_t count, int bytes)
{
	char *text = malloc(count * ((size_t)bytes + 32) + 200);
	ck_assert_ptr_nonnull(text);
	char *at = text + sprintf(text, "{\"threadId\":\"t\",\"nodeId\":\"n\",\"scriptType\":"
		"\"shell\",\"code\":\"\",\"environment\":{");
	for (size_t i = 0; i < count; i++)
		at += sprintf(at, "%s\"V%zu\":\"%0*d\"", i ? "," : "", i, bytes, 0);
	strcpy(at, "}}");
	return text;
}

static void variables(size_t count, int bytes, const char *message)
{
	char *text = with_variables(count, bytes);
	if (message)
		refuses(text, "environment", message);
	else
		arena_free(reads(text)->arena);
	free(text);
}

START_TEST(an_environment_is_what_a_program_can_be_given)
{
	variables(1000, 1, NULL);
	variables(1001, 1, "environment: has 1001 variables");
	variables(1, 131068, NULL);
	variables(1, 131069, "131072 bytes in one variable");
	variables(8, 131068, NULL);
	variables(9, 131068, "at most 1048576");
}
END_TEST

START_TEST(what_is_too_large_is_not_in_the_answer)
{
	char *text = malloc(300000);
	ck_assert_ptr_nonnull(text);
	sprintf(text, REQUEST_WITH(",\"metadata\":{\"m\":\"%070000d\"},\"scriptName\":\"%05000d\","
		"\"workflowId\":\"%02000d\",\"risk\":\"grave\""), 0, 0, 0);
	struct reading_result r = fixture_read_text(codec, text);
	ck_assert_int_eq(r.answer, 1);
	ck_assert_str_eq(r.malformed.thread_id, "t");
	ck_assert_uint_eq(r.request->metadata.count, 0);
	ck_assert_ptr_null(r.request->script_name);
	ck_assert_ptr_null(r.request->workflow_id);
	arena_free(r.request->arena);
	free(text);
}
END_TEST

START_TEST(the_message_names_the_field)
{
	refuses(REQUEST_WITH(",\"retries\":-1"), "retries", "retries: must not be negative");
	refuses("", "value", "value: is empty");
	refuses("{", "value", "value: can't be read as JSON");
}
END_TEST

START_TEST(deep_nesting_is_refused_and_shallow_is_not)
{
	char *text = nested(511, '[', ']');
	arena_free(reads(text)->arena);
	free(text);
	text = nested(512, '[', ']');
	refuses(text, "input", "too deep");
	free(text);
	text = nested(1000000, '[', ' ');
	refuses(text, "input", "too deep");
	free(text);
}
END_TEST

static char *with_string(const char *field, size_t size)
{
	char *text = malloc(size + 200);
	ck_assert_ptr_nonnull(text);
	int head = sprintf(text, "{\"%s\":\"", field);
	memset(text + head, 'x', size);
	strcpy(text + head + size, "\",\"scriptType\":\"s\",\"code\":\"\","
		"\"threadId\":\"t\",\"nodeId\":\"n\"}");
	return text;
}

START_TEST(ids_and_metadata_have_their_bounds)
{
	static const char *const ids[] = {"executionId", "workflowId", "nodeName", "tenant",
		"replayOf"};
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		char *text = with_string(ids[i], 1024);
		arena_free(reads(text)->arena);
		free(text);
		text = with_string(ids[i], 1025);
		refuses(text, ids[i], "1025 bytes");
		free(text);
	}
	char *text = with_string("metadata\":{\"k", 65536);
	char *at = strstr(text, "metadata\":{\"k\":\"");
	ck_assert_ptr_nonnull(at);
	*strstr(at + 20, "\",\"scriptType") = '"';
	char *cut = strstr(at + 20, "\",\"scriptType");
	memmove(cut + 2, cut + 1, strlen(cut));
	cut[1] = '}';
	refuses(text, "metadata", "65537 bytes");
	memmove(at + 16, at + 17, strlen(at + 16));
	arena_free(reads(text)->arena);
	free(text);
	text = with_string("scriptName", 4097);
	refuses(text, "scriptName", "4097 bytes");
	free(text);
}
END_TEST

START_TEST(what_could_be_read_of_a_bad_request_is_given)
{
	struct reading_result r = fixture_read_text(codec, "{\"risk\":7,\"executionId\":\"e\","
		"\"nodeId\":\"n\",\"threadId\":\"t\"}");
	ck_assert_int_eq(r.answer, 1);
	ck_assert_str_eq(r.malformed.field, "risk");
	ck_assert_str_eq(r.malformed.execution_id, "e");
	ck_assert_str_eq(r.malformed.thread_id, "t");
	ck_assert_str_eq(r.malformed.node_id, "n");
	arena_free(r.request->arena);
	r = fixture_read_text(codec, "{\"executionId\":1,\"nodeId\":\"\",\"threadId\":\"t\"}");
	ck_assert_str_eq(r.malformed.field, "executionId");
	ck_assert_ptr_null(r.malformed.execution_id);
	ck_assert_str_eq(r.malformed.thread_id, "t");
	ck_assert_ptr_null(r.malformed.node_id);
	arena_free(r.request->arena);
	r = fixture_read_text(codec, "{\"a\":1,\"a\":1,\"threadId\":\"t\",\"nodeId\":\"n\","
		"\"threadId\":\"u\"}");
	ck_assert_ptr_null(r.malformed.thread_id);
	ck_assert_str_eq(r.malformed.node_id, "n");
	arena_free(r.request->arena);
	r = fixture_read_text(codec, "{\"threadId\":\"t\",\"nodeId\":\"n\",\"x\":\"\xFF\"}");
	ck_assert_str_eq(r.malformed.thread_id, "t");
	arena_free(r.request->arena);
}
END_TEST

#define CONFIG(members) "{\"threadId\":\"t\",\"nodeId\":\"n\",\"config\":{" members "}}"

START_TEST(the_sdks_config_is_understood)
{
	struct request *r = reads("{\"threadId\":\"t\",\"nodeId\":\"n\",\"config\":{"
		"\"scriptName\":\"a.py\",\"scriptType\":\"python\",\"risk\":\"medium\","
		"\"timeout\":1.5,\"retries\":2,\"retryDelay\":0.25,\"inline\":false,"
		"\"label\":\"L\",\"deep\":{\"x\": [1e400]},\"no\":null},"
		"\"input\":{\"a\":1},\"metadata\":{\"label\":\"mine\",\"m\":\"1\"}}");
	ck_assert_str_eq(r->script_name, "a.py");
	ck_assert_str_eq(r->script_type, "python");
	ck_assert_ptr_null(r->code);
	ck_assert(!r->is_inline);
	ck_assert_int_eq(r->risk, RISK_MEDIUM);
	ck_assert_int_eq(r->timeout_ms, 1500);
	ck_assert_int_eq(r->retries, 2);
	ck_assert_int_eq(r->retry_delay_ms, 250);
	ck_assert_str_eq(r->input, "{\"a\":1}");
	ck_assert_uint_eq(r->metadata.count, 4);
	ck_assert_str_eq(r->metadata.pairs[0].value, "mine");
	ck_assert_str_eq(r->metadata.pairs[2].name, "deep");
	ck_assert_str_eq(r->metadata.pairs[2].value, "{\"x\": [1e400]}");
	ck_assert_str_eq(r->metadata.pairs[3].value, "null");
	arena_free(r->arena);
}
END_TEST

START_TEST(an_inline_config_may_have_its_source_in_script_name)
{
	struct request *r = reads(CONFIG("\"scriptType\":\"python\",\"inline\":true,"
		"\"scriptName\":\"print(1)\""));
	ck_assert_str_eq(r->code, "print(1)");
	ck_assert_uint_eq(r->code_size, 8);
	ck_assert_ptr_null(r->script_name);
	ck_assert(r->is_inline);
	arena_free(r->arena);
	r = reads(CONFIG("\"scriptType\":\"x\",\"inline\":true,\"scriptName\":\"s\",\"code\":\"c\""));
	ck_assert_str_eq(r->code, "c");
	ck_assert_str_eq(r->script_name, "s");
	arena_free(r->arena);
}
END_TEST

START_TEST(a_config_at_fault_is_named)
{
	refuses(CONFIG(""), "scriptType", "missing");
	refuses(CONFIG("\"scriptType\":\"x\""), "code", "missing");
	refuses(CONFIG("\"scriptType\":\"x\",\"inline\":true"), "code", "missing");
	refuses(CONFIG("\"scriptType\":\"x\",\"code\":\"\",\"timeout\":\"1\""), "config.timeout",
		"number of seconds");
	refuses(CONFIG("\"scriptType\":\"x\",\"code\":\"\",\"timeout\":-0.1"), "config.timeout",
		"negative");
	refuses(CONFIG("\"scriptType\":\"x\",\"code\":\"\",\"retryDelay\":1e300"),
		"config.retryDelay", "2^53-1");
	refuses(CONFIG("\"scriptType\":\"x\",\"code\":\"\",\"u\":\"\\u0000\""), "config.u", "NUL");
}
END_TEST

START_TEST(seconds_are_rounded_but_never_to_nothing)
{
	static const struct {
		const char *seconds;
		int64_t ms;
	} rows[] = {{"0", 0}, {"0.0", 0}, {"0.0001", 1}, {"1", 1000}, {"1.001", 1001},
		{"4.35", 4350}, {"2e1", 20000}, {"9007199254740", 9007199254740000}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[300];
		snprintf(text, sizeof text, CONFIG("\"scriptType\":\"x\",\"code\":\"\",\"timeout\":%s"),
			rows[i].seconds);
		struct request *r = reads(text);
		ck_assert_int_eq(r->timeout_ms, rows[i].ms);
		arena_free(r->arena);
	}
}
END_TEST

/* A few bytes a variable, and each costs more than its bytes: the bound must be the end. */
START_TEST(many_small_variables_hit_the_bound_and_not_the_machine)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyzABCDEF";
	size_t count = 1 << 20, size = 0;
	char *text = malloc(count * 12 + 100);
	ck_assert_ptr_nonnull(text);
	size += (size_t)sprintf(text, "{\"environment\":{\"-\":\"\"");
	for (size_t i = 0; i < count; i++)
		size += (size_t)sprintf(text + size, ",\"%c%c%c%c\":\"\"", digits[i & 31],
			digits[i >> 5 & 31], digits[i >> 10 & 31],
			digits[i >> 15 & 31]);
	size += (size_t)sprintf(text + size, "}}");
	fixture_refused(codec, text, size, "value", "more memory");
	free(text);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_short_request_gets_the_contracts_defaults);
	tcase_add_test(tests, every_field_is_read);
	tcase_add_test(tests, null_stands_for_the_default);
	tcase_add_test(tests, input_keeps_the_text_it_was_written_as);
	tcase_add_test(tests, unknown_fields_are_ignored_whatever_they_hold);
	tcase_add_test(tests, what_is_missing_is_named);
	tcase_add_test(tests, a_wrong_type_is_named);
	tcase_add_test(tests, a_whole_number_may_be_written_with_a_point);
	tcase_add_test(tests, a_field_given_twice_is_named);
	tcase_add_test(tests, nul_characters_are_refused_by_name);
	tcase_add_test(tests, what_is_not_utf8_is_named);
	tcase_add_test(tests, broken_json_is_refused_with_the_place);
	tcase_add_test(tests, a_null_or_empty_value_is_refused);
	tcase_add_test(tests, every_truncation_is_refused);
	tcase_add_test(tests, a_working_directory_stays_inside);
	tcase_add_test(tests, an_environment_is_what_a_program_can_be_given);
	tcase_add_test(tests, what_is_too_large_is_not_in_the_answer);
	tcase_add_test(tests, the_message_names_the_field);
	tcase_add_test(tests, deep_nesting_is_refused_and_shallow_is_not);
	tcase_add_test(tests, ids_and_metadata_have_their_bounds);
	tcase_add_test(tests, what_could_be_read_of_a_bad_request_is_given);
	tcase_add_test(tests, the_sdks_config_is_understood);
	tcase_add_test(tests, an_inline_config_may_have_its_source_in_script_name);
	tcase_add_test(tests, a_config_at_fault_is_named);
	tcase_add_test(tests, seconds_are_rounded_but_never_to_nothing);
	tcase_add_test(tests, many_small_variables_hit_the_bound_and_not_the_machine);
}

int main(void)
{
	return fixture_run("codec_json", add);
}
