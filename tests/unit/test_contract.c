/* test_contract.c: the names of the contract. */
#include "codec_fixture.h"

START_TEST(risks_have_names_both_ways)
{
	static const char *const names[] = {"none", "low", "medium", "high"};
	for (int i = 0; i < 4; i++) {
		enum risk risk = RISK_NONE;
		ck_assert_str_eq(risk_name((enum risk)i), names[i]);
		ck_assert_int_eq(risk_parse(names[i], &risk), 0);
		ck_assert_int_eq(risk, i);
	}
	enum risk untouched = RISK_LOW;
	ck_assert_int_eq(risk_parse("HIGH", &untouched), -1);
	ck_assert_int_eq(risk_parse("", &untouched), -1);
	ck_assert_int_eq(untouched, RISK_LOW);
}
END_TEST

START_TEST(statuses_and_content_types_are_the_contracts)
{
	ck_assert_str_eq(status_name(STATUS_COMPLETED), "COMPLETED");
	ck_assert_str_eq(status_name(STATUS_FAILED), "FAILED");
	ck_assert_str_eq(status_name(STATUS_CANCELLED), "CANCELLED");
	ck_assert_str_eq(status_name(STATUS_SKIPPED), "SKIPPED");
	ck_assert_str_eq(encoding_content_type(ENCODING_JSON), "application/json");
	ck_assert_str_eq(encoding_content_type(ENCODING_AVRO), "application/avro");
	ck_assert_str_eq(encoding_content_type(ENCODING_CONFLUENT),
		"application/vnd.confluent.avro");
}
END_TEST

/* The table of the contract's page, written a second time on purpose. */
START_TEST(errors_are_those_of_the_contracts_table)
{
	static const struct {
		const char *code, *hierarchy;
		bool retried;
	} table[] = {
		{"request.malformed", "SDKError ValidationError", false},
		{"code.security", "SDKError ValidationError SecurityValidationError", false},
		{"code.unsupported", "SDKError ValidationError", false},
		{"script.not_found", "SDKError NotFoundError", false},
		{"execution.exit", "SDKError ExecutionError CodeExecutionError", true},
		{"execution.signal", "SDKError ExecutionError CodeExecutionError", true},
		{"execution.output", "SDKError ExecutionError CodeExecutionError", true},
		{"timeout", "SDKError TimeoutError", true},
		{"limit.cpu", "SDKError ExecutionError CodeExecutionError", true},
		{"limit.memory", "SDKError ExecutionError CodeExecutionError", true},
		{"limit.disk", "SDKError ExecutionError CodeExecutionError", true},
		{"limit.processes", "SDKError ExecutionError CodeExecutionError", true},
		{"limit.output", "SDKError ExecutionError CodeExecutionError", true},
		{"sandbox.violation", "SDKError SandboxError", false},
		{"sandbox.unavailable", "SDKError SandboxError", false},
		{"execution.lost", "SDKError CodeExecutionError", false},
		{"unexpected", "SDKError CodeExecutionError", true},
		{"cancelled", "SDKError CancelledError", false},
		{"expired", "SDKError ExpiredError", false},
	};
	ck_assert_uint_eq(sizeof table / sizeof *table, ERROR_CODE_COUNT);
	for (int code = 0; code < ERROR_CODE_COUNT; code++) {
		const char *names[3];
		char joined[100] = "";
		size_t levels = error_hierarchy((enum error_code)code, names);
		for (size_t i = 0; i < levels; i++) {
			strcat(joined, i ? " " : "");
			strcat(joined, names[i]);
		}
		ck_assert_str_eq(error_code_name((enum error_code)code), table[code].code);
		ck_assert_str_eq(joined, table[code].hierarchy);
		ck_assert_str_eq(error_type((enum error_code)code), names[1]);
		ck_assert_int_eq(error_retryable((enum error_code)code), table[code].retried);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, risks_have_names_both_ways);
	tcase_add_test(tests, statuses_and_content_types_are_the_contracts);
	tcase_add_test(tests, errors_are_those_of_the_contracts_table);
}

int main(void)
{
	return fixture_run("contract", add);
}
