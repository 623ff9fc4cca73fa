/* test_kafka_conf.c: kafka.* as librdkafka takes or refuses it. */
#include "../../worker/kafka/kafka_conf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *setting, const char *refusal)
{
	const struct config_overrides overrides = {.set = &setting, .set_count = 1};
	struct config *config;
	struct err err = {0};
	unsetenv("CODEWORKER_CONFIG");
	ck_assert_msg(config_load(&overrides, &config, &err) == 0, "%s", err.text);
	int answer = kafka_conf_check(config, &err);
	config_free(config);
	ck_assert_int_eq(answer, refusal ? -1 : 0);
	ck_assert_msg(!refusal || strcmp(err.text, refusal) == 0, "%s", err.text);
	ck_assert(!refusal || err.code == ERR_INVALID);
}

START_TEST(properties_of_either_client_and_of_topics_are_taken)
{
	check("kafka.linger.ms=5", NULL);
	check("kafka.fetch.wait.max.ms=5", NULL);
	check("kafka.message.timeout.ms=5000", NULL);
}
END_TEST

START_TEST(an_unknown_property_is_told_its_place_and_the_nearest)
{
	check("kafka.linger.m=5", "--set: kafka.linger.m: No such configuration property: "
		"\"linger.m\"; did you mean linger.ms?");
	check("kafka.message.timeout.sm=5", "--set: kafka.message.timeout.sm: No such configuration "
		"property: \"message.timeout.sm\"; did you mean message.timeout.ms?");
	check("kafka.nothing.like.it.at.all=5", "--set: kafka.nothing.like.it.at.all: No such "
		"configuration property: \"nothing.like.it.at.all\"");
}
END_TEST

START_TEST(a_wrong_value_is_told_its_place)
{
	check("kafka.socket.timeout.ms=x", "--set: kafka.socket.timeout.ms: Invalid value for "
		"configuration property \"socket.timeout.ms\"");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kafka_conf");
	TCase *tests = tcase_create("kafka_conf");
	tcase_add_test(tests, properties_of_either_client_and_of_topics_are_taken);
	tcase_add_test(tests, an_unknown_property_is_told_its_place_and_the_nearest);
	tcase_add_test(tests, a_wrong_value_is_told_its_place);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
