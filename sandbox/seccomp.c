/* seccomp.c: see seccomp.h. The kill tier is user notification, not SCMP_ACT_KILL: waitid(2) can't tell a
 * filter's kill from a SIGSYS that a job sent itself, but the launcher, which holds the listener,
 * can, and learns which call it was. Foreign architectures (int 0x80, x32) are in that tier, but at
 * level none, where they are no offence and get the same rules. */
#include "seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seccomp_compact.h"
#include "seccomp_policy.h"
#include "shared/leave.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CLONE_DENIED (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
	CLONE_NEWNET | CLONE_NEWCGROUP | 0x80 /* CLONE_NEWTIME */ | CLONE_PARENT)
#define X32_BIT 0x40000000

/* A call that this machine or libseccomp does not know needs no rule: unknown is denied at strict. */
static int rule(scmp_filter_ctx context, uint32_t action, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);
	if (number == __NR_SCMP_ERROR || number < 0)
		return 0;
	int result = seccomp_rule_add(context, action, number, 0);
	return result == -EACCES ? 0 : result;	/* the same as the filter's default */
}

static int rules(scmp_filter_ctx context, uint32_t action, const char *const *names)
{
	for (; *names; names++) {
		int result = rule(context, action, *names);
		if (result < 0)
			return result;
	}
	return 0;
}

static int rule_if(scmp_filter_ctx context, uint32_t action, int number,
	struct scmp_arg_cmp comparison)
{
	int result = seccomp_rule_add(context, action, number, 1, comparison);
	return result == -EACCES ? 0 : result;
}

/* Domain and address family: only AF_UNIX exists. EAFNOSUPPORT is what a kernel without it says. */
static int rules_sockets(scmp_filter_ctx context)
{
	int calls[] = {SCMP_SYS(socket), SCMP_SYS(socketpair)}, result = 0;
	for (size_t i = 0; i < COUNT(calls) && result == 0; i++) {
		result = rule_if(context, SCMP_ACT_ALLOW, calls[i], SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
		if (result == 0)
			result = rule_if(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), calls[i],
				SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	}
	return result;
}

/* Threads and plain forks; a namespace of its own would give a job capabilities in it, and a sibling would be a
 * child of the zygote's that it does not know. */
static int rules_clone(scmp_filter_ctx context)
{
	int result = 0;
	for (unsigned bit = 0; bit < 32 && result == 0; bit++)
		if ((unsigned long)CLONE_DENIED >> bit & 1)
			result = rule_if(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone),
				SCMP_A0(SCMP_CMP_MASKED_EQ, 1ul << bit, 1ul << bit));
	if (result == 0)
		result = rule_if(context, SCMP_ACT_ALLOW, SCMP_SYS(clone),
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_DENIED, 0));
	return result;
}

/* FIFOs and sockets, but no devices. */
static int rules_mknod(scmp_filter_ctx context, bool strict)
{
	static const mode_t denied[] = {S_IFCHR, S_IFBLK}, allowed[] = {S_IFIFO, S_IFSOCK, S_IFREG, 0};
	const struct {
		int number;
		unsigned mode_argument;
	} calls[] = {{SCMP_SYS(mknod), 1}, {SCMP_SYS(mknodat), 2}};
	int result = 0;
	for (size_t c = 0; c < COUNT(calls); c++) {
		for (size_t i = 0; i < COUNT(denied) && result == 0; i++)
			result = rule_if(context, SCMP_ACT_ERRNO(EPERM), calls[c].number,
				SCMP_CMP(calls[c].mode_argument, SCMP_CMP_MASKED_EQ, S_IFMT, denied[i]));
		for (size_t i = 0; strict && i < COUNT(allowed) && result == 0; i++)
			result = rule_if(context, SCMP_ACT_ALLOW, calls[c].number,
				SCMP_CMP(calls[c].mode_argument, SCMP_CMP_MASKED_EQ, S_IFMT,
					allowed[i]));
	}
	return result;
}

/* A call that takes any value in one argument but some. The kernel reads 32 bits, whatever stands above. */
struct exception {
	int number;
	unsigned argument;
	const unsigned *values;
	size_t count;
};

static bool denied_below(const struct exception *exception, uint64_t prefix, unsigned bits)
{
	for (size_t i = 0; i < exception->count; i++)
		if ((uint64_t)exception->values[i] >> bits == prefix >> bits)
			return true;
	return false;
}

/* Allows every value but the denied ones, by their common prefixes: beside a rule that allows the
 * whole call, one that denies a value would count for nothing. */
static int allow_others(scmp_filter_ctx context, const struct exception *exception, uint64_t prefix,
	unsigned bits)
{
	if (!denied_below(exception, prefix, bits))
		return rule_if(context, SCMP_ACT_ALLOW, exception->number, SCMP_CMP(exception->argument,
			SCMP_CMP_MASKED_EQ, 0xffffffff >> bits << bits, prefix));
	if (bits == 0)
		return 0;
	int result = allow_others(context, exception, prefix, bits - 1);
	return result < 0 ? result :
		allow_others(context, exception, prefix | 1ull << (bits - 1), bits - 1);
}

static int deny_values(scmp_filter_ctx context, const struct exception *exception)
{
	int result = 0;
	for (size_t i = 0; i < exception->count && result == 0; i++)
		result = rule_if(context, SCMP_ACT_ERRNO(EPERM), exception->number,
			SCMP_CMP(exception->argument, SCMP_CMP_MASKED_EQ, 0xffffffff,
				exception->values[i]));
	return result;
}

/* F_NOTIFY signals what others do to a shared directory. */
static int rules_exceptions(scmp_filter_ctx context, bool strict)
{
	static const unsigned notify[] = {F_NOTIFY};
	const struct exception exceptions[] = {
		{SCMP_SYS(ioctl), 1, policy_ioctl_denied, COUNT(policy_ioctl_denied)},
		{SCMP_SYS(fcntl), 1, notify, COUNT(notify)}};
	int result = 0;
	for (size_t i = 0; i < COUNT(exceptions) && result == 0; i++) {
		result = deny_values(context, &exceptions[i]);
		if (result == 0 && strict)
			result = allow_others(context, &exceptions[i], 0, 32);
	}
	return result;
}

/* The limit of core dumps is such that no handler starts (rlimit.c): one of 0, which anyone may set,
 * would let it. */
static int rules_core_limit(scmp_filter_ctx context, bool strict)
{
	static const unsigned core[] = {RLIMIT_CORE};
	const struct exception set = {SCMP_SYS(setrlimit), 0, core, 1},
		set_or_get = {SCMP_SYS(prlimit64), 1, core, 1};
	int result = deny_values(context, &set);
	if (result == 0)
		result = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 2,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, RLIMIT_CORE),
			SCMP_A2(SCMP_CMP_NE, 0));
	if (result < 0 || !strict)
		return result;
	result = allow_others(context, &set, 0, 32);
	if (result == 0)
		result = allow_others(context, &set_or_get, 0, 32);
	return result < 0 ? result :
		rule_if(context, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
}

/* A job's own files are in memory, where there is nothing to wait for. On a shared file these have the
 * machine's disk write out its cache, for everyone. */
static int rules_sync(scmp_filter_ctx context, bool strict)
{
	int result = rules(context, SCMP_ACT_ERRNO(0), (const char *const[]){"fsync", "fdatasync", NULL});
	if (result == 0)
		result = rule_if(context, SCMP_ACT_ERRNO(0), SCMP_SYS(msync),
			SCMP_A2(SCMP_CMP_MASKED_EQ, MS_SYNC, MS_SYNC));
	return result < 0 || !strict ? result : rule_if(context, SCMP_ACT_ALLOW, SCMP_SYS(msync),
		SCMP_A2(SCMP_CMP_MASKED_EQ, MS_SYNC, 0));
}

static int rules_prctl(scmp_filter_ctx context, bool strict)
{
	int result = 0;
	if (!strict)
		return rule_if(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl),
			SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, PR_SET_SECCOMP));
	for (size_t i = 0; i < COUNT(policy_prctl) && result == 0; i++)
		result = rule_if(context, SCMP_ACT_ALLOW, SCMP_SYS(prctl),
			SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, (unsigned)policy_prctl[i]));
	return result;
}

/* Only the question which one it has: other personalities switch address randomisation off. */
static int rules_personality(scmp_filter_ctx context)
{
	const uint32_t query = 0xffffffff;
	int result = rule_if(context, SCMP_ACT_ALLOW, SCMP_SYS(personality),
		SCMP_A0(SCMP_CMP_EQ, query));
	return result < 0 ? result : rule_if(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(personality),
		SCMP_A0(SCMP_CMP_NE, query));
}

/* Memory that RLIMIT_DATA does not count. */
static int rules_memory(scmp_filter_ctx context, bool strict, bool by_rlimit)
{
	const uint64_t shared_anonymous = MAP_SHARED | MAP_ANONYMOUS;
	int result = 0;
	if (!by_rlimit)
		return strict ? rules(context, SCMP_ACT_ALLOW,
			(const char *const[]){"mmap", "memfd_create", NULL}) : 0;
	result = rule(context, SCMP_ACT_ERRNO(ENOSYS), "memfd_create");
	if (result == 0)
		result = rule_if(context, SCMP_ACT_ERRNO(ENOMEM), SCMP_SYS(mmap),
			SCMP_A3(SCMP_CMP_MASKED_EQ, shared_anonymous, shared_anonymous));
	if (result == 0 && strict)
		result = rule_if(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap),
			SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0));
	if (result == 0 && strict)
		result = rule_if(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap),
			SCMP_A3(SCMP_CMP_MASKED_EQ, shared_anonymous, MAP_ANONYMOUS));
	return result;
}

/* A level without a policy of its own leaves nothing behind in the machine's ipc and keyrings all the same, and
 * keeps its limits: in a user namespace of its own a job could mount memory that none of them counts. */
static int rules_none(scmp_filter_ctx context, bool by_rlimit)
{
	int result = rules(context, SCMP_ACT_ERRNO(EPERM), policy_none_eperm);
	if (result == 0)
		result = rule(context, SCMP_ACT_ERRNO(ENOSYS), "clone3");
	const int makers[] = {SCMP_SYS(clone), SCMP_SYS(unshare)};
	for (size_t i = 0; i < COUNT(makers) && result == 0; i++)
		result = rule_if(context, SCMP_ACT_ERRNO(EPERM), makers[i],
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
	if (result == 0)
		result = rule_if(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone),
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_PARENT, CLONE_PARENT));
	if (result == 0)
		result = rules_core_limit(context, false);
	return result == 0 && by_rlimit ? rules_memory(context, false, true) : result;
}

/* The 32-bit door has calls of its own for some of these: ipc(2), of whose first argument the kernel
 * reads half, and two kinds of mmap, one with its arguments out of a filter's sight. */
static int rules_none_i386(scmp_filter_ctx context, bool by_rlimit)
{
	static const unsigned makers[] = {2, 13, 23};	/* SEMGET, MSGGET, SHMGET */
	const uint64_t shared_anonymous = MAP_SHARED | MAP_ANONYMOUS;
	int result = rules_none(context, false);
	for (size_t i = 0; i < COUNT(makers) && result == 0; i++)
		result = rule_if(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ipc),
			SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffff, makers[i]));
	if (result < 0 || !by_rlimit)
		return result;
	result = rules(context, SCMP_ACT_ERRNO(ENOSYS), (const char *const[]){"memfd_create", "mmap", NULL});
	return result < 0 ? result : rule_if(context, SCMP_ACT_ERRNO(ENOMEM), SCMP_SYS(mmap2),
		SCMP_A3(SCMP_CMP_MASKED_EQ, shared_anonymous, shared_anonymous));
}

/* See shared/leave.h. */
static int rules_leave(scmp_filter_ctx context, bool strict)
{
	if (!LEAVE_ARCH)
		return strict ? rule(context, SCMP_ACT_ALLOW, "exit_group") : 0;
	int result = rule_if(context, SCMP_ACT_NOTIFY, SCMP_SYS(exit_group),
		SCMP_A1(SCMP_CMP_EQ, LEAVE_MARK));
	return result < 0 || !strict ? result : rule_if(context, SCMP_ACT_ALLOW, SCMP_SYS(exit_group),
		SCMP_A1(SCMP_CMP_NE, LEAVE_MARK));
}

static int rules_all(scmp_filter_ctx context, bool strict, bool by_rlimit)
{
	int result = rules(context, SCMP_ACT_NOTIFY, policy_kill);
	if (result == 0)
		result = rules(context, SCMP_ACT_ERRNO(EPERM), policy_eperm);
	if (result == 0)
		result = rules(context, SCMP_ACT_ERRNO(ENOSYS), policy_enosys);
	if (result == 0 && strict)
		result = rules(context, SCMP_ACT_ALLOW, policy_allow);
	if (result == 0)
		result = rules_leave(context, strict);
	if (result == 0)
		result = rules_sockets(context);
	if (result == 0)
		result = rules_clone(context);
	if (result == 0)
		result = rules_mknod(context, strict);
	if (result == 0)
		result = rules_exceptions(context, strict);
	if (result == 0)
		result = rules_core_limit(context, strict);
	if (result == 0)
		result = rules_sync(context, strict);
	if (result == 0)
		result = rules_prctl(context, strict);
	if (result == 0)
		result = rules_personality(context);
	if (result == 0)
		result = rules_memory(context, strict, by_rlimit);
	return result;
}

/* Puts in front of a denying filter what libseccomp can't say: calls above a number are ENOSYS.
 * Numbers of x32, and calls of other architectures, are left to the filter behind it. */
static int deny_later_calls(struct seccomp_program *program, struct err *err)
{
	const struct sock_filter front[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, POLICY_FIRST_UNKNOWN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	size_t count = COUNT(front) + program->count;
	struct sock_filter *filter = malloc(count * sizeof *filter);
	if (!filter)
		return err_set(err, ERR_MEMORY, "no memory for a filter");
	memcpy(filter, front, sizeof front);
	memcpy(filter + COUNT(front), program->filter, program->count * sizeof *filter);
	free(program->filter);
	*program = (struct seccomp_program){.filter = filter, .count = count};
	return 0;
}

/* libseccomp gives a filter's program only through a descriptor. */
static int export(scmp_filter_ctx context, struct seccomp_program *program, struct err *err)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0)
		return err_system(err, "memfd_create");
	int result = seccomp_export_bpf(context, fd);
	off_t size = result == 0 ? lseek(fd, 0, SEEK_END) : -1;
	program->filter = size > 0 ? malloc((size_t)size) : NULL;
	program->count = size > 0 ? (size_t)size / sizeof *program->filter : 0;
	if (!program->filter || pread(fd, program->filter, (size_t)size, 0) != size) {
		seccomp_program_free(program);
		result = err_set(err, ERR_SYSTEM, "the filter can't be exported");
	}
	close(fd);
	return result;
}

static scmp_filter_ctx context_make(uint32_t action, uint32_t foreign)
{
	scmp_filter_ctx context = seccomp_init(action);
	if (context && (seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, foreign) < 0 ||
			seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0)) {
		seccomp_release(context);
		return NULL;
	}
	return context;
}

/* Merges the same for the architecture's older doors, so that they are no way round. */
static int none_add_doors(scmp_filter_ctx context, bool by_rlimit)
{
	int result = 0;
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		return 0;
	scmp_filter_ctx i386 = context_make(SCMP_ACT_ALLOW, SCMP_ACT_ALLOW);
	if (!i386)
		return -ENOMEM;
	result = seccomp_arch_add(i386, SCMP_ARCH_X86);
	if (result == 0)
		result = seccomp_arch_remove(i386, SCMP_ARCH_NATIVE);
	if (result == 0)
		result = rules_none_i386(i386, by_rlimit);
	if (result == 0)
		result = seccomp_merge(context, i386);	/* and frees it */
	if (result < 0)
		seccomp_release(i386);
	return result;
}

static int none_fill(scmp_filter_ctx context, bool by_rlimit)
{
	int result = 0;
	if (seccomp_arch_native() == SCMP_ARCH_X86_64)
		result = seccomp_arch_add(context, SCMP_ARCH_X32);
	if (result == 0)
		result = rules_none(context, by_rlimit);
	return result < 0 ? result : none_add_doors(context, by_rlimit);
}

int seccomp_generate(enum sandbox_level level, bool memory_by_rlimit,
	struct seccomp_program *program, struct err *err)
{
	bool strict = level == SANDBOX_STRICT, none = level == SANDBOX_NONE;
	*program = (struct seccomp_program){0};
	scmp_filter_ctx context = context_make(strict ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW,
		none ? SCMP_ACT_ALLOW : SCMP_ACT_NOTIFY);
	if (!context)
		return err_set(err, ERR_MEMORY, "seccomp_init");
	int result = none ? none_fill(context, memory_by_rlimit) :
		rules_all(context, strict, memory_by_rlimit);
	if (result < 0) {
		errno = -result;
		err_system(err, "the system-call filter of level %s", sandbox_level_name(level));
	} else {
		result = export(context, program, err);
		if (result == 0 && level == SANDBOX_RESTRICTED)
			result = deny_later_calls(program, err);
	}
	seccomp_release(context);
	if (result < 0)
		seccomp_program_free(program);
	return result < 0 ? -1 : 0;
}

int seccomp_compile(enum sandbox_level level, bool memory_by_rlimit,
	struct seccomp_program *program, struct err *err)
{
	if (seccomp_generate(level, memory_by_rlimit, program, err) < 0)
		return -1;
	(void)seccomp_compact(program);		/* one that stays long is as good */
	return 0;
}

void seccomp_program_free(struct seccomp_program *program)
{
	free(program->filter);
	*program = (struct seccomp_program){0};
}

void seccomp_syscall_name(uint32_t arch, int number, char name[32])
{
	if (arch == SCMP_ARCH_X86_64 && number >= X32_BIT)
		arch = SCMP_ARCH_X32;	/* to the kernel, the architecture is the same */
	char *found = arch ? seccomp_syscall_resolve_num_arch(arch, number) : NULL;
	snprintf(name, 32, "%.31s", found ? found : "unknown");
	free(found);
}
