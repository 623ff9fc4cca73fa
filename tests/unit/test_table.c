/* test_table.c: nothing in a cell steers the terminal, and columns stay columns. */
#include "../../worker/commands/table.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char *clean(const char *text, int width)
{
	static char buffer[256];
	table_clean(buffer, sizeof buffer, text, width);
	return buffer;
}

START_TEST(control_characters_are_shown_as_escapes)
{
	ck_assert_str_eq(clean("a\033[31mb\r\n\tc\x7f", 0), "a\\x1b[31mb\\r\\n\\tc\\x7f");
	ck_assert_str_eq(clean("\xc2\x9b" "1m", 0), "\\x9b1m");
	ck_assert_str_eq(clean("\xe2\x80\xae" "abc", 0), "\\u202eabc");
}
END_TEST

START_TEST(text_is_cut_by_characters_and_says_so)
{
	ck_assert_str_eq(clean("abcdef", 6), "abcdef");
	ck_assert_str_eq(clean("abcdefg", 6), "abcde\xe2\x80\xa6");
	ck_assert_str_eq(clean("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 3), "\xc3\xa4\xc3\xb6\xe2\x80\xa6");
	char buffer[8];
	ck_assert_uint_eq(table_clean(buffer, sizeof buffer, "abcdefghij", 0), 5);
	ck_assert_str_eq(buffer, "abcd\xe2\x80\xa6");
}
END_TEST

START_TEST(an_escape_that_does_not_fit_is_replaced_by_the_ellipsis)
{
	ck_assert_str_eq(clean("abc\n", 5), "abc\\n");
	ck_assert_str_eq(clean("abcd\n", 5), "abcd\xe2\x80\xa6");
	ck_assert_str_eq(clean("abcde\n", 5), "abcd\xe2\x80\xa6");
	ck_assert_str_eq(clean("abc\nd", 5), "abc\xe2\x80\xa6");
}
END_TEST

START_TEST(bytes_that_are_not_utf8_become_question_marks)
{
	ck_assert_str_eq(clean("a\xff\xc0\x80z", 0), "a???z");
	ck_assert_str_eq(clean("\xed\xa0\x80", 0), "???");
	ck_assert_str_eq(clean("\xe2\x80", 0), "??");
	ck_assert_str_eq(clean("\xf4\x90\x80\x80", 0), "????");
}
END_TEST

START_TEST(no_text_is_empty)
{
	ck_assert_str_eq(clean(NULL, 4), "");
	ck_assert_str_eq(clean("", 4), "");
	ck_assert_uint_eq(table_clean(NULL, 0, "a", 0), 0);
}
END_TEST

/* One row as text; freed by the caller. */
static char *row(bool coloured)
{
	static const struct table_column columns[] = {{"a", 3}, {"b", 3}, {"rest", 0}};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(out);
	struct table table = {out, columns, 3, coloured};
	const struct table_cell cells[] = {{"x", TABLE_GREEN}, {"long", TABLE_PLAIN},
		{"as long as it is", TABLE_PLAIN}};
	ck_assert_int_eq(table_row(&table, cells), 0);
	fclose(out);
	return text;
}

START_TEST(columns_are_padded_and_cut_the_last_is_neither)
{
	char *text = row(false);
	ck_assert_str_eq(text, "x    lo\xe2\x80\xa6  as long as it is\n");
	free(text);
}
END_TEST

START_TEST(colour_adds_nothing_to_the_width)
{
	char *text = row(true);
	ck_assert_str_eq(text, "\033[32mx\033[0m    lo\xe2\x80\xa6  as long as it is\n");
	free(text);
}
END_TEST

START_TEST(a_file_is_no_terminal)
{
	FILE *file = tmpfile();
	ck_assert_ptr_nonnull(file);
	ck_assert(!table_wants_colour(file));
	fclose(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("table");
	TCase *tests = tcase_create("table");
	tcase_add_test(tests, control_characters_are_shown_as_escapes);
	tcase_add_test(tests, text_is_cut_by_characters_and_says_so);
	tcase_add_test(tests, an_escape_that_does_not_fit_is_replaced_by_the_ellipsis);
	tcase_add_test(tests, bytes_that_are_not_utf8_become_question_marks);
	tcase_add_test(tests, no_text_is_empty);
	tcase_add_test(tests, columns_are_padded_and_cut_the_last_is_neither);
	tcase_add_test(tests, colour_adds_nothing_to_the_width);
	tcase_add_test(tests, a_file_is_no_terminal);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
