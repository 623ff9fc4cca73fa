/* skips.h: the end of a unit test that leaves out what this machine does not have. Which tests run is
 * decided before the runner starts, since each of them is a process of its own. */
#ifndef TESTS_UNIT_SKIPS_H
#define TESTS_UNIT_SKIPS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* A test and the probe it needs: missing is NULL, or says what is not there. */
struct test_needing {
	const TTest *test;
	const char *missing;
	int variants;		/* 0: one; else _i counts them from 0 */
};

/* Adds those that can run, says which can't, and returns how many these are. */
static inline int tests_add(TCase *tests, const struct test_needing *table, size_t count)
{
	int skipped = 0;
	for (size_t i = 0; i < count; i++) {
		if (!table[i].missing) {
			tcase_add_loop_test(tests, table[i].test, 0,
				table[i].variants ? table[i].variants : 1);
			continue;
		}
		printf("SKIP %s: %s\n", table[i].test->name, table[i].missing);
		skipped++;
	}
	return skipped;
}

static inline int tests_run(Suite *suite, int skipped)
{
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner), run = srunner_ntests_run(runner);
	TestResult **failures = srunner_failures(runner);
	for (int i = 0; i < failed; i++)
		printf("%s:%d: %s: %s\n", tr_lfile(failures[i]), tr_lno(failures[i]),
			tr_tcname(failures[i]), tr_msg(failures[i]));
	free(failures);
	srunner_free(runner);
	printf("%d passed, %d failed, %d skipped\n", run - failed, failed, skipped);
	return failed ? 1 : 0;
}

#endif
