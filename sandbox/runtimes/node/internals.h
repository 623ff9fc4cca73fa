/* internals.h: what a fork of Node needs changed inside of Node, where no interface of its leads.
 *
 * All of it is found by names that Node's program exports, or by what it looks like, and a Node that lacks
 * one of them is not warm:
 *
 * - The platform's threads do not exist in a fork. V8 helps itself without them (--single-threaded), but
 *   waits for what it once posted to them at the end of each event loop, and tells their scheduler of what
 *   is due later through a descriptor that is long closed. Both are entries of the platform's virtual table.
 * - The process ends through a handler, which joins those threads.
 * - The clock's origin is the process' start; it is kept in several places, which are found by their value.
 * - Workers show the options that the zygote was started with.
 * - Math.random is seeded from the isolate's generator, which a fork has a copy of.
 */
#ifndef NODE_INTERNALS_H
#define NODE_INTERNALS_H

#include <stdint.h>

#define V8_PAGE_BYTES ((uintptr_t)256 << 10)	/* and what its pages begin at multiples of */

/* In the zygote, on Node's own thread. idle: called there when the event loop has nothing left to do.
 * Returns NULL or what this Node lacks. */
const char *internals_open(void (*idle)(void));

/* In the zygote, when nothing that JavaScript holds is moved any more: finds the clock's origin that Node 18
 * holds there. Returns NULL or what this Node lacks. */
const char *internals_settle(void);

/* In a fork: what differs from job to job. The clock's origin is when its job begins. */
void internals_renew_random(void);
void internals_renew_clock(void);

/* Ends the process. */
_Noreturn void internals_leave(int code);

#endif
