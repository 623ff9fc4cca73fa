/* test_options.c: every row of the table is sound, and values are read as people write them. */
#include "../../worker/config/options.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/config/listen_address.h"
#include "../../worker/config/nearest.h"

static struct config config;
static struct arena *arena;
static struct err err;

static void set_up(void)
{
	memset(&config, 0, sizeof config);
	memset(&err, 0, sizeof err);
	arena = arena_new(1 << 20);
}

static void tear_down(void)
{
	arena_free(arena);
}

static int set(const char *name, const char *text)
{
	const struct option_value value = {&text, 1, false};
	return option_set(&config, option_find(name), &value, arena, &err);
}

static const char *printed(const char *name)
{
	static char text[4096];
	memset(text, 0, sizeof text);
	FILE *out = fmemopen(text, sizeof text - 1, "w");
	option_print(&config, option_find(name), out);
	fclose(out);
	return text;
}

START_TEST(every_row_is_sound)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		ck_assert_ptr_eq(option_find(row->name), row);
		ck_assert_msg(strchr(row->name, '.') && row->help[0], "%s", row->name);
		ck_assert_msg(row->offset < sizeof config, "%s", row->name);
		ck_assert_msg(set(row->name, row->standard) == 0, "%s: %s", row->name, err.text);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(option_rows[j].offset != row->offset, "%s, %s", row->name,
				option_rows[j].name);
	}
}
END_TEST

START_TEST(every_row_has_a_section)
{
	for (size_t i = 0; i < option_row_count; i++) {
		size_t j = 0, length = strcspn(option_rows[i].name, ".");
		while (j < option_section_count && (strlen(option_sections[j].name) != length ||
			strncmp(option_sections[j].name, option_rows[i].name, length) != 0))
			j++;
		ck_assert_msg(j < option_section_count, "%s", option_rows[i].name);
	}
}
END_TEST

START_TEST(what_is_printed_reads_back_the_same)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		char first[4096];
		ck_assert_int_eq(set(row->name, row->standard), 0);
		strcpy(first, printed(row->name));
		if (first[0] == '[' || first[0] == '"')
			continue;
		ck_assert_msg(set(row->name, first) == 0, "%s: %s", row->name, err.text);
		ck_assert_str_eq(printed(row->name), first);
	}
}
END_TEST

START_TEST(durations_have_units)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"0", 0}, {"5", 5}, {"500ms", 500}, {"5s", 5000}, {"10m", 600000},
		{"24h", 86400000}, {"7d", 604800000}};
	static const char *const bad[] = {"", "s", "-5s", "5 s", "5sec", "1.5s", "+5", " 5",
		"99999999999999999999", "9223372036854775807h", "0x10"};
	int64_t ms;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ck_assert_int_eq(config_parse_duration(good[i].text, &ms), 0);
		ck_assert_int_eq(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ms = 77;
		ck_assert_msg(config_parse_duration(bad[i], &ms) == -1, "%s", bad[i]);
		ck_assert_int_eq(ms, 77);
	}
}
END_TEST

START_TEST(sizes_are_powers_of_1024)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {{"1", 1}, {"64K", 65536}, {"256M", 268435456}, {"1G", 1073741824},
		{"2MiB", 2097152}, {"3T", INT64_C(3298534883328)}, {"10B", 10}};
	static const char *const bad[] = {"", "K", "-1K", "1X", "1KB", "8388608T", "1.5G"};
	int64_t bytes;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ck_assert_int_eq(config_parse_size(good[i].text, &bytes), 0);
		ck_assert_int_eq(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(config_parse_size(bad[i], &bytes) == -1, "%s", bad[i]);
}
END_TEST

START_TEST(numbers_out_of_range_are_refused_with_the_range)
{
	ck_assert_int_eq(set("worker.slots", "256"), 0);
	ck_assert_int_eq(config.worker.slots, 256);
	ck_assert_int_eq(set("worker.slots", "257"), -1);
	ck_assert_str_eq(err.text, "takes 0 to 256, not '257'");
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_int_eq(config.worker.slots, 256);
	ck_assert_int_eq(set("worker.slots", "-1"), -1);
	ck_assert_int_eq(set("worker.slots", "two"), -1);
	ck_assert_int_eq(set("worker.slots", "2x"), -1);
	ck_assert_int_eq(set("worker.slots", ""), -1);
	ck_assert_int_eq(set("worker.slots", "4294967298"), -1);
	ck_assert_int_eq(set("sandbox.memory", "1K"), -1);
	ck_assert_str_eq(err.text, "takes 4M to 1T, not '1K'");
}
END_TEST

START_TEST(booleans_have_four_spellings)
{
	static const char *const yes[] = {"true", "yes", "On", "1"}, *const no[] = {"false", "NO",
		"off", "0"};
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(set("worker.leave_on_exit", yes[i]), 0);
		ck_assert(config.worker.leave_on_exit);
		ck_assert_int_eq(set("worker.leave_on_exit", no[i]), 0);
		ck_assert(!config.worker.leave_on_exit);
	}
	ck_assert_int_eq(set("worker.leave_on_exit", "maybe"), -1);
	ck_assert_int_eq(set("worker.leave_on_exit", ""), -1);
}
END_TEST

START_TEST(a_choice_names_its_values_and_the_nearest)
{
	ck_assert_int_eq(set("policy.isolation_floor", "restrictd"), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "did you mean restricted?"));
	ck_assert_int_eq(set("policy.isolation_floor", ""), -1);
	ck_assert_int_eq(set("worker.delivery", "at_least_once"), 0);
	ck_assert(!config.worker.exactly_once);
	ck_assert_str_eq(printed("worker.delivery"), "at_least_once");
	ck_assert_int_eq(set("worker.delivery", "exactly_once"), 0);
	ck_assert(config.worker.exactly_once);
	ck_assert_int_eq(set("worker.delivery", "exactly"), -1);
}
END_TEST

START_TEST(a_choice_that_may_be_empty_is_null_then)
{
	ck_assert_int_eq(set("worker.result_encoding", "avro"), 0);
	ck_assert_str_eq(config.worker.result_encoding, "avro");
	ck_assert_int_eq(set("worker.result_encoding", ""), 0);
	ck_assert_ptr_null(config.worker.result_encoding);
}
END_TEST

START_TEST(lists_are_split_at_commas)
{
	ck_assert_int_eq(set("sandbox.require", " landlock , cgroup,seccomp"), 0);
	ck_assert_uint_eq(config.sandbox.require.count, 3);
	ck_assert_str_eq(config.sandbox.require.items[0], "landlock");
	ck_assert_str_eq(config.sandbox.require.items[2], "seccomp");
	ck_assert_str_eq(printed("sandbox.require"), "[landlock, cgroup, seccomp]");
	ck_assert_int_eq(set("sandbox.require", ""), 0);
	ck_assert_uint_eq(config.sandbox.require.count, 0);
	ck_assert_int_eq(set("sandbox.require", "landlock,,cgroup"), -1);
	ck_assert_int_eq(set("sandbox.require", "landlook"), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "did you mean landlock?"));
	ck_assert_int_eq(set("sandbox.read_only_paths", "/opt,relative"), -1);
}
END_TEST

START_TEST(one_value_is_no_list)
{
	const char *items[] = {"1", "2"};
	const struct option_value value = {items, 2, true};
	ck_assert_int_eq(option_set(&config, option_find("worker.slots"), &value, arena, &err), -1);
	ck_assert_str_eq(err.text, "takes one value, not a list");
}
END_TEST

START_TEST(topics_have_kafkas_names)
{
	char longest[251];
	memset(longest, 'a', 250);
	longest[250] = '\0';
	ck_assert_int_eq(set("topics.requests", longest), -1);
	longest[249] = '\0';
	ck_assert_int_eq(set("topics.requests", longest), 0);
	ck_assert_int_eq(set("topics.requests", ""), -1);
	ck_assert_int_eq(set("topics.requests", ".."), -1);
	ck_assert_int_eq(set("topics.requests", "a b"), -1);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
	arena_fail_after(arena, 0);
	ck_assert_int_eq(set("worker.id", "x"), -1);
	ck_assert_int_eq(err.code, ERR_MEMORY);
	for (int allocations = 0; allocations < 3; allocations++) {
		arena_fail_after(arena, allocations);
		ck_assert_int_eq(set("sandbox.read_only_paths", "/a,/b,/c"), -1);
		ck_assert_int_eq(err.code, ERR_MEMORY);
	}
}
END_TEST

START_TEST(the_nearest_name_is_near)
{
	struct nearest nearest = nearest_to("wroker.slots");
	nearest_offer(&nearest, "worker.window");
	nearest_offer(&nearest, "worker.slots");
	ck_assert_str_eq(nearest.best, "worker.slots");
	ck_assert_uint_eq(nearest.distance, 1);	/* a swap of neighbours */
	nearest = nearest_to("frobnicate");
	nearest_offer(&nearest, "run");
	nearest_offer(&nearest, "doctor");
	ck_assert_ptr_null(nearest.best);
	nearest = nearest_to("ab");
	nearest_offer(&nearest, "xy");
	ck_assert_ptr_null(nearest.best);
}
END_TEST

START_TEST(listen_addresses)
{
	static const char *const bad[] = {"9464", "host", "::1:80", "[::1]", "[::1]80", "h:99999",
		"h:", "h:8o", "h:-1", "a b:80", "h:123456"};
	struct listen_address address;
	ck_assert_int_eq(listen_address_parse("[::1]:0", &address, &err), 0);
	ck_assert_str_eq(address.host, "::1");
	ck_assert_str_eq(address.port, "0");
	ck_assert_int_eq(listen_address_parse(":9464", &address, &err), 0);
	ck_assert_str_eq(address.host, "");
	ck_assert_int_eq(listen_address_parse("off", &address, &err), 0);
	ck_assert(address.off);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(listen_address_parse(bad[i], &address, &err) == -1, "%s", bad[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tests = tcase_create("options");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, every_row_is_sound);
	tcase_add_test(tests, every_row_has_a_section);
	tcase_add_test(tests, what_is_printed_reads_back_the_same);
	tcase_add_test(tests, durations_have_units);
	tcase_add_test(tests, sizes_are_powers_of_1024);
	tcase_add_test(tests, numbers_out_of_range_are_refused_with_the_range);
	tcase_add_test(tests, booleans_have_four_spellings);
	tcase_add_test(tests, a_choice_names_its_values_and_the_nearest);
	tcase_add_test(tests, a_choice_that_may_be_empty_is_null_then);
	tcase_add_test(tests, lists_are_split_at_commas);
	tcase_add_test(tests, one_value_is_no_list);
	tcase_add_test(tests, topics_have_kafkas_names);
	tcase_add_test(tests, no_memory_is_an_error);
	tcase_add_test(tests, the_nearest_name_is_near);
	tcase_add_test(tests, listen_addresses);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
