/* test_cell.c: what the launcher does to one sandbox, with a bare process in the sandbox's place. */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "../../sandbox/launcher/cell.c"
#include "../../sandbox/launcher/namespace.c"
#include "../../sandbox/seccomp.h"
#include "skips.h"
#include "unreached.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- what no test here reaches */

UNREACHED(void, bounding_set_renewed, void)
UNREACHED(void, cgroup_release, struct cgroups *a, struct cgroup *b)
UNREACHED(int, cgroup_usage, const struct cgroup *a, struct cgroup_usage *b)
UNREACHED(int, cgroup_cpu_us, const struct cgroup *a, uint64_t *b)
UNREACHED(void, cgroup_denials, const struct cgroup *a, struct cgroup_usage *b)
UNREACHED(int, sampling_take, struct sampling *a, int b)
UNREACHED(void, outcome_judge, const struct cell *a, const struct evidence *b, int64_t c,
	struct record_outcome *d)

int cell_outer_set(struct cell *cell, const struct host *host, const struct sandbox_limits *limits,
	struct err *err)
{
	(void)cell, (void)host, (void)limits, (void)err;
	return 0;
}

static int processes;			/* in the group */

int cgroup_processes(const struct cgroup *cgroup)
{
	(void)cgroup;
	return processes;
}

/* ---- calls of the kill tier */

static void interrupted(int number)
{
	(void)number;
}

/* Under the filter: each message makes one call, interrupted after a while; the answer is its errno. */
static _Noreturn void caller_main(const struct seccomp_program *program, int socket_fd)
{
	struct sock_fprog filter = {.len = (unsigned short)program->count, .filter = program->filter};
	const struct sigaction action = {.sa_handler = interrupted};
	const struct itimerval once = {.it_value = {.tv_usec = 20000}};
	char byte = 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sigaction(SIGALRM, &action, NULL) < 0)
		_exit(1);
	int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
	if (listener < 0 || record_send(socket_fd, &byte, 1, &listener, 1) < 0)
		_exit(2);
	close(listener);
	while (read(socket_fd, &byte, 1) == 1) {
		if (byte == 'e')
			leave(3);
		setitimer(ITIMER_REAL, &once, NULL);
		int errnum = syscall(SYS_mount, 0, 0, 0, 0, 0) < 0 ? errno : 0;
		if (write(socket_fd, &errnum, sizeof errnum) != sizeof errnum)
			break;
	}
	_exit(0);
}

/* A running cell whose process awaits messages on *socket_fd. */
static struct cell caller_start(int *socket_fd)
{
	struct seccomp_program program;
	struct cell cell = {.state = CELL_RUNNING, .mount_fd = -1};
	struct err err;
	size_t count;
	char byte;
	int ends[2];
	ck_assert_int_eq(seccomp_compile(SANDBOX_STRICT, false, &program, &err), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	cell.init = fork();
	ck_assert_int_ge(cell.init, 0);
	if (cell.init == 0)
		caller_main(&program, ends[1]);
	close(ends[1]);
	cell.init_fd = pidfd_of(cell.init);
	ck_assert_int_eq(record_receive(ends[0], &byte, 1, &cell.listener_fd, 1, &count), 1);
	ck_assert_uint_eq(count, 1);
	seccomp_program_free(&program);
	*socket_fd = ends[0];
	return cell;
}

static void await_call(const struct cell *cell, int socket_fd)
{
	struct pollfd call = {.fd = cell->listener_fd, .events = POLLIN};
	ck_assert_int_eq(write(socket_fd, "", 1), 1);
	ck_assert_int_eq(poll(&call, 1, 10000), 1);
}

static void expect_death(struct cell *cell, int socket_fd)
{
	int status;
	ck_assert_int_eq(waitpid(cell->init, &status, 0), cell->init);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(fcntl(cell->listener_fd, F_GETFD), FD_CLOEXEC);
	close(socket_fd);
}

START_TEST(a_call_of_the_kill_tier_is_noted_and_kills)
{
	int socket_fd;
	struct cell cell = caller_start(&socket_fd);
	await_call(&cell, socket_fd);
	cell_read_listener(&cell);
	ck_assert_int_eq(cell.cause, CAUSE_VIOLATION);
	ck_assert_int_eq(cell.syscall_number, SYS_mount);
	expect_death(&cell, socket_fd);
}
END_TEST

START_TEST(a_call_that_is_interrupted_before_it_is_read_kills_too)
{
	int socket_fd, errnum;
	struct cell cell = caller_start(&socket_fd);
	await_call(&cell, socket_fd);
	ck_assert_int_eq(read(socket_fd, &errnum, sizeof errnum), sizeof errnum);
	ck_assert_int_eq(errnum, EINTR);
	cell_read_listener(&cell);
	ck_assert_int_eq(cell.cause, CAUSE_VIOLATION);
	ck_assert_uint_eq(cell.syscall_arch, 0);
	expect_death(&cell, socket_fd);
}
END_TEST

/* ---- the last call */

/* A running cell whose process is in it, with exit code 3. */
static struct cell leaver_start(void)
{
	int socket_fd;
	struct cell cell = caller_start(&socket_fd);
	struct pollfd call = {.fd = cell.listener_fd, .events = POLLIN};
	cell.has_cgroup = cell.waits_killable = true;
	ck_assert_int_eq(write(socket_fd, "e", 1), 1);
	ck_assert_int_eq(poll(&call, 1, 10000), 1);
	close(socket_fd);
	return cell;
}

START_TEST(a_last_call_with_nothing_beside_is_the_end)
{
	struct cell cell = leaver_start();
	processes = 1;
	ck_assert(cell_read_listener(&cell));
	ck_assert(WIFEXITED(cell.left_status) && WEXITSTATUS(cell.left_status) == 3);
	ck_assert_int_eq(cell.cause, CAUSE_NONE);
	ck_assert_int_eq(waitpid(cell.init, NULL, WNOHANG), 0);	/* it waits for ever */
	ck_assert_int_eq(kill(cell.init, SIGKILL), 0);
	ck_assert_int_eq(waitpid(cell.init, NULL, 0), cell.init);
}
END_TEST

static void expect_exit(struct cell *cell)
{
	int status;
	ck_assert(!cell_read_listener(cell));
	ck_assert(!cell->left);
	ck_assert_int_eq(waitpid(cell->init, &status, 0), cell->init);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

START_TEST(a_last_call_with_something_beside_is_an_exit_like_any_other)
{
	struct cell cell = leaver_start();
	processes = 2;
	expect_exit(&cell);
}
END_TEST

START_TEST(a_last_call_whose_surroundings_nobody_knows_is_an_exit_like_any_other)
{
	struct cell cell = leaver_start();
	processes = -1;
	expect_exit(&cell);
	cell = leaver_start();
	processes = 1;
	cell.has_cgroup = false;
	expect_exit(&cell);
	cell = leaver_start();
	cell.waits_killable = false;
	expect_exit(&cell);
}
END_TEST

START_TEST(a_last_call_that_comes_after_the_end_was_decided_changes_nothing)
{
	struct cell cell = leaver_start();
	processes = 1;
	cell.cause = CAUSE_TIMEOUT;
	expect_exit(&cell);
	ck_assert_int_eq(cell.cause, CAUSE_TIMEOUT);
}
END_TEST

/* ---- hand-over */

/* A ready cell, and the descriptors of a job. */
struct handing {
	struct host host;
	struct cell cell;
	int sandbox_end, fds[START_FDS];
	uint32_t payload_size;			/* not 0: in the record */
};

static struct handing handing_make(unsigned seals)
{
	struct handing made = {.host.processors = 1, .cell = {.state = CELL_READY, .mount_fd = -1}};
	int ends[2], streams[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	made.cell.control_fd = ends[0];
	made.sandbox_end = ends[1];
	made.fds[START_PAYLOAD] = memfd_create("job", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(fcntl(made.fds[START_PAYLOAD], F_ADD_SEALS, seals), 0);
	for (int i = 0; i < START_PAYLOAD; i++) {
		ck_assert_int_eq(pipe2(streams, O_CLOEXEC), 0);
		made.fds[i] = streams[1];
	}
	return made;
}

static int hand_over(struct handing *handing, struct err *err)
{
	const struct record_start start = {.tag = 7, .limits = {.wall_ms = 1000, .cpu_ms = 1000},
		.payload_size = handing->payload_size};
	return cell_hand_over(&handing->cell, &handing->host, &start, handing->fds, err);
}

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

START_TEST(a_job_handed_over_runs_against_its_clock)
{
	struct handing handing = handing_make(ALL_SEALS);
	struct err err;
	ck_assert_int_eq(hand_over(&handing, &err), 0);
	ck_assert_int_eq(handing.cell.state, CELL_RUNNING);
	ck_assert_int_eq(handing.cell.wall_end_us, handing.cell.started_us + 1000000);
}
END_TEST

START_TEST(a_small_payload_goes_along_and_a_large_one_behind)
{
	for (uint32_t size = 0; size <= PAYLOAD_INLINE_BYTES; size += PAYLOAD_INLINE_BYTES / 2) {
		struct handing handing = handing_make(ALL_SEALS);
		struct job_handover got = {0};
		struct err err;
		int fds[START_FDS];
		size_t count;
		handing.payload_size = size;
		ck_assert_int_eq(hand_over(&handing, &err), 0);
		ck_assert_int_eq(record_receive(handing.sandbox_end, &got, sizeof got, fds, START_FDS, &count),
			offsetof(struct job_handover, payload) + size);
		ck_assert_uint_eq(got.head.payload_size, size);
		ck_assert_uint_eq(got.head.limits.wall_ms, 1000);
		ck_assert_uint_eq(count, size > 0 ? START_PAYLOAD : START_FDS);
	}
}
END_TEST

START_TEST(a_cell_that_is_free_again_is_not_stuck)
{
	struct host host = {.processors = 1};
	struct cell cell = {.state = CELL_ENDING, .zygote = 0, .warm = true, .init_fd = -1, .control_fd = -1,
		.status_fd = -1, .listener_fd = -1, .mount_fd = -1, .proc_fd = -1, .child_control_fd = -1,
		.child_status_fd = -1, .entered_fds = {-1, -1}, .end_us = 1000};
	ck_assert(cell_is_stuck(&cell, 1000));
	ck_assert_int_eq(cell_next_check_us(&cell), 1000);
	cell_release(&cell, &host);
	ck_assert(!cell_is_stuck(&cell, 1000));
	ck_assert_int_eq(cell_next_check_us(&cell), INT64_MAX);
}
END_TEST

START_TEST(a_job_is_not_lost_on_a_sandbox_that_has_died)
{
	struct handing handing = handing_make(ALL_SEALS);
	struct err err;
	close(handing.sandbox_end);
	ck_assert_int_eq(hand_over(&handing, &err), -1);
	ck_assert_int_eq(err.code, ERR_CLOSED);
	ck_assert_int_eq(handing.cell.state, CELL_READY);
	ck_assert_int_eq(handing.cell.started_us, 0);
}
END_TEST

START_TEST(a_payload_that_its_sender_could_change_is_refused)
{
	struct handing handing = handing_make(ALL_SEALS & ~(unsigned)F_SEAL_WRITE);
	struct err err;
	ck_assert_int_eq(hand_over(&handing, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	handing.fds[START_PAYLOAD] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);	/* knows no seals */
	ck_assert_int_eq(hand_over(&handing, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
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
		{a_call_of_the_kill_tier_is_noted_and_kills, missing, 0},
		{a_call_that_is_interrupted_before_it_is_read_kills_too, missing, 0},
		{a_last_call_with_nothing_beside_is_the_end, missing, 0},
		{a_last_call_with_something_beside_is_an_exit_like_any_other, missing, 0},
		{a_last_call_whose_surroundings_nobody_knows_is_an_exit_like_any_other, missing, 0},
		{a_last_call_that_comes_after_the_end_was_decided_changes_nothing, missing, 0},
		{a_job_handed_over_runs_against_its_clock, NULL, 0},
		{a_cell_that_is_free_again_is_not_stuck, NULL, 0},
		{a_small_payload_goes_along_and_a_large_one_behind, NULL, 0},
		{a_job_is_not_lost_on_a_sandbox_that_has_died, NULL, 0},
		{a_payload_that_its_sender_could_change_is_refused, NULL, 0},
	};
	Suite *suite = suite_create("cell");
	TCase *tests = tcase_create("cell");
	tcase_set_timeout(tests, 30);
	suite_add_tcase(suite, tests);
	int skipped = tests_add(tests, all, COUNT(all));
	return tests_run(suite, skipped);
}
