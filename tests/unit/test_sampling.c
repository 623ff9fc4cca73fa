/* test_sampling.c: what is counted of processes, by looking at them.
 *
 * A directory of links to /proc/PID stands for a sandbox's own /proc: it lists chosen processes.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../sandbox/launcher/sampling.c"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MIB (1u << 20)
#define REST "R 1 1 1 0 -1 4194304 10 0 0 0 30 12 7 1 20 0 5 0 100 200 300"

START_TEST(a_name_can_not_forge_the_numbers_behind_it)
{
	static const char *const lines[] = {"7 (sh) " REST, "7 (a b) " REST, "7 () " REST,
		"7 (x) R 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 0 0 1) " REST, "7 (((() " REST, "7 ())))) " REST,
		"7 (line\nbreak) " REST, "7 (%s%n) " REST};
	for (size_t i = 0; i < COUNT(lines); i++) {
		uint64_t ticks = 0, threads = 0;
		ck_assert_int_eq(sampling_parse_stat(lines[i], &ticks, &threads), 0);
		ck_assert_uint_eq(ticks, 50);
		ck_assert_uint_eq(threads, 5);
	}
}
END_TEST

START_TEST(what_is_no_such_line_is_refused)
{
	static const char *const lines[] = {"", "7", "7 (sh", "7 (sh)", "7 (sh) R 1 1 1 0 -1 0 0 0 0 0",
		"7 (sh) R 1 1 1 0 -1 0 0 0 0 0 1 2 3 4 20 0", "7 (sh) R a b c"};
	for (size_t i = 0; i < COUNT(lines); i++) {
		uint64_t ticks, threads;
		ck_assert_int_eq(sampling_parse_stat(lines[i], &ticks, &threads), -1);
	}
}
END_TEST

static char directory[64];

static void set_up(void)
{
	snprintf(directory, sizeof directory, "/tmp/test_sampling-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void tear_down(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static void list(pid_t pid)
{
	char target[32], path[128];
	snprintf(target, sizeof target, "/proc/%d", (int)pid);
	snprintf(path, sizeof path, "%s/%d", directory, (int)pid);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void unlist(pid_t pid)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%d", directory, (int)pid);
	ck_assert_int_eq(unlink(path), 0);
}

/* A process that prepares, then waits to be ended. */
static pid_t process_listed(void (*prepare)(int ready_fd))
{
	char byte;
	int ready[2];
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prepare(ready[1]);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	list(pid);
	return pid;
}

static void process_end(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void take(struct sampling *sampling)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(sampling_take(sampling, fd), 0);
	close(fd);
}

static void touch(int kind, size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		_exit(1);
	memset(memory, 1, size);
}

static void prepare_nothing(int ready_fd)
{
	(void)ready_fd;
}

static void prepare_memory(int ready_fd)
{
	(void)ready_fd;
	touch(MAP_PRIVATE, 24 * MIB);
	touch(MAP_SHARED, 8 * MIB);
}

/* By how much a process that touches 32 MiB is bigger than one that does nothing. */
START_TEST(private_and_shared_memory_is_counted)
{
	struct sampling sampling = {0}, plain = {0};
	pid_t idle = process_listed(prepare_nothing);
	take(&plain);
	process_end(idle);
	unlist(idle);
	pid_t pid = process_listed(prepare_memory);
	take(&sampling);
	uint64_t more = sampling.usage.memory_bytes - plain.usage.memory_bytes;
	ck_assert_uint_ge(more, 31 * MIB);
	ck_assert_uint_le(more, 34 * MIB);
	process_end(pid);
}
END_TEST

/* In a sandbox's own /proc process 1 is its init. */
START_TEST(memory_of_init_is_not_the_jobs)
{
	struct sampling sampling = {0};
	char here[160], init[160];
	pid_t pid = process_listed(prepare_memory);
	snprintf(here, sizeof here, "%s/%d", directory, (int)pid);
	snprintf(init, sizeof init, "%s/1", directory);
	ck_assert_int_eq(rename(here, init), 0);
	take(&sampling);
	ck_assert_uint_eq(sampling.usage.memory_bytes, 0);
	ck_assert_uint_eq(sampling.usage.processes, 1);
	process_end(pid);
}
END_TEST

static void *thread_idle(void *argument)
{
	pause();
	return argument;
}

static void prepare_threads(int ready_fd)
{
	pthread_t thread;
	(void)ready_fd;
	for (int i = 0; i < 3; i++)
		if (pthread_create(&thread, NULL, thread_idle, NULL) != 0)
			_exit(1);
}

START_TEST(threads_count_as_processes)
{
	struct sampling sampling = {0};
	pid_t pids[] = {process_listed(prepare_threads), process_listed(prepare_nothing)};
	take(&sampling);
	ck_assert_uint_eq(sampling.usage.processes, 5);
	for (size_t i = 0; i < COUNT(pids); i++)
		process_end(pids[i]);
}
END_TEST

static void *thread_holding_memory(void *argument)
{
	const int *ready_fd = argument;
	char state = 0, path[64];
	touch(MAP_PRIVATE, 24 * MIB);
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
	while (state != 'Z') {
		char line[512] = {0};
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, line, sizeof line - 1) <= 0 || !strrchr(line, ')'))
			_exit(1);
		close(fd);
		state = strrchr(line, ')')[2];
	}
	if (write(*ready_fd, "", 1) == 1)
		pause();
	return NULL;
}

static void prepare_without_leader(int ready_fd)
{
	static int kept;
	pthread_t thread;
	kept = ready_fd;
	if (pthread_create(&thread, NULL, thread_holding_memory, &kept) != 0)
		_exit(1);
	syscall(SYS_exit, 0);
}

START_TEST(a_process_whose_first_thread_has_ended_hides_no_memory)
{
	struct sampling sampling = {0};
	pid_t pid = process_listed(prepare_without_leader);
	take(&sampling);
	ck_assert_uint_ge(sampling.usage.memory_bytes, 24 * MIB);
	process_end(pid);
}
END_TEST

static void spin(void)
{
	struct timespec used;
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while (used.tv_sec == 0 && used.tv_nsec < 100 * 1000 * 1000);
}

static void prepare_spin(int ready_fd)
{
	(void)ready_fd;
	pid_t pid = fork();
	if (pid == 0) {
		spin();
		_exit(0);
	}
	if (waitpid(pid, NULL, 0) != pid)
		_exit(1);
	spin();
}

START_TEST(cpu_time_is_that_of_the_living_and_of_those_they_waited_for)
{
	struct sampling sampling = {0};
	pid_t pid = process_listed(prepare_spin);
	take(&sampling);
	ck_assert_uint_ge(sampling.usage.cpu_us, 170 * 1000);
	ck_assert_uint_le(sampling.usage.cpu_us, 500 * 1000);
	process_end(pid);
}
END_TEST

START_TEST(peaks_stay_and_cpu_time_does_not_fall)
{
	struct sampling sampling = {0};
	pid_t pids[] = {process_listed(prepare_memory), process_listed(prepare_spin)};
	take(&sampling);
	struct sampling_usage before = sampling.usage;
	for (size_t i = 0; i < COUNT(pids); i++)
		process_end(pids[i]);
	take(&sampling);	/* their links lead nowhere now */
	ck_assert_uint_eq(sampling.usage.processes, 0);
	ck_assert_uint_eq(sampling.usage.memory_bytes, 0);
	ck_assert_uint_eq(sampling.usage.processes_peak, 2);
	ck_assert_uint_eq(sampling.usage.memory_peak_bytes, before.memory_bytes);
	ck_assert_uint_eq(sampling.usage.cpu_us, before.cpu_us);
}
END_TEST

START_TEST(cpu_time_of_those_gone_adds_up)
{
	struct sampling sampling = {0};
	for (int i = 1; i <= 3; i++) {
		pid_t pid = process_listed(prepare_spin);
		take(&sampling);
		process_end(pid);
		unlist(pid);
		take(&sampling);
		ck_assert_uint_ge(sampling.usage.cpu_us, (uint64_t)i * 170 * 1000);
		ck_assert_uint_le(sampling.usage.cpu_us, (uint64_t)i * 500 * 1000);
	}
}
END_TEST

START_TEST(what_is_no_process_is_passed_over)
{
	struct sampling sampling = {0};
	char path[128];
	snprintf(path, sizeof path, "%s/self", directory);
	ck_assert_int_eq(symlink("/proc/self", path), 0);
	snprintf(path, sizeof path, "%s/12", directory);
	ck_assert_int_eq(symlink("/proc/sys", path), 0);
	take(&sampling);
	ck_assert_uint_eq(sampling.usage.processes, 0);
	ck_assert_int_eq(sampling_take(&sampling, -1), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sampling");
	TCase *lines = tcase_create("lines"), *processes = tcase_create("processes");
	tcase_add_test(lines, a_name_can_not_forge_the_numbers_behind_it);
	tcase_add_test(lines, what_is_no_such_line_is_refused);
	tcase_add_checked_fixture(processes, set_up, tear_down);
	tcase_set_timeout(processes, 60);
	tcase_add_test(processes, private_and_shared_memory_is_counted);
	tcase_add_test(processes, memory_of_init_is_not_the_jobs);
	tcase_add_test(processes, threads_count_as_processes);
	tcase_add_test(processes, a_process_whose_first_thread_has_ended_hides_no_memory);
	tcase_add_test(processes, cpu_time_is_that_of_the_living_and_of_those_they_waited_for);
	tcase_add_test(processes, peaks_stay_and_cpu_time_does_not_fall);
	tcase_add_test(processes, cpu_time_of_those_gone_adds_up);
	tcase_add_test(processes, what_is_no_process_is_passed_over);
	suite_add_tcase(suite, lines);
	suite_add_tcase(suite, processes);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
