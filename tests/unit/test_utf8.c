/* test_utf8.c: what is UTF-8, and what becomes of the rest. */
#include "../../worker/codec/utf8.h"

#include "codec_fixture.h"

#define R "\xEF\xBF\xBD"

static void cleans(const char *data, size_t size, const char *expected, size_t expected_size)
{
	struct arena *arena = arena_new(1 << 20);
	size_t clean_size = 0;
	const char *clean = utf8_clean(arena, data, size, &clean_size);
	ck_assert_ptr_nonnull(clean);
	ck_assert_uint_eq(clean_size, expected_size);
	ck_assert_mem_eq(clean, expected, expected_size);
	ck_assert_int_eq(clean[clean_size], '\0');
	ck_assert(utf8_valid(clean, clean_size));
	arena_free(arena);
}

#define CLEANS(data, expected) cleans(data, sizeof(data) - 1, expected, sizeof(expected) - 1)

START_TEST(utf8_stays_as_it_is)
{
	CLEANS("", "");
	CLEANS("plain ascii, longer than one word", "plain ascii, longer than one word");
	CLEANS("a\0b", "a\0b");
	CLEANS("\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF",
		"\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF");
	CLEANS("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
}
END_TEST

START_TEST(each_maximal_subpart_becomes_one_replacement)
{
	CLEANS("\x80", R);
	CLEANS("\xFF\xFE", R R);
	CLEANS("\xC0\xAF", R R);
	CLEANS("\xED\xA0\x80", R R R);
	CLEANS("\xF4\x90\x80\x80", R R R R);
	CLEANS("a\xE2\x82", "a" R);
	CLEANS("\xE2\x82z", R "z");
	CLEANS("\xF0\x9F\x98", R);
	CLEANS("\xF0\x9Fz", R "z");
	/* Unicode 15, table 3-8 */
	CLEANS("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64",
		"a" R R R "b" R "c" R R "d");
}
END_TEST

START_TEST(every_code_point_is_told_from_every_other_sequence)
{
	size_t bad;
	char bytes[4];
	unsigned counted = 0;
	for (unsigned word = 0; word < 1u << 24; word += 1) {
		bytes[0] = (char)(word >> 16);
		bytes[1] = (char)(word >> 8);
		bytes[2] = (char)word;
		if (utf8_sequence(bytes, 3, &bad) == 3)
			counted++;
	}
	/* U+0800 to U+FFFF without the surrogates */
	ck_assert_uint_eq(counted, 0x10000 - 0x800 - 0x800);
}
END_TEST

START_TEST(length_is_in_characters)
{
	ck_assert_uint_eq(utf8_length("", 0), 0);
	ck_assert_uint_eq(utf8_length("abc", 3), 3);
	ck_assert_uint_eq(utf8_length("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9), 3);
}
END_TEST

START_TEST(a_full_arena_is_told)
{
	struct arena *arena = arena_new(4);
	size_t size = 77;
	ck_assert_ptr_null(utf8_clean(arena, "\xFF\xFF", 2, &size));
	ck_assert_uint_eq(size, 77);
	arena_free(arena);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, utf8_stays_as_it_is);
	tcase_add_test(tests, each_maximal_subpart_becomes_one_replacement);
	tcase_add_test(tests, every_code_point_is_told_from_every_other_sequence);
	tcase_add_test(tests, length_is_in_characters);
	tcase_add_test(tests, a_full_arena_is_told);
}

int main(void)
{
	return fixture_run("utf8", add);
}
