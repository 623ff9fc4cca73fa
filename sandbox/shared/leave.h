/* leave.h: the last call of a process that has nothing more to do.
 *
 * exit_group(2) with a mark in an argument that the kernel does not look at. The filters of the levels that
 * have a listener tell the launcher of it (seccomp_unotify(2)), and the call waits. Where it comes from all that is left
 * of a job, the launcher answers the job and ends its sandbox: taking an interpreter's memory apart takes as long as
 * many a job, and nobody needs to wait for it. Else the launcher lets it go on, and it is an exit like any other.
 * A job may make the call itself: it says no more than exit_group does.
 */
#ifndef CODESANDBOX_LEAVE_H
#define CODESANDBOX_LEAVE_H

#include <linux/audit.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEAVE_MARK 0x4556454cu		/* "LEVE" */

/* As in seccomp_data. 0: told by no notification. */
#if defined(__x86_64__)
#define LEAVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define LEAVE_ARCH AUDIT_ARCH_AARCH64
#else
#define LEAVE_ARCH 0
#endif

/* Signals are blocked, as a handler would interrupt the call before it is read. */
static inline _Noreturn void leave(int status)
{
	sigset_t all;
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	(void)syscall(SYS_exit_group, status, LEAVE_MARK);
	for (;;)			/* nobody listens any more */
		(void)syscall(SYS_exit_group, status, 0);
}

#endif
