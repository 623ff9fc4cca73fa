/* lease.h: until when jobs may run, by the caller's word.
 *
 * A caller that is stopped can't end its jobs, and may no longer be the one whose jobs they are: so it leases
 * the right to run them, for a while each time, and the launcher ends them when it hears no more. The time is an
 * absolute one on CLOCK_BOOTTIME, which goes on while the machine sleeps. A renewal never undoes that a lease
 * has run out: however late the launcher itself is woken, it looks at the old one first.
 */
#ifndef LAUNCHER_LEASE_H
#define LAUNCHER_LEASE_H

#include <stdbool.h>
#include <stdint.h>

struct lease {
	int timer_fd;			/* readable when it runs out, until lease_ran_out has said so */
	int64_t until_ms;		/* 0: none was asked for, and none is needed */
	bool out;			/* nothing may run */
};

/* -1 with errno: no descriptor. */
int lease_open(struct lease *lease);
void lease_close(struct lease *lease);

/* True once for each lease that has run out. */
bool lease_ran_out(struct lease *lease);

/* until_ms: whatever the caller said; a time that has passed, or is none, is a lease that has run out. Call
 * lease_ran_out before. */
void lease_renew(struct lease *lease, int64_t until_ms);

#endif
