/* test_sandbox_settings.c: what is configured is what the sandbox is told. */
#include "../../worker/config/sandbox_settings.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../worker/arena.h"

static struct config *config;
static struct sandbox_config settings;
static struct err err;

static void load(const char *const *set, size_t count)
{
	const struct config_overrides overrides = {NULL, set, count};
	clearenv();
	ck_assert_msg(config_load(&overrides, &config, &err) == 0, "%s", err.text);
	ck_assert_int_eq(sandbox_settings(config, &settings, &err), 0);
}

static void tear_down(void)
{
	config_free(config);
}

START_TEST(limits_and_floor_arrive)
{
	const char *set[] = {"worker.slots=3", "policy.isolation_floor=restricted", "sandbox.cpu=2s",
		"sandbox.memory=32M", "sandbox.disk=8M", "sandbox.processes=7", "sandbox.output=9K",
		"sandbox.open_files=50", "policy.max_timeout=5m", "sandbox.uid_base=70000",
		"sandbox.pool=0", "sandbox.cgroup=no"};
	load(set, sizeof set / sizeof *set);
	ck_assert_int_eq(settings.slots, 3);
	ck_assert_int_eq(settings.floor, SANDBOX_RESTRICTED);
	ck_assert_uint_eq(settings.limits.wall_ms, 300000);
	ck_assert_uint_eq(settings.limits.cpu_ms, 2000);
	ck_assert_uint_eq(settings.limits.memory_bytes, 32u << 20);
	ck_assert_uint_eq(settings.limits.disk_bytes, 8u << 20);
	ck_assert_uint_eq(settings.limits.processes, 7);
	ck_assert_uint_eq(settings.limits.output_bytes, 9u << 10);
	ck_assert_uint_eq(settings.limits.open_files, 50);
	ck_assert_uint_eq(settings.uid_base, 70000);
	ck_assert_int_eq(settings.pool, 0);
	ck_assert(settings.no_cgroup);
}
END_TEST

START_TEST(the_defaults_are_strict)
{
	load(NULL, 0);
	ck_assert_int_eq(settings.floor, SANDBOX_STRICT);
	ck_assert_uint_eq(settings.require, 0);
	ck_assert(!settings.no_cgroup);
	ck_assert_ptr_null(settings.run_directory);
	ck_assert_ptr_null(settings.read_only_paths[0]);
}
END_TEST

START_TEST(every_mechanism_can_be_required)
{
	for (int m = 0; m < SANDBOX_MECHANISM_COUNT; m++) {
		char setting[80];
		const char *set[] = {setting};
		snprintf(setting, sizeof setting, "sandbox.require=%s",
			sandbox_mechanism_name((enum sandbox_mechanism)m));
		load(set, 1);
		ck_assert_uint_eq(settings.require, 1u << m);
		config_free(config);
		config = NULL;
	}
}
END_TEST

START_TEST(runtimes_and_paths_end_with_null)
{
	const char *set[] = {"runtimes.ruby.argv=/usr/bin/ruby,-W0,{file}",
		"runtimes.ruby.extension=.rb", "sandbox.read_only_paths=/opt/a,/opt/b"};
	load(set, 3);
	ck_assert_uint_eq(settings.runtime_count, 4);
	ck_assert_int_eq(settings.runtimes[1].kind, SANDBOX_RUNTIME_PYTHON);
	ck_assert_int_eq(settings.runtimes[2].kind, SANDBOX_RUNTIME_NODE);
	const struct sandbox_runtime *ruby = &settings.runtimes[3];
	ck_assert_str_eq(ruby->name, "ruby");
	ck_assert_int_eq(ruby->kind, SANDBOX_RUNTIME_EXEC);
	ck_assert_str_eq(ruby->argv[2], "{file}");
	ck_assert_ptr_null(ruby->argv[3]);
	ck_assert_str_eq(ruby->extension, ".rb");
	ck_assert_str_eq(settings.read_only_paths[1], "/opt/b");
	ck_assert_ptr_null(settings.read_only_paths[2]);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
	load(NULL, 0);
	for (int allocations = 0; allocations < 3; allocations++) {
		arena_fail_after(config->arena, allocations);
		ck_assert_int_eq(sandbox_settings(config, &settings, &err), -1);
		ck_assert_int_eq(err.code, ERR_MEMORY);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sandbox_settings");
	TCase *tests = tcase_create("sandbox_settings");
	tcase_add_checked_fixture(tests, NULL, tear_down);
	tcase_add_test(tests, limits_and_floor_arrive);
	tcase_add_test(tests, the_defaults_are_strict);
	tcase_add_test(tests, every_mechanism_can_be_required);
	tcase_add_test(tests, runtimes_and_paths_end_with_null);
	tcase_add_test(tests, no_memory_is_an_error);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
