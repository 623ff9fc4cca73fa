/* test_seccomp_policy.c: the verdict of each filter on every call, foreign architectures included.
 *
 * A small interpreter of the filter's program asks what no process could try: exit, pause, reboot.
 * test_seccomp.c asks the kernel.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../../sandbox/seccomp.h"
#include "../../sandbox/seccomp_policy.h"
#include "../../sandbox/shared/leave.h"
#include "filter_run.h"

#define ALLOW SECCOMP_RET_ALLOW
#define NOTIFY SECCOMP_RET_USER_NOTIF
#define FAIL(number) (SECCOMP_RET_ERRNO | (number))
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define HIGH 0x100000000ul	/* above what the kernel reads of an int argument */

static struct seccomp_program program_make(enum sandbox_level level, bool by_rlimit)
{
	struct seccomp_program program;
	struct err err;
	ck_assert_int_eq(seccomp_compile(level, by_rlimit, &program, &err), 0);
	return program;
}

static uint32_t run(const struct seccomp_program *program, const struct seccomp_data *data)
{
	struct filter_outcome outcome = filter_run(program->filter, program->count, data);
	if (!outcome.is_valid)
		ck_abort_msg("the program can't be run");
	return outcome.verdict;
}

static uint32_t verdict(const struct seccomp_program *program, int number, uint64_t a0, uint64_t a1,
	uint64_t a2, uint64_t a3)
{
	struct seccomp_data data = {.nr = number, .arch = seccomp_arch_native(),
		.args = {a0, a1, a2, a3}};
	return run(program, &data);
}

/* Check's own assertions speak to the runner each time, too slow for a million of them. */
static void expect(uint32_t found, uint32_t wanted, const char *what, uint64_t value)
{
	if (found != wanted)
		ck_abort_msg("%s %#llx: %#x, not %#x", what, (unsigned long long)value, found, wanted);
}

static bool listed(const char *const *names, int number)
{
	for (; *names; names++)
		if (seccomp_syscall_resolve_name(*names) == number)
			return true;
	return false;
}

/* Calls whose verdict hangs on their arguments. */
static bool conditional(int number)
{
	static const char *const names[] = {"clone", "socket", "socketpair", "mknod", "mknodat",
		"prctl", "ioctl", "memfd_create", "mmap", "personality", "fcntl", "fsync", "fdatasync",
		"msync", "setrlimit", "prlimit64", "exit_group", NULL};
	return listed(names, number);
}

static uint32_t expected(bool strict, int number)
{
	if (listed(policy_kill, number))
		return NOTIFY;
	if (listed(policy_eperm, number))
		return FAIL(EPERM);
	if (listed(policy_enosys, number))
		return FAIL(ENOSYS);
	if (strict)
		return listed(policy_allow, number) ? ALLOW : FAIL(ENOSYS);
	return number < POLICY_FIRST_UNKNOWN ? ALLOW : FAIL(ENOSYS);
}

START_TEST(only_a_marked_last_call_is_told)
{
	for (int level = SANDBOX_RESTRICTED; level < SANDBOX_LEVELS; level++) {
		struct seccomp_program program = program_make((enum sandbox_level)level, false);
		expect(verdict(&program, SYS_exit_group, 3, LEAVE_MARK, 0, 0), NOTIFY, "level", level);
		expect(verdict(&program, SYS_exit_group, 3, 0, 0, 0), ALLOW, "level", level);
		expect(verdict(&program, SYS_exit_group, LEAVE_MARK, LEAVE_MARK | 1ull << 32, 0, 0),
			ALLOW, "level", level);
		expect(verdict(&program, SYS_exit, 3, LEAVE_MARK, 0, 0), ALLOW, "level", level);
		seccomp_program_free(&program);
	}
}
END_TEST

START_TEST(every_name_of_the_policy_is_a_call)
{
	const char *const *const lists[] = {policy_kill, policy_eperm, policy_enosys, policy_allow};
	for (size_t i = 0; i < COUNT(lists); i++)
		for (const char *const *name = lists[i]; *name; name++)
			ck_assert_msg(seccomp_syscall_resolve_name(*name) != __NR_SCMP_ERROR,
				"no such call: %s", *name);
}
END_TEST

START_TEST(no_name_stands_twice)
{
	const char *const *const lists[] = {policy_kill, policy_eperm, policy_enosys, policy_allow};
	for (size_t i = 0; i < COUNT(lists); i++)
		for (const char *const *name = lists[i]; *name; name++) {
			int found = 0;	/* in all lists */
			for (size_t k = 0; k < COUNT(lists); k++)
				for (const char *const *other = lists[k]; *other; other++)
					found += strcmp(*name, *other) == 0;
			ck_assert_msg(found == 1, "%s stands %d times", *name, found);
			ck_assert(!conditional(seccomp_syscall_resolve_name(*name)));
		}
}
END_TEST

/* _i: bit 0 strict, bit 1 memory by rlimit. */
START_TEST(every_call_gets_the_verdict_of_its_list)
{
	bool strict = _i & 1;
	struct seccomp_program program =
		program_make(strict ? SANDBOX_STRICT : SANDBOX_RESTRICTED, _i & 2);
	for (int number = 0; number < 2000; number++)
		if (!conditional(number))
			expect(verdict(&program, number, 0, 0, 0, 0), expected(strict, number), "call",
				(uint64_t)number);
	seccomp_program_free(&program);
}
END_TEST

START_TEST(no_call_gets_in_by_another_architecture)
{
	static const uint32_t architectures[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_PPC64LE,
		0, ~0u};
	struct seccomp_program program =
		program_make(_i & 1 ? SANDBOX_STRICT : SANDBOX_RESTRICTED, _i & 2);
	for (size_t i = 0; i < COUNT(architectures); i++)
		for (int number = -1; number < 2000; number++) {
			struct seccomp_data data = {.nr = number, .arch = architectures[i]};
			expect(run(&program, &data), NOTIFY, "call", (uint64_t)number);
		}
	seccomp_program_free(&program);
}
END_TEST

#ifdef __x86_64__
START_TEST(no_call_gets_in_by_x32)
{
	struct seccomp_program program =
		program_make(_i & 1 ? SANDBOX_STRICT : SANDBOX_RESTRICTED, _i & 2);
	for (int number = 0; number < 2000; number++) {
		expect(verdict(&program, 0x40000000 + number, 0, 0, 0, 0), NOTIFY, "x32 call",
			(uint64_t)number);
		expect(verdict(&program, (int)0x80000000 + number, 0, 0, 0, 0), NOTIFY, "high call",
			(uint64_t)number);
	}
	seccomp_program_free(&program);
}
END_TEST
#endif

START_TEST(only_unix_sockets_exist)
{
	static const char *const names[] = {"socket", "socketpair", NULL};
	struct seccomp_program program = program_make(_i & 1 ? SANDBOX_STRICT : SANDBOX_RESTRICTED,
		_i & 2);
	for (const char *const *name = names; *name; name++)
		for (uint64_t family = 0; family < 200; family++) {
			int number = seccomp_syscall_resolve_name(*name);
			expect(verdict(&program, number, family, 1, 0, 0),
				family == AF_UNIX ? ALLOW : FAIL(EAFNOSUPPORT), *name, family);
			expect(verdict(&program, number, family + HIGH, 1, 0, 0), FAIL(EAFNOSUPPORT),
				*name, family + HIGH);
		}
	seccomp_program_free(&program);
}
END_TEST

START_TEST(clone_makes_threads_and_children_but_no_namespace_or_sibling)
{
	const uint64_t denied = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
		CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | 0x80 | CLONE_PARENT;
	struct seccomp_program program = program_make(_i & 1 ? SANDBOX_STRICT : SANDBOX_RESTRICTED,
		_i & 2);
	srandom(1);
	for (int i = 0; i < 100000; i++) {
		uint64_t flags = (uint64_t)random() & (uint64_t)random() & (uint64_t)random();
		flags |= (uint64_t)random() << 33;
		expect(verdict(&program, SYS_clone, flags, 0, 0, 0),
			flags & denied ? FAIL(EPERM) : ALLOW, "clone", flags);
	}
	seccomp_program_free(&program);
}
END_TEST

static bool ioctl_denied(uint32_t request)
{
	for (size_t i = 0; i < COUNT(policy_ioctl_denied); i++)
		if (policy_ioctl_denied[i] == request)
			return true;
	return false;
}

START_TEST(each_terminal_request_is_denied_and_no_other)
{
	struct seccomp_program program = program_make(_i & 1 ? SANDBOX_STRICT : SANDBOX_RESTRICTED,
		_i & 2);
	for (uint64_t low = 0; low < 0x6000; low++)
		for (unsigned bit = 15; bit < 33; bit++) {
			uint64_t request = low | (bit == 15 ? 0 : 1ul << bit);
			expect(verdict(&program, SYS_ioctl, 0, request, 0, 0),
				ioctl_denied((uint32_t)request) ? FAIL(EPERM) : ALLOW, "ioctl",
				request);
		}
	seccomp_program_free(&program);
}
END_TEST

START_TEST(a_process_may_name_itself_but_not_filter_itself)
{
	struct seccomp_program strict = program_make(SANDBOX_STRICT, _i & 2),
		restricted = program_make(SANDBOX_RESTRICTED, _i & 2);
	ck_assert_uint_eq(verdict(&strict, SYS_prctl, PR_SET_NAME, 0, 0, 0), ALLOW);
	ck_assert_uint_eq(verdict(&strict, SYS_prctl, PR_SET_MM, 0, 0, 0), FAIL(ENOSYS));
	ck_assert_uint_eq(verdict(&restricted, SYS_prctl, PR_SET_NAME, 0, 0, 0), ALLOW);
	for (uint64_t high = 0; high <= HIGH; high += HIGH) {
		ck_assert_uint_eq(verdict(&strict, SYS_prctl, PR_SET_SECCOMP + high, 0, 0, 0),
			FAIL(ENOSYS));
		ck_assert_uint_eq(verdict(&restricted, SYS_prctl, PR_SET_SECCOMP + high, 0, 0, 0),
			FAIL(EPERM));
	}
	seccomp_program_free(&strict);
	seccomp_program_free(&restricted);
}
END_TEST

START_TEST(a_personality_can_be_asked_for_but_not_changed)
{
	struct seccomp_program program = program_make(_i & 1 ? SANDBOX_STRICT : SANDBOX_RESTRICTED,
		_i & 2);
	ck_assert_uint_eq(verdict(&program, SYS_personality, 0xffffffff, 0, 0, 0), ALLOW);
	ck_assert_uint_eq(verdict(&program, SYS_personality, 0x0040000, 0, 0, 0), FAIL(EPERM));
	ck_assert_uint_eq(verdict(&program, SYS_personality, 0, 0, 0, 0), FAIL(EPERM));
	ck_assert_uint_eq(verdict(&program, SYS_personality, 0xffffffff + HIGH, 0, 0, 0),
		FAIL(EPERM));
	seccomp_program_free(&program);
}
END_TEST

START_TEST(directories_can_not_be_watched)
{
	struct seccomp_program program = program_make(_i & 1 ? SANDBOX_STRICT : SANDBOX_RESTRICTED,
		_i & 2);
	for (uint64_t command = 0; command < 0x1000; command++)
		for (uint64_t high = 0; high <= HIGH; high += HIGH)
			expect(verdict(&program, SYS_fcntl, 0, command | high, 0, 0),
				command == F_NOTIFY ? FAIL(EPERM) : ALLOW, "fcntl", command | high);
	seccomp_program_free(&program);
}
END_TEST

/* _i: level and, bit 0, memory by rlimit. */
START_TEST(the_limit_of_core_dumps_stays_as_it_is_set)
{
	static const uint64_t pointers[] = {1, 0x1000, HIGH, 0x7fff00000000};
	struct seccomp_program program = program_make((enum sandbox_level)(_i >> 1), _i & 1);
	for (uint64_t limit = 0; limit < 64; limit++)
		for (uint64_t high = 0; high <= HIGH; high += HIGH) {
			uint64_t resource = limit | high;
			uint32_t wanted = limit == RLIMIT_CORE ? FAIL(EPERM) : ALLOW;
			expect(verdict(&program, SYS_setrlimit, resource, 0x1000, 0, 0), wanted,
				"setrlimit", resource);
			expect(verdict(&program, SYS_prlimit64, 0, resource, 0, 0x1000), ALLOW,
				"prlimit64 asks", resource);
			for (size_t i = 0; i < COUNT(pointers); i++)
				expect(verdict(&program, SYS_prlimit64, 0, resource, pointers[i], 0),
					wanted, "prlimit64", resource);
		}
	seccomp_program_free(&program);
}
END_TEST

START_TEST(nothing_is_written_out_to_the_disk)
{
	struct seccomp_program program = program_make(_i & 1 ? SANDBOX_STRICT : SANDBOX_RESTRICTED,
		_i & 2);
	ck_assert_uint_eq(verdict(&program, SYS_fsync, 3, 0, 0, 0), FAIL(0));
	ck_assert_uint_eq(verdict(&program, SYS_fdatasync, 3, 0, 0, 0), FAIL(0));
	ck_assert_uint_eq(verdict(&program, SYS_msync, 0, 4096, MS_SYNC, 0), FAIL(0));
	ck_assert_uint_eq(verdict(&program, SYS_msync, 0, 4096, MS_SYNC | MS_INVALIDATE | HIGH, 0),
		FAIL(0));
	ck_assert_uint_eq(verdict(&program, SYS_msync, 0, 4096, MS_ASYNC, 0), ALLOW);
	seccomp_program_free(&program);
}
END_TEST

#ifdef __x86_64__
/* The doors of level none: numbers of the calls it looks at. */
struct door {
	uint32_t arch;
	int shmget, semget, msgget, mq_open, add_key, request_key, keyctl, clone, unshare, clone3;
	int setrlimit, prlimit64, memfd_create;
};
#define X32(number) (0x40000000 + (number))
static const struct door doors[] = {
	{AUDIT_ARCH_X86_64, 29, 64, 68, 240, 248, 249, 250, 56, 272, 435, 160, 302, 319},
	{AUDIT_ARCH_X86_64, X32(29), X32(64), X32(68), X32(240), X32(248), X32(249), X32(250), X32(56),
		X32(272), X32(435), X32(160), X32(302), X32(319)},
	{AUDIT_ARCH_I386, 395, 393, 399, 277, 286, 287, 288, 120, 310, 435, 75, 340, 356}};

static uint32_t at_door(const struct seccomp_program *program, const struct door *door, int number,
	uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	struct seccomp_data data = {.nr = number, .arch = door->arch, .args = {a0, a1, a2, a3}};
	return run(program, &data);
}

/* _i: door, and memory by rlimit. */
START_TEST(level_none_has_the_same_rules_at_every_door)
{
	const struct door *door = &doors[_i >> 1];
	struct seccomp_program program = program_make(SANDBOX_NONE, _i & 1);
	const int denied[] = {door->shmget, door->semget, door->msgget, door->mq_open, door->add_key,
		door->request_key, door->keyctl};
	for (size_t i = 0; i < COUNT(denied); i++)
		expect(at_door(&program, door, denied[i], 0, 0, 0, 0), FAIL(EPERM), "call",
			(uint64_t)denied[i]);
	const int makers[] = {door->clone, door->unshare};
	for (size_t i = 0; i < COUNT(makers); i++)
		for (unsigned bit = 0; bit < 32; bit++)
			expect(at_door(&program, door, makers[i], 1ul << bit | 17, 0, 0, 0),
				1ul << bit == CLONE_NEWUSER || (1ul << bit == CLONE_PARENT &&
				makers[i] == door->clone) ? FAIL(EPERM) : ALLOW, "flags", 1ul << bit);
	expect(at_door(&program, door, door->clone3, 0, 0, 0, 0), FAIL(ENOSYS), "clone3", 0);
	expect(at_door(&program, door, door->setrlimit, RLIMIT_CORE, 1, 0, 0), FAIL(EPERM), "core", 0);
	expect(at_door(&program, door, door->prlimit64, 0, RLIMIT_CORE, 1, 0), FAIL(EPERM), "core", 1);
	expect(at_door(&program, door, door->prlimit64, 0, RLIMIT_CORE, 0, 1), ALLOW, "core", 2);
	expect(at_door(&program, door, door->memfd_create, 0, 0, 0, 0),
		_i & 1 ? FAIL(ENOSYS) : ALLOW, "memfd_create", 0);
	seccomp_program_free(&program);
}
END_TEST

START_TEST(level_none_knows_the_32_bit_doors_own_calls)
{
	enum { OLD_MMAP = 90, IPC = 117, MMAP2 = 192, SEMGET = 2, MSGGET = 13, SHMGET = 23 };
	const struct door *door = &doors[2];
	const uint64_t shared = MAP_SHARED | MAP_ANONYMOUS;
	struct seccomp_program program = program_make(SANDBOX_NONE, _i);
	for (uint64_t version = 0; version <= 0x10000; version += 0x10000)
		for (uint64_t what = 0; what < 30; what++)
			expect(at_door(&program, door, IPC, what | version, 0, 0, 0), what == SEMGET ||
				what == MSGGET || what == SHMGET ? FAIL(EPERM) : ALLOW, "ipc",
				what | version);
	expect(at_door(&program, door, MMAP2, 0, 1, 3, shared), _i ? FAIL(ENOMEM) : ALLOW, "mmap2", 0);
	expect(at_door(&program, door, MMAP2, 0, 1, 3, MAP_PRIVATE | MAP_ANONYMOUS), ALLOW, "mmap2", 1);
	expect(at_door(&program, door, MMAP2, 0, 1, 3, MAP_SHARED), ALLOW, "mmap2", 2);
	expect(at_door(&program, door, OLD_MMAP, 0, 0, 0, 0), _i ? FAIL(ENOSYS) : ALLOW, "mmap", 0);
	seccomp_program_free(&program);
}
END_TEST

/* Every other call, at none, is the machine's. */
START_TEST(level_none_knows_no_offence)
{
	struct seccomp_program program = program_make(SANDBOX_NONE, _i);
	for (size_t i = 0; i < COUNT(doors); i++)
		for (int number = -1; number < 2000; number++) {
			int there = i == 1 ? X32(number) : number;
			uint32_t found = at_door(&program, &doors[i], there, 0, 0, 0, 0);
			if (found != FAIL(EPERM) && found != FAIL(ENOSYS))
				expect(found, ALLOW, "call", (uint64_t)there);
		}
	seccomp_program_free(&program);
}
END_TEST
#endif

static uint32_t mknod_expected(mode_t type)
{
	return type == S_IFCHR || type == S_IFBLK ? FAIL(EPERM) : ALLOW;
}

START_TEST(fifos_and_sockets_can_be_made_but_no_devices)
{
	static const mode_t types[] = {S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFREG, 0};
	struct seccomp_program program = program_make(_i & 1 ? SANDBOX_STRICT : SANDBOX_RESTRICTED,
		_i & 2);
	for (size_t i = 0; i < COUNT(types); i++)
		for (uint64_t rest = 0; rest <= 07777; rest++) {
			uint64_t mode = types[i] | rest;
			expect(verdict(&program, SYS_mknodat, 0, 0, mode | HIGH, 0),
				mknod_expected(types[i]), "mknodat", mode);
#ifdef SYS_mknod
			expect(verdict(&program, SYS_mknod, 0, mode | HIGH, 0, 0),
				mknod_expected(types[i]), "mknod", mode);
#endif
		}
	seccomp_program_free(&program);
}
END_TEST

START_TEST(memory_that_no_rlimit_counts_is_denied_where_there_is_no_cgroup)
{
	bool by_rlimit = _i & 1;
	struct seccomp_program program = program_make((enum sandbox_level)(_i >> 1), by_rlimit);
	static const uint64_t kinds[] = {MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE};
	static const uint64_t others[] = {0, MAP_FIXED, MAP_POPULATE | MAP_NORESERVE, MAP_HUGETLB};
	for (size_t k = 0; k < COUNT(kinds); k++)
		for (size_t i = 0; i < COUNT(others); i++)
			for (uint64_t anonymous = 0; anonymous <= MAP_ANONYMOUS; anonymous += MAP_ANONYMOUS) {
				uint64_t flags = kinds[k] | others[i] | anonymous;
				bool denied = by_rlimit && anonymous && flags & MAP_SHARED;
				ck_assert_uint_eq(verdict(&program, SYS_mmap, 0, 4096, 3, flags),
					denied ? FAIL(ENOMEM) : ALLOW);
			}
	ck_assert_uint_eq(verdict(&program, SYS_shmget, 0, 4096, 0, 0), FAIL(EPERM));
	ck_assert_uint_eq(verdict(&program, SYS_memfd_create, 0, 0, 0, 0),
		by_rlimit ? FAIL(ENOSYS) : ALLOW);
	seccomp_program_free(&program);
}
END_TEST

START_TEST(names_are_those_of_the_architecture)
{
	static const struct {
		uint32_t arch;
		int number;
		const char *name;
	} cases[] = {{AUDIT_ARCH_X86_64, 101, "ptrace"}, {AUDIT_ARCH_I386, 26, "ptrace"},
		{AUDIT_ARCH_X86_64, 0x40000000 + 521, "ptrace"}, {AUDIT_ARCH_X86_64, 9999, "unknown"},
		{AUDIT_ARCH_X86_64, -1, "unknown"}, {0, 101, "unknown"}, {~0u, 101, "unknown"}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[32];
		seccomp_syscall_name(cases[i].arch, cases[i].number, name);
		ck_assert_str_eq(name, cases[i].name);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("seccomp policy");
	TCase *tests = tcase_create("policy");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, every_name_of_the_policy_is_a_call);
	tcase_add_test(tests, no_name_stands_twice);
	tcase_add_test(tests, only_a_marked_last_call_is_told);
	tcase_add_loop_test(tests, every_call_gets_the_verdict_of_its_list, 0, 4);
	tcase_add_loop_test(tests, no_call_gets_in_by_another_architecture, 0, 4);
#ifdef __x86_64__
	tcase_add_loop_test(tests, no_call_gets_in_by_x32, 0, 4);
#endif
	tcase_add_loop_test(tests, only_unix_sockets_exist, 0, 4);
	tcase_add_loop_test(tests, clone_makes_threads_and_children_but_no_namespace_or_sibling, 0, 4);
	tcase_add_loop_test(tests, each_terminal_request_is_denied_and_no_other, 0, 4);
	tcase_add_loop_test(tests, a_process_may_name_itself_but_not_filter_itself, 0, 4);
	tcase_add_loop_test(tests, a_personality_can_be_asked_for_but_not_changed, 0, 4);
	tcase_add_loop_test(tests, directories_can_not_be_watched, 0, 4);
	tcase_add_loop_test(tests, the_limit_of_core_dumps_stays_as_it_is_set, 0, 2 * SANDBOX_LEVELS);
	tcase_add_loop_test(tests, nothing_is_written_out_to_the_disk, 0, 4);
#ifdef __x86_64__
	tcase_add_loop_test(tests, level_none_has_the_same_rules_at_every_door, 0, 2 * COUNT(doors));
	tcase_add_loop_test(tests, level_none_knows_the_32_bit_doors_own_calls, 0, 2);
	tcase_add_loop_test(tests, level_none_knows_no_offence, 0, 2);
#endif
	tcase_add_loop_test(tests, fifos_and_sockets_can_be_made_but_no_devices, 0, 4);
	tcase_add_loop_test(tests, memory_that_no_rlimit_counts_is_denied_where_there_is_no_cgroup,
		0, 2 * SANDBOX_LEVELS);
	tcase_add_test(tests, names_are_those_of_the_architecture);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
