/* chaos.h: named points in the worker at which a test can end or stop it, and safeguards that a test can
 * switch off. In any other build both are nothing: no code, no strings.
 *
 * A build with CODEWORKER_CHAOS (make CHAOS=1) links tests/chaos/chaos.c.
 */
#ifndef CODEWORKER_CHAOS_H
#define CODEWORKER_CHAOS_H

#include <stdbool.h>

#ifdef CODEWORKER_CHAOS
/* What the environment asks for happens at the given passing of this point. Any thread may call it. */
void chaos_point(const char *name);
/* Whether the environment has this safeguard switched off. */
bool chaos_off(const char *safeguard);
#else
static inline void chaos_point(const char *name)
{
	(void)name;
}

static inline bool chaos_off(const char *safeguard)
{
	(void)safeguard;
	return false;
}
#endif

#endif
