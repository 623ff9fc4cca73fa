/* self_test.h: tries each level once, by effect, before the launcher takes work. */
#ifndef LAUNCHER_SELF_TEST_H
#define LAUNCHER_SELF_TEST_H

#include "zygotes.h"

/* cell: a free one to try with, free again afterwards. Takes some milliseconds a level, and what the
 * interpreters take to start: zygotes holds those that came up and passed, none that failed. serial: of the
 * next sandbox. */
void self_test(struct cell *cell, const struct host *host, struct zygotes *zygotes, uint64_t *serial,
	struct sandbox_self_test *result);

#endif
