/* kernel_floor.c: how often a second the kernel alone does what a sandboxed job takes, beside a bare python3.
 *
 *	kernel_floor [AT_ONCE [SECONDS]]
 *
 * Each row is a set of steps. A job forks a child that takes them and exits, with nothing else in it: no
 * filter, no descriptors handed over, no script. What a row reaches, no sandbox that takes its steps anew for
 * each job can exceed on this machine. What the kernel does behind a child's back, such as taking namespaces
 * apart, is in the rate and not in the processor time. AT_ONCE: as many as there are processors; joining a
 * group can wait for a grace period, so on a quiet machine more may do more. Needs root. cgroups(7),
 * pivot_root(2), clone(2).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEAP_BYTES (10u << 20)		/* of a warm Python that has loaded what most scripts load */
#define COPIES 80			/* pages that a short job writes to */
#define PAGE 4096
#define TURNS 6
#define AT_ONCE_MAX 64
#define PREFIX "kernel-floor-"
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum step { PYTHON = 1, PID_MOUNT = 2, NET_IPC_UTS = 4, ROOT = 8, GROUPS = 16, HEAP = 32,
	GROUPS_ANEW = 64, HUGE = 128 };

static const struct row {
	const char *name;
	unsigned steps;
} rows[] = {
	{"python3 -c pass, bare", PYTHON},
	{"fork and exit", 0},
	{"+ pid and mount namespaces", PID_MOUNT},
	{"+ tmpfs, bind mount, pivot_root", PID_MOUNT | ROOT},
	{"+ control groups, joined", PID_MOUNT | ROOT | GROUPS},
	{"+ 10 MiB of heap, 80 page copies", PID_MOUNT | ROOT | GROUPS | HEAP},
	{"the same heap in huge pages", PID_MOUNT | ROOT | GROUPS | HEAP | HUGE},
	{"pid, mount, net, ipc, uts namespaces", PID_MOUNT | NET_IPC_UTS},
	{"all of it, groups made and removed", PID_MOUNT | NET_IPC_UTS | ROOT | GROUPS | GROUPS_ANEW | HEAP},
};

/* Version 1, as the sandbox uses it; else the one hierarchy of version 2. */
static const char *const hierarchies[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids",
	"/sys/fs/cgroup/cpuacct"}, *const unified[] = {"/sys/fs/cgroup"};

static struct shared {
	atomic_bool stop, interrupted;
	atomic_long jobs;
	char error[200];
} *shared;
static const char *const *parents;
static size_t parent_count;
static char *heap;
static pid_t owner;

static _Noreturn void die(const char *what)
{
	snprintf(shared->error, sizeof shared->error, "%s: %s", what, strerror(errno));
	shared->stop = true;
	_exit(1);
}

static void must(int result, const char *what)
{
	if (result < 0)
		die(what);
}

/* ---- groups */

/* number below 0: the directory that holds those of all workers. */
static const char *group_path(size_t hierarchy, pid_t of, int number, const char *file)
{
	static char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "%s/" PREFIX "%d", parents[hierarchy], (int)of);
	if (number >= 0)
		snprintf(path + length, sizeof path - (size_t)length, "/%d%s", number, file);
	return path;
}

static void groups_make(int number)
{
	for (size_t i = 0; i < parent_count; i++)
		must(mkdir(group_path(i, owner, number, ""), 0755), "making a group");
}

static void groups_join(int number)
{
	for (size_t i = 0; i < parent_count; i++) {
		int fd = open(group_path(i, owner, number, "/cgroup.procs"), O_WRONLY | O_CLOEXEC);
		must(fd, "opening a group");
		must((int)write(fd, "0", 1), "joining a group");
		close(fd);
	}
}

/* A process that has just been reaped can hold its group for a moment. */
static bool group_remove(const char *path)
{
	int result;
	while ((result = rmdir(path)) < 0 && errno == EBUSY && !shared->interrupted)
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	return result == 0;
}

static void groups_remove(int number)
{
	for (size_t i = 0; i < parent_count; i++)
		if (!group_remove(group_path(i, owner, number, "")))
			die("removing a group");
}

/* All that a run made, when its processes are gone. */
static void groups_clear(pid_t of)
{
	for (size_t i = 0; i < parent_count; i++) {
		for (int number = 0; number < AT_ONCE_MAX; number++)
			(void)rmdir(group_path(i, of, number, ""));
		(void)rmdir(group_path(i, of, -1, ""));
	}
}

/* What runs that were killed left. */
static void leftovers_clear(void)
{
	DIR *directory = opendir(parents[0]);
	const struct dirent *entry;
	while (directory && (entry = readdir(directory)))
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0) {
			pid_t of = atoi(entry->d_name + strlen(PREFIX));
			if (of > 0 && kill(of, 0) < 0 && errno == ESRCH)
				groups_clear(of);
		}
	if (directory)
		closedir(directory);
}

static bool groups_open(void)
{
	bool first = access(hierarchies[0], W_OK) == 0;
	parents = first ? hierarchies : unified;
	parent_count = first ? COUNT(hierarchies) : COUNT(unified);
	leftovers_clear();
	for (size_t i = 0; i < parent_count; i++)
		if (mkdir(group_path(i, owner, -1, ""), 0755) < 0) {
			groups_clear(owner);
			return false;
		}
	return true;
}

/* ---- a job */

static void root_enter(void)
{
	static const char *const places[] = {"usr", "work"};
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	must(mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64m"), "a tmpfs");
	must(chdir("/tmp"), "the tmpfs");
	for (size_t i = 0; i < COUNT(places); i++)
		must(mkdir(places[i], 0755), "a directory");
	must(mount("/usr", "usr", NULL, MS_BIND, NULL), "a bind mount");
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "leaving the old root");
}

static _Noreturn void child_main(unsigned steps, int number)
{
	if (steps & PYTHON) {
		int null = open("/dev/null", O_RDWR);
		for (int fd = 0; fd < 3; fd++)
			must(dup2(null, fd), "/dev/null");
		execle("/usr/bin/python3", "python3", "-c", "pass", NULL,
			(char *const[]){"LANG=C.UTF-8", NULL});
		die("python3");
	}
	if (steps & GROUPS)
		groups_join(number);
	if (steps & ROOT)
		root_enter();
	for (size_t i = 0; (steps & HEAP) && i < COPIES; i++)
		((volatile char *)heap)[i * (HEAP_BYTES / COPIES / PAGE * PAGE)]++;
	_exit(0);
}

static void job_run(unsigned steps, int number)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	int status;
	if (steps & PID_MOUNT)
		args.flags |= CLONE_NEWPID | CLONE_NEWNS;
	if (steps & NET_IPC_UTS)
		args.flags |= CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	if (steps & GROUPS_ANEW)
		groups_make(number);
	pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (child == 0)
		child_main(steps, number);
	must(child, "clone3");
	must(waitpid(child, &status, 0), "waitpid");
	if (steps & GROUPS_ANEW)
		groups_remove(number);
	if (status != 0)
		die("a child failed");
	shared->jobs++;
}

/* ---- rows */

static void interrupted(int number)
{
	(void)number;
	shared->stop = shared->interrupted = true;
}

struct found {
	long jobs;
	double seconds, cpu_seconds;
	char error[200];
};

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static _Noreturn void worker_main(unsigned steps, int number)
{
	must(prctl(PR_SET_PDEATHSIG, SIGKILL), "a death signal");
	signal(SIGINT, SIG_IGN);	/* it is told to stop between jobs */
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (steps & HEAP) {
		heap = mmap(NULL, HEAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(heap == MAP_FAILED ? -1 : 0, "a heap");
		/* an interpreter's has small ones */
		(void)madvise(heap, HEAP_BYTES, steps & HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		memset(heap, 1, HEAP_BYTES);
	}
	bool again = (steps & GROUPS) && !(steps & GROUPS_ANEW);
	if (again)
		groups_make(number);
	while (!shared->stop)
		job_run(steps, number);
	if (again)
		groups_remove(number);
	_exit(0);
}

/* Of the workers that have ended, and of what they waited for. */
static double cpu_s(void)
{
	struct rusage usage;
	getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void measure(unsigned steps, int at_once, double seconds, struct found *found)
{
	double begin = now_s(), cpu_begin = cpu_s();
	shared->stop = shared->interrupted;
	shared->jobs = 0;
	for (int i = 0; i < at_once; i++) {
		pid_t worker = fork();
		if (worker == 0)
			worker_main(steps, i);
	}
	while (!shared->stop && now_s() < begin + seconds)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	shared->stop = true;
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		continue;
	found->jobs += shared->jobs;
	found->seconds += now_s() - begin;
	found->cpu_seconds += cpu_s() - cpu_begin;
	if (shared->error[0])
		memcpy(found->error, shared->error, sizeof found->error);
	shared->error[0] = '\0';
}

static void print(const char *name, const struct found *found, const struct found *bare)
{
	double rate = (double)found->jobs / found->seconds, bare_rate = (double)bare->jobs / bare->seconds;
	if (found->error[0] || found->jobs == 0)
		printf("%-40s %s\n", name, found->error);
	else
		printf("%-40s %10.0f %10.1f %10.2f\n", name, rate, rate / bare_rate,
			1000 * found->cpu_seconds / (double)found->jobs);
}

/* In turn, and that several times: what else runs on the machine meets all rows alike. */
static void rows_measure(int at_once, double seconds, bool have_groups)
{
	struct found found[COUNT(rows)] = {0};
	for (int turn = 0; turn < TURNS; turn++)
		for (size_t i = 0; i < COUNT(rows) && !shared->interrupted; i++)
			if ((rows[i].steps & GROUPS) && !have_groups)
				strcpy(found[i].error, "no cgroup can be made here");
			else if (!found[i].error[0])
				measure(rows[i].steps, at_once, seconds / TURNS, &found[i]);
	if (shared->interrupted)
		return;
	printf("\nThe kernel's part of a job alone, %d at once:\n%-40s %10s %10s %10s\n", at_once, "",
		"a second", "ratio", "CPU ms");
	for (size_t i = 0; i < COUNT(rows); i++)
		print(rows[i].name, &found[i], &found[0]);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = interrupted};
	int at_once = argc > 1 ? atoi(argv[1]) : (int)sysconf(_SC_NPROCESSORS_ONLN);
	double seconds = argc > 2 ? atof(argv[2]) : 3;
	if (at_once < 1 || seconds <= 0) {
		fputs("usage: kernel_floor [AT_ONCE [SECONDS]]\n", stderr);
		return 2;
	}
	if (geteuid() != 0) {
		puts("skipped: the kernel's part alone: needs root");
		return 0;
	}
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("kernel_floor");
		return 1;
	}
	owner = getpid();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	bool have_groups = groups_open();
	rows_measure(at_once > AT_ONCE_MAX ? AT_ONCE_MAX : at_once, seconds, have_groups);
	groups_clear(owner);
	return shared->interrupted ? 1 : 0;
}
