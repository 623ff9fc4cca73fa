/* clock.h: what time it is. clock_gettime(2). */
#ifndef CODEWORKER_CLOCK_H
#define CODEWORKER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Since 1970, as records and people have it. */
static inline int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Goes on evenly. */
static inline int64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static inline int64_t monotonic_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* Goes on while the machine sleeps, too: the clock of leases. */
static inline int64_t boot_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

#endif
