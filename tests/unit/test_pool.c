/* test_pool.c: which sandboxes are made ahead. */
#include "../../sandbox/launcher/pool.c"

#include <check.h>

enum { SHELL, PYTHON, RUNTIMES };

static const bool all_levels[SANDBOX_LEVELS] = {true, true, true};
static const bool none_warm[SETUP_MAX_RUNTIMES];
static const bool python_warm[SETUP_MAX_RUNTIMES] = {[PYTHON] = true};

static unsigned count(struct kinds kinds, enum sandbox_level level, int runtime)
{
	return *kinds_at(&kinds, (struct kind){level, runtime});
}

START_TEST(a_new_pool_holds_a_mix_at_the_floor)
{
	struct pool pool;
	ck_assert_int_eq(pool_open(&pool, 4, SANDBOX_RESTRICTED, RUNTIMES), 0);
	struct kinds wanted = pool_wanted(&pool, python_warm);
	ck_assert_uint_eq(count(wanted, SANDBOX_RESTRICTED, -1), 2);
	ck_assert_uint_eq(count(wanted, SANDBOX_RESTRICTED, PYTHON), 2);
	pool_close(&pool);
}
END_TEST

START_TEST(it_holds_what_the_last_jobs_would_have_needed)
{
	struct pool pool;
	ck_assert_int_eq(pool_open(&pool, 2, SANDBOX_STRICT, RUNTIMES), 0);
	for (int i = 0; i < 5; i++)
		pool_remember(&pool, SANDBOX_STRICT, PYTHON);
	struct kinds wanted = pool_wanted(&pool, python_warm);
	ck_assert_uint_eq(count(wanted, SANDBOX_STRICT, PYTHON), 2);
	ck_assert_uint_eq(count(wanted, SANDBOX_STRICT, -1), 0);
	pool_remember(&pool, SANDBOX_NONE, SHELL);
	wanted = pool_wanted(&pool, python_warm);
	ck_assert_uint_eq(count(wanted, SANDBOX_STRICT, PYTHON), 1);
	ck_assert_uint_eq(count(wanted, SANDBOX_NONE, -1), 1);
	pool_close(&pool);
}
END_TEST

START_TEST(without_a_zygote_any_cold_one_serves)
{
	struct pool pool;
	ck_assert_int_eq(pool_open(&pool, 3, SANDBOX_STRICT, RUNTIMES), 0);
	struct kinds wanted = pool_wanted(&pool, none_warm);
	ck_assert_uint_eq(count(wanted, SANDBOX_STRICT, -1), 3);
	pool_close(&pool);
}
END_TEST

START_TEST(it_lacks_what_is_wanted_and_not_made)
{
	struct kinds wanted = {0}, made = {0};
	struct kind kind;
	ck_assert(!pool_lacks(&wanted, &made, all_levels, &kind));
	*kinds_at(&wanted, (struct kind){SANDBOX_STRICT, PYTHON}) = 2;
	*kinds_at(&made, (struct kind){SANDBOX_STRICT, PYTHON}) = 1;
	*kinds_at(&made, (struct kind){SANDBOX_STRICT, -1}) = 7;
	ck_assert(pool_lacks(&wanted, &made, all_levels, &kind));
	ck_assert_int_eq(kind.level, SANDBOX_STRICT);
	ck_assert_int_eq(kind.runtime, PYTHON);
	*kinds_at(&made, kind) = 2;
	ck_assert(!pool_lacks(&wanted, &made, all_levels, &kind));
}
END_TEST

START_TEST(levels_that_cannot_be_had_are_not_made)
{
	const bool only_none[SANDBOX_LEVELS] = {[SANDBOX_NONE] = true};
	struct kinds wanted = {0}, made = {0};
	struct kind kind;
	*kinds_at(&wanted, (struct kind){SANDBOX_STRICT, -1}) = 1;
	ck_assert(!pool_lacks(&wanted, &made, only_none, &kind));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pool");
	TCase *cases = tcase_create("pool");
	tcase_add_test(cases, a_new_pool_holds_a_mix_at_the_floor);
	tcase_add_test(cases, it_holds_what_the_last_jobs_would_have_needed);
	tcase_add_test(cases, without_a_zygote_any_cold_one_serves);
	tcase_add_test(cases, it_lacks_what_is_wanted_and_not_made);
	tcase_add_test(cases, levels_that_cannot_be_had_are_not_made);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
