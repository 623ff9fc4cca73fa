/* rules.h: the rules that come with codeworker, as data. docs/contract.md, "Risk levels". */
#ifndef CODEWORKER_RULES_H
#define CODEWORKER_RULES_H

#include <stddef.h>

#include "../codec/contract.h"

enum rule_kind {
	RULE_PATH,		/* '..' as a component or a leading '~': names and shell words */
	RULE_EXTENSION,		/* of scriptName */
	RULE_LENGTH,		/* of the code, in characters */
	RULE_COMMAND,		/* a command, or a command and its first words */
	RULE_CALL,		/* a dotted name of a language */
	RULE_PATTERN,		/* PCRE2 over the code: from the configuration only */
};

struct rule {
	const char *name;
	enum rule_kind kind;
	enum risk from, to;	/* the risk levels at which it holds */
	const char *script_type;	/* of calls and patterns; NULL: every type */
	const char *pattern;	/* words, a dotted name, an extension, a number */
	const char *message;	/* NULL: made from kind and pattern */
};

extern const struct rule rules_builtin[];
extern const size_t rules_builtin_count;

#endif
