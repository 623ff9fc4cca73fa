/* seccomp.h: the system-call filters of each level, compiled in the caller and applied in the job.
 * seccomp(2), seccomp_unotify(2). The policy itself is data: seccomp_policy.h. */
#ifndef CODESANDBOX_SECCOMP_H
#define CODESANDBOX_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>

#include "sandbox.h"

struct seccomp_program {
	struct sock_filter *filter;	/* malloc'ed */
	size_t count;
};

/* memory_by_rlimit: memory is not held by a cgroup, so what RLIMIT_DATA does not count is denied
 * (memfd_create, shared anonymous maps). */
int seccomp_compile(enum sandbox_level level, bool memory_by_rlimit,
	struct seccomp_program *program, struct err *err);

/* The same before seccomp_compact(), as libseccomp gives it: what seccomp_compile() is held to. */
int seccomp_generate(enum sandbox_level level, bool memory_by_rlimit,
	struct seccomp_program *program, struct err *err);
void seccomp_program_free(struct seccomp_program *program);

/* arch: AUDIT_ARCH_* of a notification, 0 where the kernel could not tell ("unknown"). */
void seccomp_syscall_name(uint32_t arch, int number, char name[32]);

#endif
