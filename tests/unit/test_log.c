/* test_log.c: each line is whole, well-formed and harmless, whatever the values hold. */
#include "../../worker/log.h"

#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int kept, sink;
static struct config config;

static void set_format(char *level, char *format)
{
	config.log.level = level;
	config.log.format = format;
	log_setup(&config);
}

static void set_up(void)
{
	kept = dup(STDERR_FILENO);
	sink = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(dup2(sink, STDERR_FILENO), 0);
	fcntl(STDERR_FILENO, F_SETFL, O_APPEND);
	set_format("info", "json");
}

static void tear_down(void)
{
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(sink);
}

/* What was written since the start, with a NUL; good until the next call. */
static char *written(void)
{
	static char text[1 << 20];
	ssize_t size = pread(sink, text, sizeof text - 1, 0);
	ck_assert_int_ge(size, 0);
	text[size] = '\0';
	return text;
}

static json_t *line_json(void)
{
	char *text = written(), *end = strchr(text, '\n');
	ck_assert_ptr_nonnull(end);
	ck_assert_int_eq(end[1], '\0');
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(json != NULL, "no JSON: %s", text);
	return json;
}

static const char *field(json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

START_TEST(a_line_is_one_json_object)
{
	log_event(LOG_WARN, "partition paused", "topic", "code.requests", "lag", log_number(-42),
		"none", NULL, NULL);
	json_t *json = line_json();
	ck_assert_str_eq(field(json, "level"), "warn");
	ck_assert_str_eq(field(json, "message"), "partition paused");
	ck_assert_str_eq(field(json, "topic"), "code.requests");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "lag")), -42);
	ck_assert(json_is_null(json_object_get(json, "none")));
	ck_assert_uint_eq(strlen(field(json, "time")), strlen("2025-01-31T12:00:00.123Z"));
	json_decref(json);
}
END_TEST

START_TEST(every_byte_is_escaped_so_that_json_reads_it_back)
{
	char all[256];
	for (int i = 1; i < 128; i++)
		all[i - 1] = (char)i;
	all[127] = '\0';
	log_event(LOG_INFO, all, "value", all, NULL);
	json_t *json = line_json();
	ck_assert_str_eq(field(json, "message"), all);
	ck_assert_str_eq(field(json, "value"), all);
	json_decref(json);
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_replaced)
{
	log_event(LOG_INFO, "x", "value", "a\xff" "b\xc3" "c\xed\xa0\x80" "d\xf0\x9f\x98\x80" "é",
		NULL);
	json_t *json = line_json();
	const char *value = field(json, "value");
	ck_assert_int_eq(strncmp(value, "a\xef\xbf\xbd" "b\xef\xbf\xbd" "c\xef\xbf\xbd", 12), 0);
	ck_assert_ptr_nonnull(strstr(value, "d\xf0\x9f\x98\x80é"));
	json_decref(json);
}
END_TEST

START_TEST(long_values_are_cut_and_the_line_stays_whole)
{
	char *value = malloc(100000);
	memset(value, 'x', 99999);
	value[99999] = '\0';
	log_event(LOG_INFO, value, "a", value, "b", value, "c", value, "d", value, "e", value, NULL);
	json_t *json = line_json();
	ck_assert_uint_le(strlen(written()), 4096);
	ck_assert_ptr_nonnull(strstr(field(json, "a"), "xxx…"));
	json_decref(json);
	free(value);
}
END_TEST

START_TEST(quotes_at_every_length_fit)
{
	char value[5000];
	for (size_t length = 900; length < 4400; length += 7) {
		ck_assert_int_eq(ftruncate(sink, 0), 0);
		memset(value, length % 2 ? '"' : '\x01', length);
		value[length] = '\0';
		log_event(LOG_INFO, "m", "a", value, "b", value, "c", log_number(INT64_MIN), "d",
			NULL, "e", "x", NULL);
		ck_assert_uint_le(strlen(written()), 4096);
		json_decref(line_json());
	}
}
END_TEST

START_TEST(text_can_not_break_lines_or_steer_terminals)
{
	set_format("info", "text");
	log_event(LOG_ERROR, "evil\n\x1b[2J", "name", "a\nERROR fake=1", "c1", "\xc2\x9b" "31m",
		"plain", "abc", "empty", "", "none", NULL, NULL);
	char *text = written();
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_ptr_null(strchr(text, '\x1b'));
	ck_assert_ptr_null(strstr(text, "\xc2\x9b"));
	ck_assert_ptr_nonnull(strstr(text, "  ERROR evil\\n\\u001b[2J  name=\"a\\nERROR fake=1\""));
	ck_assert_ptr_nonnull(strstr(text, "  plain=abc  empty=\"\"  none=-\n"));
}
END_TEST

START_TEST(lower_levels_are_not_written)
{
	set_format("warn", "json");
	log_event(LOG_INFO, "quiet", NULL);
	log_event(LOG_DEBUG, "quiet", NULL);
	ck_assert_str_eq(written(), "");
	log_event(LOG_WARN, "loud", NULL);
	ck_assert_str_ne(written(), "");
	set_format("debug", "json");
	log_event(LOG_DEBUG, "details", NULL);
	ck_assert_ptr_nonnull(strstr(written(), "details"));
}
END_TEST

START_TEST(auto_is_json_where_there_is_no_terminal)
{
	set_format("info", "auto");
	log_event(LOG_INFO, "x", NULL);
	ck_assert_int_eq(written()[0], '{');
}
END_TEST

START_TEST(eight_numbers_fit_in_one_line)
{
	log_event(LOG_INFO, "x", "a", log_number(1), "b", log_number(2), "c", log_number(3), "d",
		log_number(4), "e", log_number(5), "f", log_number(6), "g", log_number(7), "h",
		log_number(8), NULL);
	ck_assert_ptr_nonnull(strstr(written(),
		"\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8}\n"));
}
END_TEST

static void *write_many(void *name)
{
	for (int i = 0; i < 300; i++)
		log_event(LOG_INFO, "from a thread", "thread", name, "number", log_number(i), NULL);
	return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
	static char *names[] = {"one", "two", "three", "four"};
	pthread_t threads[4];
	size_t count = 0;
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (char *line = strtok(written(), "\n"); line; line = strtok(NULL, "\n")) {
		json_t *json = json_loads(line, 0, NULL);
		ck_assert_msg(json != NULL, "%s", line);
		json_decref(json);
		count++;
	}
	ck_assert_uint_eq(count, 1200);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tests = tcase_create("log");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_line_is_one_json_object);
	tcase_add_test(tests, every_byte_is_escaped_so_that_json_reads_it_back);
	tcase_add_test(tests, bytes_that_are_not_utf8_are_replaced);
	tcase_add_test(tests, long_values_are_cut_and_the_line_stays_whole);
	tcase_add_test(tests, quotes_at_every_length_fit);
	tcase_add_test(tests, text_can_not_break_lines_or_steer_terminals);
	tcase_add_test(tests, lower_levels_are_not_written);
	tcase_add_test(tests, auto_is_json_where_there_is_no_terminal);
	tcase_add_test(tests, eight_numbers_fit_in_one_line);
	tcase_add_test(tests, lines_of_threads_do_not_mix);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
