/* lease.c: see lease.h. Source: timerfd_create(2), clock_getres(2). */
#include "lease.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LONG_PAST_MS 1

static int64_t boot_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

int lease_open(struct lease *lease)
{
	*lease = (struct lease){.timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
	return lease->timer_fd < 0 ? -1 : 0;
}

void lease_close(struct lease *lease)
{
	if (lease->timer_fd >= 0)
		close(lease->timer_fd);
	lease->timer_fd = -1;
}

bool lease_ran_out(struct lease *lease)
{
	static const struct itimerspec never = {0};
	if (!lease->until_ms || lease->out || boot_ms() < lease->until_ms)
		return false;
	lease->out = true;
	(void)timerfd_settime(lease->timer_fd, 0, &never, NULL);
	return true;
}

void lease_renew(struct lease *lease, int64_t until_ms)
{
	const struct itimerspec end = {
		.it_value = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000}};
	bool set = until_ms > 0 && timerfd_settime(lease->timer_fd, TFD_TIMER_ABSTIME, &end, NULL) == 0;
	lease->until_ms = set ? until_ms : LONG_PAST_MS;
	lease->out = false;
}
