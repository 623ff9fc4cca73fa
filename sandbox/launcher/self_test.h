/* self_test.h: tries each level once, by effect, before the launcher takes work. */
#ifndef LAUNCHER_SELF_TEST_H
#define LAUNCHER_SELF_TEST_H

#include "cell.h"

/* cell: a free one to try with, free again afterwards. Takes some milliseconds a level. */
void self_test(struct cell *cell, const struct host *host, struct sandbox_self_test *result);

#endif
