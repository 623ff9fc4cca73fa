/* test_seccomp.c: the kernel under each filter: what works, what fails with which errno, and what
 * arrives as a notification. The verdicts of all calls: test_seccomp_policy.c. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../sandbox/seccomp.h"
#include "../../sandbox/seccomp_policy.h"
#include "skips.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What a call came to in a process under a filter. */
struct outcome {
	bool notified;
	uint32_t arch;
	int number;
	int errnum;		/* 0: it worked */
};

/* Done under the filter: 0, or -1 with errno. */
struct act {
	int (*run)(const struct act *act);
	long number, args[6];
};

static int call(const struct act *act)
{
	const long *a = act->args;
	return syscall(act->number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? -1 : 0;
}

static int listener_send(int socket_fd, int listener)
{
	char space[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec vector = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = space,
		.msg_controllen = sizeof space};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &listener, sizeof listener);
	return sendmsg(socket_fd, &message, 0) == 1 ? 0 : -1;
}

static int listener_receive(int socket_fd)
{
	char space[CMSG_SPACE(sizeof(int))] = {0}, byte;
	struct iovec vector = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = space,
		.msg_controllen = sizeof space};
	int listener = -1;
	if (recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof listener);
	return listener;
}

static _Noreturn void child_main(const struct seccomp_program *program, const struct act *act,
	int socket_fd)
{
	struct sock_fprog filter = {.len = (unsigned short)program->count, .filter = program->filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(1);
	int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
	if (listener < 0 || listener_send(socket_fd, listener) < 0)
		_exit(2);
	close(listener);
	int errnum = act->run(act) == 0 ? 0 : errno;
	_exit(write(socket_fd, &errnum, sizeof errnum) == sizeof errnum ? 0 : 3);
}

static struct outcome await(int socket_fd, int listener)
{
	struct outcome outcome = {.errnum = -1};
	struct pollfd fds[] = {{.fd = listener, .events = POLLIN},
		{.fd = socket_fd, .events = POLLIN}};
	ck_assert_int_gt(poll(fds, 2, 20000), 0);
	if (fds[0].revents & POLLIN) {
		struct seccomp_notif notification = {0};
		ck_assert_int_eq(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification), 0);
		outcome.notified = true;
		outcome.arch = notification.data.arch;
		outcome.number = notification.data.nr;
	} else {
		ck_assert_int_eq(read(socket_fd, &outcome.errnum, sizeof outcome.errnum),
			sizeof outcome.errnum);
	}
	return outcome;
}

static struct outcome under(const struct seccomp_program *program, struct act act)
{
	int sockets[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		child_main(program, &act, sockets[1]);
	close(sockets[1]);
	int listener = listener_receive(sockets[0]);
	ck_assert_int_ge(listener, 0);
	struct outcome outcome = await(sockets[0], listener);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(listener);
	close(sockets[0]);
	return outcome;
}

static struct seccomp_program program_make(bool strict, bool by_rlimit)
{
	struct seccomp_program program;
	struct err err;
	ck_assert_int_eq(seccomp_compile(strict ? SANDBOX_STRICT : SANDBOX_RESTRICTED, by_rlimit,
		&program, &err), 0);
	return program;
}

static struct outcome call_under(const struct seccomp_program *program, long number, long a0, long a1,
	long a2, long a3)
{
	return under(program, (struct act){.run = call, .number = number,
		.args = {a0, a1, a2, a3, -1, 0}});
}

/* Each call of a list, with arguments that do no harm should it pass. _i: strict. */
static void list_fails(const char *const *names, bool strict, int errnum)
{
	struct seccomp_program program = program_make(strict, false);
	for (; *names; names++) {
		int number = seccomp_syscall_resolve_name(*names);
		if (number < 0)
			continue;
		struct outcome outcome = call_under(&program, number, -1, -1, -1, -1);
		ck_assert_msg(!outcome.notified && outcome.errnum == errnum, "%s: %s", *names,
			outcome.notified ? "notified" : strerror(outcome.errnum));
	}
	seccomp_program_free(&program);
}

START_TEST(calls_that_only_an_attack_makes_arrive_with_their_number)
{
	struct seccomp_program program = program_make(_i, false);
	for (const char *const *name = policy_kill; *name; name++) {
		int number = seccomp_syscall_resolve_name(*name);
		if (number < 0)
			continue;
		struct outcome outcome = call_under(&program, number, -1, -1, -1, -1);
		ck_assert_msg(outcome.notified && outcome.number == number &&
			outcome.arch == seccomp_arch_native(), "%s", *name);
	}
	seccomp_program_free(&program);
}
END_TEST

START_TEST(probes_fail_with_eperm)
{
	list_fails(policy_eperm, _i, EPERM);
}
END_TEST

START_TEST(what_libraries_try_first_looks_like_an_older_kernel)
{
	list_fails(policy_enosys, _i, ENOSYS);
}
END_TEST

/* 450 and 467, open_tree_attr, exist on newer kernels; 1000 does not. */
START_TEST(later_calls_look_like_an_older_kernel)
{
	static const long numbers[] = {450, 467, 1000};
	struct seccomp_program program = program_make(_i, false);
	for (size_t i = 0; i < COUNT(numbers); i++)
		ck_assert_int_eq(call_under(&program, numbers[i], -1, -1, -1, -1).errnum, ENOSYS);
	seccomp_program_free(&program);
}
END_TEST

#ifdef __x86_64__
static int call_i386(const struct act *act)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(act->number) : "memory", "r8", "r9", "r10",
		"r11");
	return result < 0 ? -1 : 0;
}

START_TEST(the_32_bit_door_arrives_with_its_architecture)
{
	struct seccomp_program program = program_make(_i, false);
	struct outcome outcome = under(&program, (struct act){.run = call_i386, .number = 20});
	ck_assert(outcome.notified);
	ck_assert_uint_eq(outcome.arch, AUDIT_ARCH_I386);
	ck_assert_int_eq(outcome.number, 20);
	seccomp_program_free(&program);
}
END_TEST

START_TEST(the_x32_door_arrives_with_its_number)
{
	struct seccomp_program program = program_make(_i, false);
	struct outcome outcome = call_under(&program, 0x40000000 + SYS_getpid, 0, 0, 0, 0);
	ck_assert(outcome.notified);
	ck_assert_int_eq(outcome.number, 0x40000000 + SYS_getpid);
	seccomp_program_free(&program);
}
END_TEST

static const char *missing_i386(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(call_i386(&(struct act){.number = 20}) == 0 ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return "fork";
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NULL :
		"int 0x80 (the kernel runs no 32-bit programs)";
}
#endif

START_TEST(only_unix_sockets_can_be_made)
{
	static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK};
	struct seccomp_program program = program_make(_i, false);
	for (size_t i = 0; i < COUNT(families); i++)
		ck_assert_int_eq(call_under(&program, SYS_socket, families[i], SOCK_STREAM, 0, 0).errnum,
			EAFNOSUPPORT);
	ck_assert_int_eq(call_under(&program, SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0).errnum, 0);
	seccomp_program_free(&program);
}
END_TEST

static void *thread_main(void *argument)
{
	return argument;
}

static int make_thread_and_child(const struct act *act)
{
	pthread_t thread;
	void *returned = NULL;
	int status, failed = pthread_create(&thread, NULL, thread_main, (void *)(uintptr_t)act);
	if (failed || pthread_join(thread, &returned) || returned != act)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(7);
	return waitpid(pid, &status, 0) == pid && status == 7 << 8 ? 0 : -1;
}

START_TEST(threads_and_children_work_and_namespaces_do_not)
{
	static const long kinds[] = {CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID,
		CLONE_NEWUSER | CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWUTS};
	struct seccomp_program program = program_make(_i, false);
	ck_assert_int_eq(under(&program, (struct act){.run = make_thread_and_child}).errnum, 0);
	for (size_t i = 0; i < COUNT(kinds); i++) {
		ck_assert_int_eq(call_under(&program, SYS_clone, kinds[i] | SIGCHLD, 0, 0, 0).errnum,
			EPERM);
		ck_assert_int_eq(call_under(&program, SYS_unshare, kinds[i], 0, 0, 0).errnum, EPERM);
	}
	seccomp_program_free(&program);
}
END_TEST

START_TEST(a_filter_of_its_own_is_refused)
{
	struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog own = {.len = 1, .filter = allow};
	struct seccomp_program program = program_make(_i, false);
	ck_assert_int_eq(call_under(&program, SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&own,
		0).errnum, EPERM);
	ck_assert_int_eq(call_under(&program, SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
		(long)&own, 0).errnum, _i ? ENOSYS : EPERM);
	ck_assert_int_eq(call_under(&program, SYS_prctl, PR_SET_NAME, (long)"name", 0, 0).errnum, 0);
	seccomp_program_free(&program);
}
END_TEST

/* Bits above the 32 that the kernel reads change nothing. A bad descriptor shows that a request passed. */
START_TEST(terminals_take_no_input_from_a_job)
{
	const long high = 1l << 32;
	struct seccomp_program program = program_make(_i, false);
	for (size_t i = 0; i < COUNT(policy_ioctl_denied); i++) {
		long request = (long)policy_ioctl_denied[i];
		ck_assert_int_eq(call_under(&program, SYS_ioctl, -1, request, 0, 0).errnum, EPERM);
		ck_assert_int_eq(call_under(&program, SYS_ioctl, -1, request | high, 0, 0).errnum,
			EPERM);
	}
	ck_assert_int_eq(call_under(&program, SYS_ioctl, -1, TCGETS, 0, 0).errnum, EBADF);
	ck_assert_int_eq(call_under(&program, SYS_ioctl, -1, FIONREAD, 0, 0).errnum, EBADF);
	seccomp_program_free(&program);
}
END_TEST

static int map(const struct seccomp_program *program, int flags, int fd)
{
	return under(program, (struct act){.run = call, .number = SYS_mmap,
		.args = {0, 4096, PROT_READ, flags, fd, 0}}).errnum;
}

START_TEST(memory_that_no_rlimit_counts_can_be_had_with_a_cgroup_only)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (int by_rlimit = 0; by_rlimit < 2; by_rlimit++) {
		struct seccomp_program program = program_make(_i, by_rlimit);
		ck_assert_int_eq(map(&program, MAP_SHARED | MAP_ANONYMOUS, -1),
			by_rlimit ? ENOMEM : 0);
		ck_assert_int_eq(map(&program, MAP_PRIVATE | MAP_ANONYMOUS, -1), 0);
		ck_assert_int_eq(map(&program, MAP_SHARED, fd), 0);
		ck_assert_int_eq(call_under(&program, SYS_memfd_create, (long)"m", 0, 0, 0).errnum,
			by_rlimit ? ENOSYS : 0);
		seccomp_program_free(&program);
	}
	close(fd);
}
END_TEST

START_TEST(devices_can_not_be_made_and_fifos_can)
{
	struct seccomp_program program = program_make(_i, false);
	const long path = (long)"/nonexistent/node";
	ck_assert_int_eq(call_under(&program, SYS_mknodat, AT_FDCWD, path, S_IFCHR | 0600, 0).errnum,
		EPERM);
	ck_assert_int_eq(call_under(&program, SYS_mknodat, AT_FDCWD, path, S_IFBLK | 0600, 0).errnum,
		EPERM);
	ck_assert_int_eq(call_under(&program, SYS_mknodat, AT_FDCWD, path, S_IFIFO | 0600, 0).errnum,
		ENOENT);
	seccomp_program_free(&program);
}
END_TEST

/* What the launcher's child still does between the filter and exec, and what programs live on. */
START_TEST(ordinary_calls_pass)
{
	static const struct {
		long number, a0, a1, a2, a3;
		int errnum;	/* the kernel's own answer to these arguments */
	} calls[] = {{SYS_read, -1, 0, 0, 0, EBADF}, {SYS_pread64, -1, 0, 0, 0, EBADF},
		{SYS_recvmsg, -1, 0, 0, 0, EBADF}, {SYS_sendmsg, -1, 0, 0, 0, EBADF},
		{SYS_openat, AT_FDCWD, 0, O_RDONLY, 0, EFAULT}, {SYS_mkdirat, AT_FDCWD, 0, 0, 0, EFAULT},
		{SYS_fchdir, -1, 0, 0, 0, EBADF}, {SYS_chdir, 0, 0, 0, 0, EFAULT},
		{SYS_dup3, -1, 5, 0, 0, EBADF}, {SYS_fcntl, -1, F_GETFD, 0, 0, EBADF},
		{SYS_prlimit64, 0, RLIMIT_CORE, 0, 0, 0}, {SYS_execve, 0, 0, 0, 0, EFAULT},
		{SYS_execveat, -1, 0, 0, 0, EFAULT}, {SYS_close_range, 100, 99, 0, 0, EINVAL},
		{SYS_futex, 0, 99, 0, 0, ENOSYS}, {SYS_getrandom, 0, 1, 0, 0, EFAULT},
		{SYS_epoll_pwait2, -1, 0, 1, 0, EINVAL}, {SYS_statx, -1, 0, 0, 0, EFAULT},
		{SYS_timerfd_create, -1, 0, 0, 0, EINVAL}, {SYS_eventfd2, 0, -1, 0, 0, EINVAL},
		{SYS_pidfd_open, 0, 0, 0, 0, EINVAL}, {SYS_sched_yield, 0, 0, 0, 0, 0},
		{SYS_mprotect, 1, 1, 0, 0, EINVAL}, {SYS_kill, 0, 0, 0, 0, 0},
		{SYS_personality, 0xffffffff, 0, 0, 0, 0}};
	struct seccomp_program program = program_make(_i, true);
	for (size_t i = 0; i < COUNT(calls); i++)
		ck_assert_msg(call_under(&program, calls[i].number, calls[i].a0, calls[i].a1,
			calls[i].a2, calls[i].a3).errnum == calls[i].errnum, "call %ld",
			calls[i].number);
	seccomp_program_free(&program);
}
END_TEST

/* execve does not return: the socket is closed by it, and the exit status says the rest. */
static int run_shell(const struct act *act)
{
	int status;
	(void)act;
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "sleep 0 & wait; [ \"$(ls / | cat | wc -l)\" -gt 0 ] && "
			"(kill -TERM $$ | cat; exit 3)", NULL);
		_exit(1);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM)
		errno = ECHILD;
	else
		return 0;
	return -1;
}

START_TEST(a_shell_with_pipes_and_children_runs)
{
	struct seccomp_program program = program_make(_i, true);
	ck_assert_int_eq(under(&program, (struct act){.run = run_shell}).errnum, 0);
	seccomp_program_free(&program);
}
END_TEST

static const char *missing_listener(void)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? NULL :
		"SECCOMP_RET_USER_NOTIF (Linux 5.0)";
}

int main(void)
{
	const char *missing = missing_listener();
	const struct test_needing all[] = {
		{calls_that_only_an_attack_makes_arrive_with_their_number, missing, 2},
		{probes_fail_with_eperm, missing, 2},
		{what_libraries_try_first_looks_like_an_older_kernel, missing, 2},
		{later_calls_look_like_an_older_kernel, missing, 2},
#ifdef __x86_64__
		{the_32_bit_door_arrives_with_its_architecture, missing ? missing : missing_i386(), 2},
		{the_x32_door_arrives_with_its_number, missing, 2},
#endif
		{only_unix_sockets_can_be_made, missing, 2},
		{threads_and_children_work_and_namespaces_do_not, missing, 2},
		{a_filter_of_its_own_is_refused, missing, 2},
		{terminals_take_no_input_from_a_job, missing, 2},
		{memory_that_no_rlimit_counts_can_be_had_with_a_cgroup_only, missing, 2},
		{devices_can_not_be_made_and_fifos_can, missing, 2},
		{ordinary_calls_pass, missing, 2},
		{a_shell_with_pipes_and_children_runs, missing, 2},
	};
	Suite *suite = suite_create("seccomp");
	TCase *tests = tcase_create("kernel");
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	int skipped = tests_add(tests, all, COUNT(all));
	return tests_run(suite, skipped);
}
