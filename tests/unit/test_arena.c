/* test_arena.c: memory with a bound. */
#include "codec_fixture.h"

#include <stdint.h>

START_TEST(memory_is_zeroed_and_aligned)
{
	struct arena *arena = arena_new(1 << 20);
	for (size_t size = 0; size < 5000; size += 37) {
		char *memory = arena_alloc(arena, size);
		ck_assert_ptr_nonnull(memory);
		ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			ck_assert_int_eq(memory[i], 0);
		memset(memory, 0xAA, size);
	}
	arena_free(arena);
}
END_TEST

START_TEST(pieces_do_not_overlap)
{
	struct arena *arena = arena_new(1 << 20);
	unsigned char *pieces[200];
	for (size_t i = 0; i < 200; i++) {
		pieces[i] = arena_alloc(arena, i * 7 % 3000 + 1);
		memset(pieces[i], (int)i, i * 7 % 3000 + 1);
	}
	for (size_t i = 0; i < 200; i++) {
		for (size_t at = 0; at < i * 7 % 3000 + 1; at++)
			ck_assert_int_eq(pieces[i][at], (int)i);
	}
	arena_free(arena);
}
END_TEST

START_TEST(the_bound_holds_and_says_so)
{
	struct arena *arena = arena_new(1000);
	ck_assert_ptr_null(arena_alloc(arena, 1001));
	ck_assert(arena_full(arena));
	ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX));
	ck_assert_ptr_null(arena_copy(arena, "", SIZE_MAX));
	ck_assert_ptr_nonnull(arena_alloc(arena, 900));
	ck_assert_ptr_null(arena_alloc(arena, 200));
	ck_assert_uint_le(arena_used(arena), 1000);
	arena_free(arena);
	arena = arena_new(64 << 10);
	size_t pieces = 0;
	while (arena_alloc(arena, 16))
		pieces++;
	ck_assert_uint_eq(pieces, (64 << 10) / 16);
	arena_free(arena);
}
END_TEST

START_TEST(strings_are_copied_and_formatted)
{
	struct arena *arena = arena_new(1 << 20);
	ck_assert_ptr_null(arena_string(arena, NULL));
	ck_assert_str_eq(arena_string(arena, "abc"), "abc");
	ck_assert_str_eq(arena_copy(arena, "abcdef", 3), "abc");
	ck_assert_str_eq(arena_copy(arena, NULL, 0), "");
	ck_assert_str_eq(arena_format(arena, "%s-%d", "x", 7), "x-7");
	char *longer = arena_format(arena, "%5000d", 1);
	ck_assert_uint_eq(strlen(longer), 5000);
	arena_free(arena);
}
END_TEST

START_TEST(a_machine_without_memory_is_no_full_arena)
{
	struct arena *arena = arena_new(1 << 20);
	arena_fail_after(arena, 2);
	ck_assert_ptr_nonnull(arena_alloc(arena, 1));
	ck_assert_ptr_nonnull(arena_string(arena, "x"));
	ck_assert_ptr_null(arena_alloc(arena, 1));
	ck_assert_ptr_null(arena_format(arena, "x"));
	ck_assert(!arena_full(arena));
	arena_free(arena);
	arena_free(NULL);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, memory_is_zeroed_and_aligned);
	tcase_add_test(tests, pieces_do_not_overlap);
	tcase_add_test(tests, the_bound_holds_and_says_so);
	tcase_add_test(tests, strings_are_copied_and_formatted);
	tcase_add_test(tests, a_machine_without_memory_is_no_full_arena);
}

int main(void)
{
	return fixture_run("arena", add);
}
