/* clock.h: what time it is. clock_gettime(2). */
#ifndef CODEWORKER_CLOCK_H
#define CODEWORKER_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_us(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* Since 1970, as records and people have it. */
static inline int64_t wall_ms(void)
{
	return clock_read_us(CLOCK_REALTIME) / 1000;
}

/* Goes on evenly. */
static inline int64_t monotonic_ms(void)
{
	return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

static inline int64_t monotonic_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

/* Goes on while the machine sleeps, too: the clock of leases. */
static inline int64_t boot_ms(void)
{
	return clock_read_us(CLOCK_BOOTTIME) / 1000;
}

#endif
