/* validator.h: the risk levels' rules. Pure: no I/O, no clock.
 *
 * The rules are advice against accidents; the sandbox is the wall. So a false alarm is the worse
 * fault, and evading a rule gains nothing. Built-in rules are a table of data and functions
 * (rules.c); the configuration adds rules of every kind (patterns are PCRE2's, with match limits),
 * changes them and switches them off, and code adds functions, without a change to validator.c.
 */
#ifndef CODEWORKER_VALIDATOR_H
#define CODEWORKER_VALIDATOR_H

#include "../config/config.h"
#include "../codec/contract.h"

struct validator;

struct validation {
	const char *rule;		/* name of the rule, static or the validator's */
	char match[128];		/* what it found, cut */
	char message[256];
};

/* A rule in code. Returns true when it objects; it may fill found->match and found->message. */
typedef bool validator_function(const struct request *request, struct validation *found);

/* config: may be NULL (defaults only); borrowed for the call. ERR_INVALID names a bad pattern. */
int validator_new(const struct config *config, struct validator **validator, struct err *err);
void validator_free(struct validator *validator);
/* name: borrowed for the validator's life. It is asked from from_risk upwards, high included. */
int validator_add(struct validator *validator, const char *name, enum risk from_risk,
	validator_function *function, struct err *err);

/* request->code is the code to judge: for a named script the caller has loaded it; NULL: only what
 * else there is (names, paths).
 * Returns true when it may run; false with *found set. */
bool validator_allows(const struct validator *validator, const struct request *request,
	struct validation *found);

#endif
