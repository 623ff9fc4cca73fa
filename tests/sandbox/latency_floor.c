/* latency_floor.c: how long the kernel alone takes to bring a job to a process that waits for it, and its answer back,
 * beside bare programs.
 *
 *	latency_floor [PAIRS [IDLE_MS]]
 *
 * A caller hands descriptors to a middle process, which hands them to one that waits, as a job's caller, the
 * launcher and a ready sandbox do; with nothing else in it: no limits, lockdown, clocks, files or script. What a row
 * takes, no sandbox whose jobs are handed to processes that wait, by one that holds the privileges, can go below on
 * this machine. Each hand-over is one of a pair with a bare program, IDLE_MS (15) apart. unix(7), memfd_create(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../worker/bench/bench_nothing.h"

#define HEAP_BYTES (10u << 20)		/* of a warm Python that has loaded what most scripts load */
#define PAGE 4096
#define PAIRS_MAX 10000
#define PIPES 3
#define FDS (PIPES + 1)			/* and the payload */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct row {
	const char *name;
	unsigned fds;			/* that go along; all of them are made then, else before */
	unsigned copies;		/* of pages that the one who waits shares with its parent */
} rows[] = {
	{"a message", 0, 0},
	{"+ three pipes, made before", PIPES, 0},
	{"+ a sealed memfd, and all made then", FDS, 0},
	{"+ 35 page copies", FDS, 35},
};

static const char *const programs[][4] = {{"/bin/sh", "-c", "true", NULL},
	{"/usr/bin/python3", "-c", "pass", NULL}, {"/usr/bin/node", "-e", "0", NULL}};

static char *heap;
static char nothing_path[40];		/* of a static program that does nothing */

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void must(int64_t result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	_exit(1);
}

static void message_send(int socket, const int64_t *stamps, const int *fds, size_t count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(FDS * sizeof(int))];
	} control = {0};
	struct iovec bytes = {(void *)stamps, 2 * sizeof *stamps};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	if (count > 0) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)),
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	must(sendmsg(socket, &message, MSG_NOSIGNAL), "sendmsg");
}

/* Ends the process when the other side has gone. Returns how many descriptors came. */
static size_t message_receive(int socket, int64_t *stamps, int *fds)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(FDS * sizeof(int))];
	} control = {0};
	struct iovec bytes = {stamps, 2 * sizeof *stamps};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space,
		.msg_controllen = sizeof control.space};
	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	must(got, "recvmsg");
	if (got == 0)
		_exit(0);
	if (message.msg_controllen < CMSG_LEN(sizeof(int)))
		return 0;
	size_t count = (control.header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(&control.header), count * sizeof(int));
	return count;
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* ---- the processes */

/* One job each, as a sandbox: forks the next when it has answered. */
static _Noreturn void waiting_main(int socket, unsigned copies)
{
	for (;;) {
		int64_t stamps[2];
		int fds[FDS];
		pid_t child = fork();
		must(child, "fork");
		if (child > 0) {
			int status;
			must(waitpid(child, &status, 0), "waitpid");
			if (status != 0)
				_exit(0);
			continue;
		}
		must(prctl(PR_SET_PDEATHSIG, SIGKILL), "a death signal");
		size_t count = message_receive(socket, stamps, fds);
		char first;
		if (count == FDS)
			must(pread(fds[PIPES], &first, 1, 0), "the payload");
		for (size_t i = 0; i < copies; i++)
			((volatile char *)heap)[i * (HEAP_BYTES / copies / PAGE * PAGE)]++;
		stamps[1] = now_ns();
		message_send(socket, stamps, NULL, 0);
		/* or its end takes the processor from the answer */
		nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
		_exit(0);
	}
}

static _Noreturn void middle_main(int caller, int waiting)
{
	for (;;) {
		int64_t stamps[2];
		int fds[FDS];
		size_t count = message_receive(caller, stamps, fds);
		message_send(waiting, stamps, fds, count);
		close_all(fds, count);
		(void)message_receive(waiting, stamps, fds);
		message_send(caller, stamps, NULL, 0);
	}
}

static pid_t start(int *caller, unsigned copies)
{
	int outer[2], inner[2];
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, outer), "socketpair");
	pid_t middle = fork();
	must(middle, "fork");
	if (middle > 0) {
		close(outer[1]);
		*caller = outer[0];
		return middle;
	}
	must(prctl(PR_SET_PDEATHSIG, SIGKILL), "a death signal");
	close(outer[0]);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, inner), "socketpair");
	pid_t waiting = fork();
	must(waiting, "fork");
	if (waiting == 0) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL), "a death signal");
		close(outer[1]);
		close(inner[0]);
		waiting_main(inner[1], copies);
	}
	close(inner[1]);
	middle_main(outer[1], inner[0]);
}

/* ---- one measurement */

static void pipes_make(int *fds, int *ends)
{
	for (int i = 0; i < PIPES; i++) {
		int pipe_fds[2];
		must(pipe2(pipe_fds, O_CLOEXEC), "pipe");
		ends[i] = pipe_fds[0];
		fds[i] = pipe_fds[1];
	}
}

static int payload_make(void)
{
	static const char payload[200] = "a payload";
	int fd = memfd_create("payload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	must(fd, "memfd_create");
	must(write(fd, payload, sizeof payload), "the payload");
	must(fcntl(fd, F_ADD_SEALS, SEALS), "sealing");
	return fd;
}

static void hand_over(int caller, const struct row *row, double *there_ms, double *back_ms)
{
	int fds[FDS], ends[PIPES];
	if (row->fds == PIPES)
		pipes_make(fds, ends);
	int64_t begin = now_ns(), stamps[2] = {0};
	if (row->fds == FDS) {
		pipes_make(fds, ends);
		fds[PIPES] = payload_make();
	}
	message_send(caller, stamps, fds, row->fds);
	close_all(fds, row->fds);
	(void)message_receive(caller, stamps, fds);
	int64_t end = now_ns();
	if (row->fds > 0)
		close_all(ends, PIPES);
	*there_ms = (double)(stamps[1] - begin) / 1e6;
	*back_ms = (double)(end - begin) / 1e6;
}

static double spawn_ms(const char *const *argv)
{
	char *environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
	int64_t begin = now_ns();
	pid_t pid;
	int status;
	if (posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)argv, environment) != 0)
		return -1;
	must(waitpid(pid, &status, 0), "waitpid");
	return (double)(now_ns() - begin) / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, compare);
	return values[count / 2];
}

static void row_measure(const struct row *row, size_t pairs, long idle_ms)
{
	static double there[PAIRS_MAX], back[PAIRS_MAX], bare[PAIRS_MAX];
	const char *const nothing_argv[] = {nothing_path, NULL};
	int caller;
	pid_t middle = start(&caller, row->copies);
	for (size_t i = 0; i < pairs; i++) {
		nanosleep(&(struct timespec){.tv_nsec = idle_ms * 1000000}, NULL);
		bare[i] = spawn_ms(nothing_argv);
		nanosleep(&(struct timespec){.tv_nsec = idle_ms * 1000000}, NULL);
		hand_over(caller, row, &there[i], &back[i]);
	}
	close(caller);
	must(waitpid(middle, NULL, 0), "waitpid");
	double first = median(there, pairs), static_program = median(bare, pairs);
	printf("%-36s %8.3f %8.3f %8.3f %8.2f\n", row->name, first, median(back, pairs), static_program,
		first / static_program);
}

static void program_measure(const char *const *argv, size_t pairs, long idle_ms)
{
	static double bare[PAIRS_MAX];
	for (size_t i = 0; i < pairs; i++) {
		nanosleep(&(struct timespec){.tv_nsec = idle_ms * 1000000}, NULL);
		bare[i] = spawn_ms(argv);
		if (bare[i] < 0)
			return;
	}
	printf("%-36s %8s %8.3f\n", argv[0], "", median(bare, pairs));
}

static void nothing_make(void)
{
	int fd = memfd_create("nothing", 0);
	must(fd, "memfd_create");
	must(write(fd, bench_nothing, sizeof bench_nothing), "a program");
	snprintf(nothing_path, sizeof nothing_path, "/proc/%d/fd/%d", (int)getpid(), fd);
}

int main(int argc, char **argv)
{
	long pairs = argc > 1 ? atol(argv[1]) : 200, idle_ms = argc > 2 ? atol(argv[2]) : 15;
	if (pairs < 1 || pairs > PAIRS_MAX || idle_ms < 0 || idle_ms > 999) {
		fputs("usage: latency_floor [PAIRS [IDLE_MS]]\n", stderr);
		return 2;
	}
	heap = mmap(NULL, HEAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(heap == MAP_FAILED ? -1 : 0, "a heap");
	(void)madvise(heap, HEAP_BYTES, MADV_NOHUGEPAGE);	/* as an interpreter's */
	memset(heap, 1, HEAP_BYTES);
	nothing_make();
	printf("\nHanded over by the kernel alone, ms, p50 of %ld, %ld ms apart:\n%-36s %8s %8s %8s %8s\n", pairs,
		idle_ms, "", "there", "and back", "static", "ratio");
	for (size_t i = 0; i < COUNT(rows); i++)
		row_measure(&rows[i], (size_t)pairs, idle_ms);
	for (size_t i = 0; i < COUNT(programs); i++)
		program_measure(programs[i], (size_t)pairs / 4 + 1, idle_ms);
	return 0;
}
