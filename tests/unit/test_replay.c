/* test_replay.c: the parts of replay that decide: ids, chains, filters, dead letters, differences. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/codec/dead_letter.h"
#include "../../worker/replay/replay_chains.h"
#include "../../worker/replay/replay_filter.h"
#include "../../worker/replay/replay_id.h"
#include "../../worker/replay/replay_verify.h"

static struct err err;

/* ---- ids */

static void id_is(const char *id, size_t root, uint32_t generation, const char *next)
{
	uint32_t found;
	ck_assert_msg(replay_id_root(id, &found) == root, "%s: root", id);
	ck_assert_msg(found == generation, "%s: generation %u", id, found);
	char *made = replay_id_make(id, generation + 1);
	ck_assert_str_eq(made, next);
	free(made);
}

START_TEST(an_id_tells_its_root_and_generation)
{
	id_is("x", 1, 0, "x~r1");
	id_is("x~r1", 1, 1, "x~r2");
	id_is("x~r9", 1, 9, "x~r10");
	id_is("a~r2~r3", 4, 3, "a~r2~r4");
	id_is("code.requests-0-5", 17, 0, "code.requests-0-5~r1");
	id_is("\xC3\xA9~r7", 2, 7, "\xC3\xA9~r8");
}
END_TEST

START_TEST(what_only_looks_like_a_replay_is_a_root)
{
	id_is("~r1", 3, 0, "~r1~r1");
	id_is("x~r0", 4, 0, "x~r0~r1");
	id_is("x~r01", 5, 0, "x~r01~r1");
	id_is("x~r", 3, 0, "x~r~r1");
	id_is("x~R1", 4, 0, "x~R1~r1");
	id_is("xr1", 3, 0, "xr1~r1");
	id_is("17", 2, 0, "17~r1");
	id_is("x~r1234567890", 13, 0, "x~r1234567890~r1");
	id_is("", 0, 0, "~r1");
}
END_TEST

/* ---- chains */

static struct replay_chains *chains;

static struct replay_execution execution(const char *id)
{
	return (struct replay_execution){"t", "n", id};
}

static void note(const char *id)
{
	struct replay_execution e = execution(id);
	ck_assert_int_eq(replay_chains_note(chains, &e, &err), 0);
}

static void take(const char *id, uint32_t generation)
{
	struct replay_execution e = execution(id);
	ck_assert_int_eq(replay_chains_take(chains, &e, generation, &err), 0);
}

static void asked(const char *id, bool force, enum replay_answer expected, uint32_t generation)
{
	struct replay_execution e = execution(id);
	uint32_t found = 0;
	ck_assert_msg(replay_chains_ask(chains, &e, force, &found) == expected, "%s", id);
	ck_assert_msg(found == generation, "%s: generation %u", id, found);
}

static void chains_begin(void)
{
	chains = replay_chains_new();
}

static void chains_end(void)
{
	replay_chains_free(chains);
}

START_TEST(the_first_replay_is_free_and_the_second_is_not)
{
	note("x");
	asked("x", false, REPLAY_FREE, 1);
	note("x~r1");
	asked("x", false, REPLAY_EXISTS, 0);
	asked("x~r1", false, REPLAY_FREE, 2);
	note("x~r2");
	asked("x~r1", false, REPLAY_EXISTS, 0);
	asked("x~r2", false, REPLAY_FREE, 3);
}
END_TEST

START_TEST(force_takes_the_next_generation_that_is_free)
{
	note("x~r2");
	note("x~r7");
	note("x~r3");
	asked("x", true, REPLAY_FREE, 8);
	asked("x~r9", true, REPLAY_FREE, 10);
}
END_TEST

START_TEST(an_execution_is_taken_once_in_a_run)
{
	asked("x", true, REPLAY_FREE, 1);
	take("x", 1);
	asked("x", true, REPLAY_TAKEN, 0);
	asked("x", false, REPLAY_TAKEN, 0);
	asked("x~r1", true, REPLAY_FREE, 2);
	take("y", 0);
	asked("y", true, REPLAY_TAKEN, 0);
}
END_TEST

START_TEST(generations_are_bounded_without_force)
{
	asked("x~r9", false, REPLAY_FREE, REPLAY_GENERATIONS);
	asked("x~r10", false, REPLAY_TOO_OFTEN, 0);
	asked("x~r10", true, REPLAY_FREE, 11);
	asked("x~r999999999", true, REPLAY_TOO_OFTEN, 0);
}
END_TEST

START_TEST(executions_of_other_threads_and_nodes_are_others)
{
	const struct replay_execution others[] = {{"t2", "n", "x"}, {"t", "n2", "x"}, {"tn", "", "x"},
		{"", "tn", "x"}, {"t", "nx", ""}};
	note("x~r1");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		uint32_t generation;
		ck_assert_int_eq(replay_chains_ask(chains, &others[i], false, &generation), REPLAY_FREE);
		ck_assert_uint_eq(generation, 1);
	}
}
END_TEST

/* ---- filters */

START_TEST(a_filter_asks_for_each_of_its_names)
{
	const struct replay_facts facts = {"t", "n", "red", "FAILED", "timeout"};
	const struct replay_facts bare = {"t", "n", NULL, NULL, NULL};
	const struct replay_filter any = {0}, all = {.thread_id = "t", .node_id = "n", .tenant = "red",
		.status = "FAILED", .error = "timeout"};
	ck_assert(replay_filter_names(&any, &bare) && replay_filter_end(&any, &bare));
	ck_assert(replay_filter_names(&all, &facts) && replay_filter_end(&all, &facts));
	ck_assert(!replay_filter_names(&all, &bare) && !replay_filter_end(&all, &bare));
	ck_assert(!replay_filter_names(&(struct replay_filter){.thread_id = "T"}, &facts));
	ck_assert(!replay_filter_names(&(struct replay_filter){.node_id = "n2"}, &facts));
	ck_assert(!replay_filter_names(&(struct replay_filter){.tenant = ""}, &facts));
	ck_assert(!replay_filter_end(&(struct replay_filter){.status = "SKIPPED"}, &facts));
	ck_assert(!replay_filter_end(&(struct replay_filter){.error = "time"}, &facts));
	ck_assert(replay_filter_needs_end(&all) && !replay_filter_needs_end(&any));
}
END_TEST

START_TEST(both_ends_of_a_span_of_time_belong_to_it)
{
	const struct replay_filter filter = {.since_ms = 10, .until_ms = 20};
	ck_assert(replay_filter_time(&filter, 10) && replay_filter_time(&filter, 20));
	ck_assert(!replay_filter_time(&filter, 9) && !replay_filter_time(&filter, 21));
}
END_TEST

/* ---- dead letters */

#define HEADER(name, text) {name, text, sizeof(text) - 1}
#define PLACE HEADER("__dlq.errors.topic", "code.requests"),                                     \
	HEADER("__dlq.errors.partition", "3"), HEADER("__dlq.errors.offset", "12345678901")
#define REST HEADER("__dlq.errors.group", "g"), HEADER("__dlq.errors.delivery.count", "2"),       \
	HEADER("__dlq.errors.message", "boom")
#define READ(headers) dead_letter_read(headers, sizeof headers / sizeof *headers, &letter)

START_TEST(our_headers_are_the_last_ones_whatever_stands_before)
{
	const struct kafka_header headers[] = {HEADER("own", "1"), PLACE, REST, {"null", NULL, 0}, PLACE,
		REST};
	struct dead_letter letter;
	ck_assert_int_eq(READ(headers), 0);
	ck_assert_uint_eq(letter.own_headers, 8);
	ck_assert_str_eq(letter.topic, "code.requests");
	ck_assert_int_eq(letter.partition, 3);
	ck_assert_int_eq(letter.offset, 12345678901);
	ck_assert(!letter.omitted);
}
END_TEST

START_TEST(an_omitted_value_is_seen_only_behind_our_headers)
{
	const struct kafka_header ours[] = {PLACE, REST, HEADER("codeworker-dead-value", "omitted")};
	const struct kafka_header forged[] = {HEADER("codeworker-dead-value", "omitted"), PLACE, REST};
	struct dead_letter letter;
	ck_assert_int_eq(READ(ours), 0);
	ck_assert(letter.omitted && letter.own_headers == 0);
	ck_assert_int_eq(READ(forged), 0);
	ck_assert(!letter.omitted && letter.own_headers == 1);
}
END_TEST

START_TEST(a_letter_without_group_or_message_is_read)
{
	const struct kafka_header headers[] = {HEADER("__dlq.errors.message", "own"), PLACE,
		HEADER("__dlq.errors.delivery.count", "2")};
	struct dead_letter letter;
	ck_assert_int_eq(READ(headers), 0);
	ck_assert_uint_eq(letter.own_headers, 1);
}
END_TEST

START_TEST(what_is_no_letter_of_ours_is_refused)
{
	const struct kafka_header none[] = {HEADER("own", "1")};
	const struct kafka_header order[] = {HEADER("__dlq.errors.partition", "3"),
		HEADER("__dlq.errors.topic", "t"), HEADER("__dlq.errors.offset", "1")};
	const struct kafka_header number[] = {HEADER("__dlq.errors.topic", "t"),
		HEADER("__dlq.errors.partition", "2147483648"), HEADER("__dlq.errors.offset", "1")};
	const struct kafka_header minus[] = {HEADER("__dlq.errors.topic", "t"),
		HEADER("__dlq.errors.partition", "1"), HEADER("__dlq.errors.offset", "-1")};
	const struct kafka_header null[] = {{"__dlq.errors.topic", NULL, 0},
		HEADER("__dlq.errors.partition", "1"), HEADER("__dlq.errors.offset", "1")};
	const struct kafka_header behind[] = {PLACE, REST, HEADER("own", "1")};
	struct dead_letter letter;
	ck_assert_int_eq(dead_letter_read(NULL, 0, &letter), -1);
	ck_assert_int_eq(READ(none), -1);
	ck_assert_int_eq(READ(order), -1);
	ck_assert_int_eq(READ(number), -1);
	ck_assert_int_eq(READ(minus), -1);
	ck_assert_int_eq(READ(null), -1);
	ck_assert_int_eq(READ(behind), -1);
}
END_TEST

/* ---- differences */

static struct codec *codec;

static void codec_begin(void)
{
	ck_assert_int_eq(codec_new(NULL, &codec, &err), 0);
}

static void codec_end(void)
{
	codec_free(codec);
}

static size_t differ(const char *recorded, const char *now, struct replay_differences *differences)
{
	struct record_view then, here;
	ck_assert_int_eq(record_view_open(codec, recorded, strlen(recorded), &then, &err), 0);
	ck_assert_int_eq(record_view_open(codec, now, strlen(now), &here, &err), 0);
	ck_assert_int_eq(replay_compare(&then, &here, differences, &err), 0);
	record_view_close(&then);
	record_view_close(&here);
	return differences->count;
}

START_TEST(results_are_compared_field_by_field)
{
	struct replay_differences found;
	ck_assert_uint_eq(differ("{\"status\":\"COMPLETED\",\"output\":{\"a\":1,\"b\":2},\"attempt\":1}",
		"{\"status\":\"COMPLETED\",\"output\":{\"b\":2,\"a\":1},\"attempt\":2}", &found), 0);
	ck_assert_uint_eq(differ("{\"status\":\"COMPLETED\",\"exitCode\":0,\"stdout\":\"a\"}",
		"{\"status\":\"FAILED\",\"exitCode\":1,\"stdout\":\"a\",\"error\":{\"code\":\"timeout\"}}",
		&found), 3);
	ck_assert_str_eq(found.list[0].field, "status");
	ck_assert_str_eq(found.list[1].field, "exitCode");
	ck_assert_str_eq(found.list[1].recorded, "0");
	ck_assert_str_eq(found.list[2].field, "error.code");
	ck_assert_str_eq(found.list[2].recorded, "null");
	ck_assert_str_eq(found.list[2].now, "\"timeout\"");
	replay_differences_free(&found);
}
END_TEST

START_TEST(values_of_any_size_are_compared)
{
	struct replay_differences found;
#define VALUE(text) "{\"status\":\"COMPLETED\",\"output\":" text "}"
	ck_assert_uint_eq(differ(VALUE("[123456789012345678901234567890,1e999]"),
		VALUE("[123456789012345678901234567890,1e999]"), &found), 0);
	ck_assert_uint_eq(differ(VALUE("123456789012345678901234567890"),
		VALUE("123456789012345678901234567891"), &found), 1);
	ck_assert_str_eq(found.list[0].field, "output");
	ck_assert_str_eq(found.list[0].now, "123456789012345678901234567891");
	replay_differences_free(&found);
	ck_assert_uint_eq(differ(VALUE("null"), VALUE("0"), &found), 1);
	ck_assert_str_eq(found.list[0].recorded, "null");
	replay_differences_free(&found);
}
END_TEST

START_TEST(of_a_stream_that_was_cut_the_rest_is_compared)
{
	struct replay_differences found;
	ck_assert_uint_eq(differ("{\"status\":\"FAILED\",\"stdout\":\"abc\",\"stdoutTruncated\":true}",
		"{\"status\":\"FAILED\",\"stdout\":\"abcdef\"}", &found), 0);
	ck_assert_uint_eq(differ("{\"status\":\"FAILED\",\"stdout\":\"abc\",\"stdoutTruncated\":false}",
		"{\"status\":\"FAILED\",\"stdout\":\"abcdef\"}", &found), 1);
	replay_differences_free(&found);
	ck_assert_uint_eq(differ("{\"status\":\"FAILED\",\"stdout\":\"abc\",\"stdoutTruncated\":true}",
		"{\"status\":\"FAILED\",\"stdout\":\"abd\"}", &found), 1);
	replay_differences_free(&found);
}
END_TEST

static TCase *tests_of(Suite *suite, const char *name)
{
	TCase *tests = tcase_create(name);
	suite_add_tcase(suite, tests);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("replay");
	TCase *tests = tests_of(suite, "ids");
	tcase_add_test(tests, an_id_tells_its_root_and_generation);
	tcase_add_test(tests, what_only_looks_like_a_replay_is_a_root);
	tests = tests_of(suite, "chains");
	tcase_add_checked_fixture(tests, chains_begin, chains_end);
	tcase_add_test(tests, the_first_replay_is_free_and_the_second_is_not);
	tcase_add_test(tests, force_takes_the_next_generation_that_is_free);
	tcase_add_test(tests, an_execution_is_taken_once_in_a_run);
	tcase_add_test(tests, generations_are_bounded_without_force);
	tcase_add_test(tests, executions_of_other_threads_and_nodes_are_others);
	tests = tests_of(suite, "filters");
	tcase_add_test(tests, a_filter_asks_for_each_of_its_names);
	tcase_add_test(tests, both_ends_of_a_span_of_time_belong_to_it);
	tests = tests_of(suite, "dead letters");
	tcase_add_test(tests, our_headers_are_the_last_ones_whatever_stands_before);
	tcase_add_test(tests, an_omitted_value_is_seen_only_behind_our_headers);
	tcase_add_test(tests, a_letter_without_group_or_message_is_read);
	tcase_add_test(tests, what_is_no_letter_of_ours_is_refused);
	tests = tests_of(suite, "differences");
	tcase_add_checked_fixture(tests, codec_begin, codec_end);
	tcase_add_test(tests, results_are_compared_field_by_field);
	tcase_add_test(tests, values_of_any_size_are_compared);
	tcase_add_test(tests, of_a_stream_that_was_cut_the_rest_is_compared);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
