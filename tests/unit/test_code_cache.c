/* test_code_cache.c: what is kept compiled, for whom, and what goes first. */
#include "../../worker/queue/code_cache.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#define LIMIT 100000

static struct code_cache *cache;
static bool hashes_collide;

/* Takes the library's place, so that codes can be made to have one digest. */
XXH128_hash_t XXH3_128bits_withSeed(const void *data, size_t size, XXH64_hash_t seed)
{
	return (XXH128_hash_t){XXH64(data, hashes_collide ? 0 : size, hashes_collide ? 0 : seed), 1};
}

static void set_up(void)
{
	hashes_collide = false;
	cache = code_cache_new(LIMIT, 1);
	ck_assert_ptr_nonnull(cache);
}

static void tear_down(void)
{
	code_cache_free(cache);
}

static void restart(size_t limit)
{
	code_cache_free(cache);
	cache = code_cache_new(limit, 1);
}

static struct code_key key_of(const char *code)
{
	return (struct code_key){.code = code, .code_size = strlen(code)};
}

/* What an attempt is handed, as text; "" where it is nothing. */
static const char *found(struct code_key key)
{
	static char text[1000];
	size_t size = 0;
	const char *data = code_cache_find(cache, &key, &size);
	snprintf(text, sizeof text, "%.*s", (int)size, data ? data : "");
	return text;
}

static bool wanted(const char *code)
{
	struct code_key key;
	if (!code_cache_take(cache, &key))
		return code == NULL;
	return code && key.code_size == strlen(code) && memcmp(key.code, code, key.code_size) == 0;
}

static void compiled(const char *data)
{
	code_cache_tell(cache, CODE_COMPILED, data, strlen(data));
}

static void learn(struct code_key key, const char *data)
{
	found(key);
	found(key);
	ck_assert(wanted(key.code));
	compiled(data);
}

START_TEST(code_is_compiled_when_it_has_come_twice)
{
	ck_assert_str_eq(found(key_of("code")), "");
	ck_assert(wanted(NULL));
	ck_assert_str_eq(found(key_of("code")), "");
	ck_assert(wanted("code"));
	ck_assert_str_eq(found(key_of("code")), "");
	compiled("made");
	ck_assert_str_eq(found(key_of("code")), "made");
	ck_assert(wanted(NULL));
	ck_assert_uint_eq(code_cache_counts(cache)->hits, 1);
	ck_assert_uint_eq(code_cache_counts(cache)->misses, 3);
}
END_TEST

START_TEST(nothing_is_handed_to_another_tenant_runtime_or_file)
{
	const struct code_key keys[] = {{NULL, 0, NULL, "code", 4}, {"", 0, NULL, "code", 4},
		{"a", 0, NULL, "code", 4}, {"b", 0, NULL, "code", 4}, {"a", 1, NULL, "code", 4},
		{"a", 0, "", "code", 4}, {"a", 0, "b", "code", 4}, {NULL, 0, "a", "code", 4},
		{"a", 0, NULL, "codes", 5}, {NULL, 1, NULL, "code", 4}, {NULL, 0, NULL, "codes", 5},
		{NULL, 0, NULL, "Code", 4}};
	const size_t count = sizeof keys / sizeof *keys;
	hashes_collide = _i;		/* then only the code that came twice is kept */
	for (size_t i = 0; i < count; i++) {
		learn(keys[i], "made");
		for (size_t other = 0; other < count; other++)
			ck_assert_str_eq(found(keys[other]), other == i ? "made" : "");
		restart(LIMIT);
	}
}
END_TEST

static void come_twice(const char *code)
{
	found(key_of(code));
	found(key_of(code));
	ck_assert(wanted(code));
}

START_TEST(one_code_is_compiled_at_a_time_and_the_latest_first)
{
	for (int i = 0; i < 2; i++) {
		found(key_of("first"));
		found(key_of("second"));
	}
	ck_assert(wanted("second"));
	found(key_of("first"));
	ck_assert(wanted(NULL));
	compiled("2");
	ck_assert(wanted("first"));
	compiled("1");
	ck_assert_str_eq(found(key_of("first")), "1");
	ck_assert_str_eq(found(key_of("second")), "2");
}
END_TEST

START_TEST(code_that_is_refused_is_never_wanted_again)
{
	come_twice("code");
	code_cache_tell(cache, CODE_REFUSED, NULL, 0);
	for (int i = 0; i < 5; i++)
		ck_assert_str_eq(found(key_of("code")), "");
	ck_assert(wanted(NULL));
}
END_TEST

START_TEST(code_that_was_lost_is_wanted_when_it_has_come_again)
{
	come_twice("code");
	code_cache_tell(cache, CODE_LOST, NULL, 0);
	ck_assert(wanted(NULL));
	found(key_of("code"));
	ck_assert(wanted("code"));
	compiled("made");
	ck_assert_str_eq(found(key_of("code")), "made");
}
END_TEST

START_TEST(what_was_used_longest_ago_goes_first)
{
	char *much = calloc(1, LIMIT / 5 + 1), code[20];
	memset(much, 'x', LIMIT / 5);
	for (int i = 0; i < 4; i++) {
		snprintf(code, sizeof code, "code %d", i);
		learn(key_of(code), much);
	}
	ck_assert_str_ne(found(key_of("code 0")), "");
	learn(key_of("code 4"), much);
	ck_assert_str_eq(found(key_of("code 1")), "");
	ck_assert_str_ne(found(key_of("code 0")), "");
	ck_assert_str_ne(found(key_of("code 4")), "");
	ck_assert_uint_eq(code_cache_counts(cache)->evictions, 1);
	free(much);
}
END_TEST

START_TEST(bytes_stay_below_the_limit_whatever_happens)
{
	static const size_t limits[] = {1, 300, 1000, 5000, LIMIT};
	char code[3000], made[3000];
	for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
		restart(limits[l]);
		srand(1);
		for (int i = 0; i < 20000; i++) {
			snprintf(code, sizeof code, "%0*d", 4 + rand() % 3 * 800, rand() % 5);
			snprintf(made, sizeof made, "%0*d", 1 + rand() % 3 * 900, 0);
			const struct code_key key = {rand() % 2 ? "a" : NULL, 0, rand() % 2 ? "f" : NULL,
				code, strlen(code)};
			struct code_key taken;
			found(key);
			if (rand() % 4 == 0 && code_cache_take(cache, &taken) && rand() % 4)
				found(key_of(made));
			if (rand() % 4 == 0)
				code_cache_tell(cache, (enum code_fate)(rand() % 3), made, strlen(made));
			ck_assert_uint_le(code_cache_counts(cache)->bytes, limits[l]);
		}
		ck_assert(limits[l] < 5000 || code_cache_counts(cache)->hits > 0);
	}
}
END_TEST

START_TEST(no_code_takes_more_than_its_share)
{
	char *much = calloc(1, LIMIT / 4 + 1);
	memset(much, 'x', LIMIT / 4);
	learn(key_of("small"), "made");
	found(key_of(much));
	found(key_of(much));
	ck_assert(wanted(NULL));
	come_twice("code");
	compiled(much);
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(found(key_of("code")), "");
	ck_assert(wanted(NULL));
	ck_assert_str_eq(found(key_of("small")), "made");
	ck_assert_uint_eq(code_cache_room(cache), LIMIT / 4);
	free(much);
}
END_TEST

START_TEST(what_became_of_evicted_code_goes_to_no_other)
{
	char *much = calloc(1, LIMIT / 5 + 1), code[20];
	memset(much, 'x', LIMIT / 5);
	come_twice("code");
	for (int i = 0; i < 9; i++) {	/* source alone can drive out, too */
		memset(much, '0' + i, 4);
		found(key_of(much));
		found(key_of(much));
	}
	ck_assert(wanted(NULL));
	compiled("made");
	for (int i = 0; i < 9; i++) {
		memset(much, '0' + i, 4);
		snprintf(code, sizeof code, "%.4s", found(key_of(much)));
		ck_assert_str_eq(code, "");
	}
	ck_assert_str_eq(found(key_of("code")), "");
	free(much);
}
END_TEST

START_TEST(no_code_and_no_room_leave_it_out)
{
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(found(key_of("")), "");
	ck_assert(wanted(NULL));
	ck_assert_uint_eq(code_cache_counts(cache)->misses, 0);
	restart(0);
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(found(key_of("code")), "");
	ck_assert(wanted(NULL));
	ck_assert_uint_eq(code_cache_counts(cache)->misses, 0);
	ck_assert_uint_eq(code_cache_counts(cache)->bytes, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("code_cache");
	TCase *tests = tcase_create("code_cache");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, code_is_compiled_when_it_has_come_twice);
	tcase_add_loop_test(tests, nothing_is_handed_to_another_tenant_runtime_or_file, 0, 2);
	tcase_add_test(tests, one_code_is_compiled_at_a_time_and_the_latest_first);
	tcase_add_test(tests, code_that_is_refused_is_never_wanted_again);
	tcase_add_test(tests, code_that_was_lost_is_wanted_when_it_has_come_again);
	tcase_add_test(tests, what_was_used_longest_ago_goes_first);
	tcase_add_test(tests, bytes_stay_below_the_limit_whatever_happens);
	tcase_add_test(tests, no_code_takes_more_than_its_share);
	tcase_add_test(tests, what_became_of_evicted_code_goes_to_no_other);
	tcase_add_test(tests, no_code_and_no_room_leave_it_out);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
