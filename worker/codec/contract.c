/* contract.c: the names of the contract's enumerations, both ways. */
#include "contract.h"

#include <string.h>

static const char *const risk_names[] = {
	[RISK_NONE] = "none", [RISK_LOW] = "low", [RISK_MEDIUM] = "medium", [RISK_HIGH] = "high",
};

const char *risk_name(enum risk risk)
{
	return risk_names[risk];
}

int risk_parse(const char *name, enum risk *risk)
{
	for (size_t i = 0; i < sizeof risk_names / sizeof *risk_names; i++) {
		if (strcmp(name, risk_names[i]) == 0) {
			*risk = (enum risk)i;
			return 0;
		}
	}
	return -1;
}

static const char *const status_names[] = {
	[STATUS_COMPLETED] = "COMPLETED", [STATUS_FAILED] = "FAILED",
	[STATUS_CANCELLED] = "CANCELLED", [STATUS_SKIPPED] = "SKIPPED",
};

const char *status_name(enum status status)
{
	return status_names[status];
}

const char *status_find(const char *text)
{
	for (size_t i = 0; i < sizeof status_names / sizeof *status_names; i++)
		if (strcasecmp(text, status_names[i]) == 0)
			return status_names[i];
	return NULL;
}

const char *encoding_content_type(enum encoding encoding)
{
	static const char *const types[] = {
		[ENCODING_JSON] = "application/json", [ENCODING_AVRO] = "application/avro",
		[ENCODING_CONFLUENT] = "application/vnd.confluent.avro",
	};
	return types[encoding];
}

static const struct {
	const char *code, *type, *name;
	bool retried;
} errors[ERROR_CODE_COUNT] = {
#define X(id, code, type, name, retried) [ERROR_##id] = {code, type, name, retried},
	ERROR_CODES(X)
#undef X
};

const char *error_code_name(enum error_code code)
{
	return errors[code].code;
}

const char *error_type(enum error_code code)
{
	return errors[code].type;
}

bool error_retryable(enum error_code code)
{
	return errors[code].retried;
}

size_t error_hierarchy(enum error_code code, const char *names[3])
{
	names[0] = "SDKError";
	names[1] = errors[code].type;
	if (!*errors[code].name)
		return 2;
	names[2] = errors[code].name;
	return 3;
}
