/* test_lease.c: until when jobs may run. */
#include "../../sandbox/launcher/lease.c"

#include <check.h>
#include <poll.h>

static struct lease lease;

static void set_up(void)
{
	ck_assert_int_eq(lease_open(&lease), 0);
}

static void tear_down(void)
{
	lease_close(&lease);
}

static int timer_told(int within_ms)
{
	struct pollfd timer = {.fd = lease.timer_fd, .events = POLLIN};
	return poll(&timer, 1, within_ms);
}

START_TEST(without_a_lease_there_is_no_end)
{
	ck_assert(!lease_ran_out(&lease));
	ck_assert(!lease.out);
	ck_assert_int_eq(timer_told(0), 0);
}
END_TEST

START_TEST(its_end_wakes_the_launcher_and_is_told_once)
{
	int64_t until_ms = boot_ms() + 40;
	lease_renew(&lease, until_ms);
	ck_assert_int_eq(timer_told(5000), 1);
	ck_assert_int_ge(boot_ms(), until_ms);
	ck_assert(lease_ran_out(&lease));
	ck_assert(lease.out);
	ck_assert(!lease_ran_out(&lease));
	ck_assert_int_eq(timer_told(0), 0);
}
END_TEST

START_TEST(a_renewal_in_time_moves_the_end)
{
	lease_renew(&lease, boot_ms() + 60);
	lease_renew(&lease, boot_ms() + 60000);
	ck_assert_int_eq(timer_told(120), 0);
	ck_assert(!lease_ran_out(&lease));
}
END_TEST

START_TEST(one_that_ran_out_stays_out_until_it_is_renewed)
{
	lease_renew(&lease, boot_ms() - 1);
	ck_assert(lease_ran_out(&lease));
	lease_renew(&lease, boot_ms() + 60000);
	ck_assert(!lease.out);
	ck_assert(!lease_ran_out(&lease));
}
END_TEST

START_TEST(a_time_that_is_none_has_passed)
{
	static const int64_t none[] = {0, -1, INT64_MIN, 999};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		lease_renew(&lease, none[i]);
		ck_assert_msg(lease_ran_out(&lease), "%lld", (long long)none[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lease");
	TCase *tests = tcase_create("lease");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, without_a_lease_there_is_no_end);
	tcase_add_test(tests, its_end_wakes_the_launcher_and_is_told_once);
	tcase_add_test(tests, a_renewal_in_time_moves_the_end);
	tcase_add_test(tests, one_that_ran_out_stays_out_until_it_is_renewed);
	tcase_add_test(tests, a_time_that_is_none_has_passed);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
