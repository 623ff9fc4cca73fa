/* zygote.h: a warm interpreter's side of launcher/zygote.h: what the language's library is built on.
 *
 * The library is loaded into a stock interpreter, so it must get along with whatever that does: it has no
 * signal handlers, no threads and no exit handlers, and calls libc's fork().
 */
#ifndef ZYGOTE_ZYGOTE_H
#define ZYGOTE_ZYGOTE_H

#include "../launcher/job.h"

/* The interpreter's own preparations for fork(), or NULL. */
struct zygote_hooks {
	void (*before)(void);
	void (*after_in_parent)(void);
	void (*after_in_child)(void);
	/* In a job's process that waits in the pool: pages that it touches are its own from then on, so what a
	 * job will touch is best touched now, when nobody waits for it. */
	void (*idle)(void);
	const char *trial;		/* a script like most (working_set.h) */
};

/* Says that the interpreter is up and forks a job's process for each of the launcher's records. Returns in
 * each such process, locked down, with its job's files in place, as `script` tells; never in the zygote,
 * which ends with its launcher or when it is told to and its last job has ended. All failures end the
 * process; the launcher hears of them. Before it serves, it returns in one fork that is in no sandbox and runs the
 * trial's script, of which nothing stays but which pages it touched; where that fails, jobs would. */
void zygote_serve(const struct zygote_hooks *hooks, struct script *script);

/* Ends a job's process that zygote_serve returned in, by its last call (shared/leave.h); a fork of it as ever:
 * the job's exit code is not its. */
_Noreturn void zygote_job_leave(int status);

#endif
