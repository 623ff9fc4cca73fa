/* test_broker_kafka_control.c: from when on code.control is read. */
#include "../../worker/broker/broker_kafka_internal.h"

#include <check.h>
#include <stdlib.h>

#define HOUR INT64_C(3600000)
#define MINUTE INT64_C(60000)

START_TEST(cancels_are_read_for_as_long_as_they_may_apply)
{
	struct config config = {.worker.cancel_window_ms = HOUR,
		.policy.max_retry_delay_ms = HOUR / 2};
	ck_assert_int_eq(control_begin_ms(&config, 10 * HOUR), 9 * HOUR - MINUTE);
	config.policy.max_retry_delay_ms = 8 * HOUR;
	ck_assert_int_eq(control_begin_ms(&config, 10 * HOUR), 2 * HOUR - MINUTE);
	ck_assert_int_eq(control_begin_ms(&config, 8 * HOUR), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reading cancels");
	TCase *cases = tcase_create("all");
	tcase_add_test(cases, cancels_are_read_for_as_long_as_they_may_apply);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
