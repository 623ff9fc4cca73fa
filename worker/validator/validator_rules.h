/* validator_rules.h: the validator's insides, shared by validator.c and validator_ask.c alone. */
#ifndef CODEWORKER_VALIDATOR_RULES_H
#define CODEWORKER_VALIDATOR_RULES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rules.h"
#include "validator.h"

#define VALIDATOR_FUNCTIONS 64

/* How code of a script type is read. */
enum reading_as {
	READ_NOT,			/* a language that we don't know */
	READ_SHELL,
	READ_WINDOWS,			/* shell words, names in any case */
	READ_PYTHON,
	READ_JAVASCRIPT,
};

struct validator_rule {
	struct rule rule;
	pcre2_code *pattern;		/* of RULE_PATTERN */
};

struct validator_type {
	const char *name;
	enum reading_as as;
};

struct validator_added {
	const char *name;
	enum risk from;
	validator_function *function;
};

struct validator {
	struct arena *arena;		/* of the configuration's texts, copied */
	struct validator_rule *rules;
	size_t count;
	struct validator_type *types;	/* of the configuration; built-in ones are known */
	size_t type_count;
	struct validator_added added[VALIDATOR_FUNCTIONS];
	size_t added_count;
	pcre2_match_context *limits;
};

#endif
