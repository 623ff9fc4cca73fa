/* test_cgroup.c: groups that hold a child's memory, processes and CPU time, and leave nothing behind. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../sandbox/launcher/cgroup.c"
#include "../../sandbox/launcher/cgroups.c"
#include "skips.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MIB (1u << 20)

/* One after the other, all tests are this instance. */
static char name[32];

static int leftovers_clear(const char *instance)
{
	char places[CGROUP_CONTROLLERS][512];
	int left = 0;
	cgroups_places(instance, places);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		left |= cgroups_clear_leftovers(instance, places[i]);
	return left;
}

static void set_up(void)
{
	ck_assert_int_eq(leftovers_clear(name), 0);
}

static struct cgroups *groups_open(void)
{
	static struct cgroups cgroups;
	struct err err;
	ck_assert_msg(cgroups_open(&cgroups, name, &err) == 0, "%s", err.text);
	return &cgroups;
}

static struct cgroup group_make(struct cgroups *cgroups, unsigned serial, uint64_t memory_bytes,
	uint64_t processes)
{
	struct cgroup group;
	struct err err;
	ck_assert_msg(cgroup_acquire(cgroups, serial, &group, &err) == 0, "%s", err.text);
	ck_assert_msg(cgroup_limit(cgroups, &group, memory_bytes, processes, &err) == 0, "%s", err.text);
	return group;
}

/* Each processor keeps a batch of charges, and enough of them would be memory left. */
static int one_processor(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();
	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &set);
	return sched_setaffinity(0, sizeof set, &set);
}

/* Runs act in the group to its end; returns the wait status. */
static int in_group(const struct cgroup *group, int (*act)(void))
{
	int status;
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(one_processor() < 0 || cgroup_join(group->procs_fds) < 0 ? 100 : act());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 100);
	return status;
}

static struct cgroup_usage usage_of(const struct cgroup *group)
{
	struct cgroup_usage usage;
	ck_assert_int_eq(cgroup_usage(group, &usage), 0);
	cgroup_denials(group, &usage);
	return usage;
}

static void groups_gone(const struct cgroups *cgroups)
{
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		ck_assert_msg(access(cgroups->parents[i], F_OK) < 0 && errno == ENOENT, "%s",
			cgroups->parents[i]);
}

static int touch(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t at = 0; memory != MAP_FAILED && at < size; at += 4096)
		((volatile char *)memory)[at] = 1;
	return memory == MAP_FAILED ? 1 : 0;
}

static int touch_much(void)
{
	return touch(64 * MIB);
}

static int touch_little(void)
{
	return touch(8 * MIB);
}

START_TEST(memory_over_the_limit_is_an_oom_kill_of_the_group)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 32 * MIB, 10);
	int status = in_group(&group, touch_much);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	struct cgroup_usage usage = usage_of(&group);
	ck_assert_uint_eq(usage.oom_kills, 1);
	ck_assert(usage.memory_limit_hit);
	ck_assert_uint_le(usage.memory_peak_bytes, 32 * MIB);
	ck_assert_uint_gt(usage.memory_peak_bytes, 31 * MIB);
	cgroup_destroy(cgroups, &group);
	cgroups_close(cgroups);
	groups_gone(cgroups);
}
END_TEST

START_TEST(memory_below_the_limit_is_counted_and_no_hit)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 32 * MIB, 10);
	ck_assert_int_eq(in_group(&group, touch_little), 0);
	struct cgroup_usage usage = usage_of(&group);
	ck_assert_uint_eq(usage.oom_kills, 0);
	ck_assert(!usage.memory_limit_hit);
	ck_assert_uint_ge(usage.memory_peak_bytes, 8 * MIB);
	ck_assert_uint_lt(usage.memory_peak_bytes, 20 * MIB);
	cgroup_destroy(cgroups, &group);
	cgroups_close(cgroups);
}
END_TEST

/* The caller is one of three. */
static int fork_three(void)
{
	int made = 0;
	(void)signal(SIGTERM, SIG_DFL);	/* Check's own handler would end the test */
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		made += pid > 0;
	}
	(void)signal(SIGTERM, SIG_IGN);
	return made;
}

static int fork_three_and_end_them(void)
{
	int made;
	if (setpgid(0, 0) < 0)
		return 50;
	made = fork_three();
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		continue;
	return made;
}

START_TEST(a_fork_beyond_the_limit_fails_and_is_counted)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 64 * MIB, 3);
	ck_assert_int_eq(WEXITSTATUS(in_group(&group, fork_three_and_end_them)), 2);
	struct cgroup_usage usage = usage_of(&group);
	ck_assert_uint_eq(usage.pids_denied, 1);
	ck_assert_int_eq(cgroup_processes(&group), 0);
	ck_assert(usage.pids_peak == 3 || usage.pids_peak == 0);
	cgroup_destroy(cgroups, &group);
	cgroups_close(cgroups);
}
END_TEST

static int spin(void)
{
	struct timespec used;
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while (used.tv_nsec < 60 * 1000 * 1000 && used.tv_sec == 0);
	return 0;
}

static int spin_twice(void)
{
	if (fork() == 0)
		_exit(spin());
	while (wait(NULL) > 0)
		continue;
	return spin();
}

START_TEST(cpu_time_is_that_of_all_processes_of_the_group_and_no_other)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 64 * MIB, 10);
	struct cgroup other = group_make(cgroups, 2, 64 * MIB, 10);
	ck_assert_int_eq(in_group(&group, spin_twice), 0);
	ck_assert_uint_ge(usage_of(&group).cpu_us, 115 * 1000);
	ck_assert_uint_lt(usage_of(&group).cpu_us, 400 * 1000);
	ck_assert_uint_eq(usage_of(&other).cpu_us, 0);
	cgroup_destroy(cgroups, &group);
	cgroup_destroy(cgroups, &other);
	cgroups_close(cgroups);
}
END_TEST

static void tight_limits_hold(const struct cgroups *cgroups, struct cgroup *group)
{
	struct err err;
	ck_assert_int_eq(cgroup_limit(cgroups, group, 32 * MIB, 2, &err), 0);
	ck_assert(WIFSIGNALED(in_group(group, touch_much)));
	ck_assert_int_eq(WEXITSTATUS(in_group(group, fork_three_and_end_them)), 1);
}

START_TEST(limits_can_be_tightened_while_a_process_waits_in_the_group)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 256 * MIB, 20);
	tight_limits_hold(cgroups, &group);
	cgroup_destroy(cgroups, &group);
	cgroups_close(cgroups);
}
END_TEST

START_TEST(limits_can_be_raised_again)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 16 * MIB, 1);
	struct err err;
	ck_assert_msg(cgroup_limit(cgroups, &group, 256 * MIB, 20, &err) == 0, "%s", err.text);
	ck_assert_int_eq(in_group(&group, touch_much), 0);
	ck_assert_int_eq(WEXITSTATUS(in_group(&group, fork_three_and_end_them)), 3);
	cgroup_destroy(cgroups, &group);
	cgroups_close(cgroups);
}
END_TEST

START_TEST(a_serial_is_used_once)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 7, 64 * MIB, 10), again;
	struct err err;
	pid_t pid = fork();
	if (pid == 0) {
		(void)cgroup_join(group.procs_fds);
		pause();
		_exit(0);
	}
	while (cgroup_processes(&group) == 0)
		usleep(1000);
	ck_assert_int_eq(cgroup_acquire(cgroups, 7, &again, &err), -1);
	ck_assert_int_eq(err.errnum, EEXIST);
	ck_assert_int_eq(cgroup_processes(&group), 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	cgroup_destroy(cgroups, &group);
	cgroups_close(cgroups);
	groups_gone(cgroups);
}
END_TEST

/* Acquires the group after one that was released: its parts are those of before, but for the one named. */
static struct cgroup group_again(struct cgroups *cgroups, struct cgroup *before, enum cgroup_controller renewed)
{
	struct cgroup group;
	struct err err;
	unsigned old = before->serials[0];
	bool knows_peak = before->counter_fds[CGROUP_PROCESSES_PEAK] >= 0;	/* Linux 6.1 */
	cgroup_release(cgroups, before);
	ck_assert_msg(cgroup_acquire(cgroups, old + 1, &group, &err) == 0, "%s", err.text);
	for (enum cgroup_controller i = 0; i < CGROUP_CONTROLLERS; i++)
		ck_assert_msg(group.serials[i] == (i == renewed || (i == CGROUP_PIDS && !knows_peak) ?
			old + 1 : old), "%s: %u", controllers[i], group.serials[i]);
	return group;
}

#define NO_CONTROLLER CGROUP_CONTROLLERS

static uint64_t limit_read(const struct cgroup *group, enum cgroup_controller controller, const char *file)
{
	return cgroup_file_read(group->directory_fds[controller], file);
}

static void group_shows_nothing(struct cgroups *cgroups, struct cgroup *group)
{
	struct cgroup_usage usage = usage_of(group);
	ck_assert_int_eq(cgroup_processes(group), 0);
	ck_assert_uint_eq(usage.cpu_us, 0);
	ck_assert_uint_le(usage.memory_peak_bytes, LEFT_MAX_BYTES);
	ck_assert_uint_le(usage.pids_peak, 1);
	ck_assert_uint_eq(usage.oom_kills, 0);
	ck_assert(!usage.memory_limit_hit);
	ck_assert_uint_eq(usage.pids_denied, 0);
	struct err err;
	ck_assert_msg(cgroup_limit(cgroups, group, 64 * MIB, 10, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(limit_read(group, CGROUP_MEMORY, "memory.limit_in_bytes"), 64 * MIB);
	ck_assert_uint_eq(limit_read(group, CGROUP_PIDS, "pids.max"), 10);
	cgroup_destroy(cgroups, group);
	cgroups_close(cgroups);
	groups_gone(cgroups);
}

static int touch_and_spin(void)
{
	return touch_little() + spin();
}

START_TEST(a_released_group_is_used_again_and_counts_from_nothing)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 64 * MIB, 10);
	ck_assert_int_eq(in_group(&group, touch_and_spin), 0);
	ck_assert_uint_ge(usage_of(&group).cpu_us, 60 * 1000);
	struct cgroup again = group_again(cgroups, &group, NO_CONTROLLER);
	group_shows_nothing(cgroups, &again);
}
END_TEST

START_TEST(a_group_used_again_has_the_limits_asked_for)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 256 * MIB, 20);
	ck_assert_int_eq(in_group(&group, touch_little), 0);
	struct cgroup again = group_again(cgroups, &group, NO_CONTROLLER);
	tight_limits_hold(cgroups, &again);
	cgroup_destroy(cgroups, &again);
	cgroups_close(cgroups);
}
END_TEST

START_TEST(a_count_of_processes_that_cant_be_set_back_is_not_used_again)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 64 * MIB, 10);
	ck_assert_int_eq(in_group(&group, spin_twice), 0);
	struct cgroup again = group_again(cgroups, &group, CGROUP_PIDS);
	group_shows_nothing(cgroups, &again);
}
END_TEST

static int fork_in_vain(void)
{
	return fork() < 0 ? 0 : 1;
}

START_TEST(a_group_that_denied_a_fork_to_its_only_process_is_not_used_again)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 64 * MIB, 1);
	ck_assert_int_eq(in_group(&group, fork_in_vain), 0);
	ck_assert_uint_eq(usage_of(&group).pids_denied, 1);
	struct cgroup again = group_again(cgroups, &group, CGROUP_PIDS);
	group_shows_nothing(cgroups, &again);
}
END_TEST

START_TEST(a_group_with_an_oom_kill_is_not_used_again)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 32 * MIB, 10);
	ck_assert(WIFSIGNALED(in_group(&group, touch_much)));
	struct cgroup again = group_again(cgroups, &group, CGROUP_MEMORY);
	group_shows_nothing(cgroups, &again);
}
END_TEST

static int kept_fd;			/* of memory that outlives who is charged for it */

static int charge_kept(void)
{
	static char block[MIB];
	for (int i = 0; i < 8; i++)
		if (write(kept_fd, block, sizeof block) != sizeof block)
			return 1;
	return 0;
}

START_TEST(a_group_with_memory_left_is_not_used_again)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 64 * MIB, 10);
	kept_fd = memfd_create("kept", MFD_CLOEXEC);
	ck_assert_int_ge(kept_fd, 0);
	ck_assert_int_eq(in_group(&group, charge_kept), 0);
	struct cgroup again = group_again(cgroups, &group, CGROUP_MEMORY);
	group_shows_nothing(cgroups, &again);
}
END_TEST

static pid_t sleeper_in(const struct cgroup *group)
{
	pid_t pid = fork();
	if (pid == 0) {
		(void)cgroup_join(group->procs_fds);
		pause();
		_exit(0);
	}
	while (cgroup_processes(group) == 0)
		usleep(1000);
	return pid;
}

START_TEST(a_busy_group_is_removed_by_a_later_sweep)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 64 * MIB, 10);
	pid_t pid = sleeper_in(&group);
	cgroup_destroy(cgroups, &group);
	ck_assert_uint_eq(cgroups->busy_count, CGROUP_CONTROLLERS);
	cgroups_sweep(cgroups);
	ck_assert_uint_eq(cgroups->busy_count, CGROUP_CONTROLLERS);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	cgroups_sweep(cgroups);
	ck_assert_uint_eq(cgroups->busy_count, 0);
	cgroups_close(cgroups);
	groups_gone(cgroups);
}
END_TEST

START_TEST(a_group_with_a_process_left_is_not_used_again)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 1, 64 * MIB, 10), again;
	struct err err;
	(void)sleeper_in(&group);
	cgroup_release(cgroups, &group);
	ck_assert_msg(cgroup_acquire(cgroups, 2, &again, &err) == 0, "%s", err.text);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		ck_assert_uint_eq(again.serials[i], 2);
	ck_assert_int_eq(cgroup_processes(&again), 0);
	(void)signal(SIGCHLD, SIG_IGN);
	cgroup_release(cgroups, &again);
	cgroups_close(cgroups);
	groups_gone(cgroups);
}
END_TEST

START_TEST(no_more_groups_are_kept_than_there_is_room_for)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup groups[CGROUP_SPARE_MAX + 1];
	for (unsigned i = 0; i < COUNT(groups); i++)
		groups[i] = group_make(cgroups, i, 64 * MIB, 10);
	for (unsigned i = 0; i < COUNT(groups); i++)
		cgroup_release(cgroups, &groups[i]);
	ck_assert_uint_eq(cgroups->spare_count, CGROUP_SPARE_MAX);
	ck_assert_int_eq(access(cgroups->parents[0], F_OK), 0);
	cgroups_close(cgroups);
	ck_assert_uint_eq(cgroups->spare_count, 0);
	groups_gone(cgroups);
}
END_TEST

START_TEST(closing_removes_more_busy_groups_than_the_list_holds)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup groups[CGROUP_SWEEP_MAX / CGROUP_CONTROLLERS + 2];
	pid_t pids[COUNT(groups)];
	for (unsigned i = 0; i < COUNT(groups); i++) {
		groups[i] = group_make(cgroups, i, 64 * MIB, 10);
		pids[i] = sleeper_in(&groups[i]);
		cgroup_destroy(cgroups, &groups[i]);
	}
	(void)signal(SIGCHLD, SIG_IGN);	/* reaped by the kernel, as they would be by init */
	cgroups_close(cgroups);
	groups_gone(cgroups);
	for (unsigned i = 0; i < COUNT(groups); i++)
		ck_assert(kill(pids[i], 0) < 0 && errno == ESRCH);
}
END_TEST

/* The instance dies without closing, with a process in its group. */
START_TEST(what_a_dead_instance_left_is_ended_and_removed)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 3, 64 * MIB, 10);
	pid_t pid = sleeper_in(&group);
	(void)signal(SIGCHLD, SIG_IGN);
	ck_assert_int_eq(leftovers_clear(name), 0);
	groups_gone(cgroups);
	ck_assert(kill(pid, 0) < 0 && errno == ESRCH);
	ck_assert_int_eq(leftovers_clear(name), 0);
}
END_TEST

START_TEST(nothing_of_other_instances_is_cleared)
{
	struct cgroups *cgroups = groups_open();
	struct cgroup group = group_make(cgroups, 3, 64 * MIB, 10);
	ck_assert_int_eq(leftovers_clear("test"), 0);
	ck_assert_int_eq(leftovers_clear("test-"), 0);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		ck_assert_int_eq(cgroups_clear_leftovers("test", cgroups->parents[i]), 0);
		ck_assert_int_eq(cgroups_clear_leftovers("", cgroups->parents[i]), 0);
	}
	ck_assert_int_eq(cgroup_join(group.procs_fds), 0);
	cgroup_destroy(cgroups, &group);
	/* back to where it came from, or the group could not go */
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		char path[600];
		snprintf(path, sizeof path, "%s/..", cgroups->parents[i]);
		int above = directory_open(path);
		ck_assert_int_eq(write_at(above, "cgroup.procs", "0"), 0);
		close(above);
	}
	cgroups_close(cgroups);
	groups_gone(cgroups);
}
END_TEST

START_TEST(a_place_below_the_mounted_part_is_found_and_no_other)
{
	static const struct {
		const char *place, *root, *below;
	} cases[] = {{"/", "/", ""}, {"/a", "/", "/a"}, {"/a/b", "/a", "/b"}, {"/a", "/a", ""},
		{"/ab", "/a", NULL}, {"/b", "/a", NULL}, {"/", "/a", NULL}, {"/", "/..", NULL}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *below = path_below(cases[i].place, cases[i].root);
		ck_assert(cases[i].below ? below && strcmp(below, cases[i].below) == 0 : !below);
	}
}
END_TEST

START_TEST(an_ordinary_user_is_told_the_remedy)
{
	struct cgroups cgroups;
	struct err err = {0};
	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	if (cgroups_open(&cgroups, name, &err) == 0) {
		cgroups_close(&cgroups);	/* delegated: then there is nothing to tell */
		return;
	}
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.text, "hierarchy"));
	groups_gone(&cgroups);
}
END_TEST

/* Not asked of the code under test: if that finds no hierarchy, its tests fail. */
static const char *missing_hierarchy(void)
{
	static const char *const reasons[] = {
		"a version 1 hierarchy of memory that can be written",
		"a version 1 hierarchy of pids that can be written",
		"a version 1 hierarchy of cpuacct that can be written"};
	for (size_t i = 0; i < COUNT(controllers); i++) {
		const struct mntent *mount;
		bool found = false;
		FILE *mounts = setmntent("/proc/self/mounts", "re");
		while (mounts && !found && (mount = getmntent(mounts)))
			found = strcmp(mount->mnt_type, "cgroup") == 0 &&
				hasmntopt(mount, controllers[i]) && access(mount->mnt_dir, W_OK) == 0;
		if (mounts)
			endmntent(mounts);
		if (!found)
			return reasons[i];
	}
	return NULL;
}

int main(void)
{
	const char *missing = missing_hierarchy();
	snprintf(name, sizeof name, "test-%d", (int)getpid());
	const struct test_needing all[] = {
		{memory_over_the_limit_is_an_oom_kill_of_the_group, missing, 0},
		{memory_below_the_limit_is_counted_and_no_hit, missing, 0},
		{a_fork_beyond_the_limit_fails_and_is_counted, missing, 0},
		{cpu_time_is_that_of_all_processes_of_the_group_and_no_other, missing, 0},
		{limits_can_be_tightened_while_a_process_waits_in_the_group, missing, 0},
		{limits_can_be_raised_again, missing, 0},
		{a_serial_is_used_once, missing, 0},
		{a_released_group_is_used_again_and_counts_from_nothing, missing, 0},
		{a_group_used_again_has_the_limits_asked_for, missing, 0},
		{a_count_of_processes_that_cant_be_set_back_is_not_used_again, missing, 0},
		{a_group_that_denied_a_fork_to_its_only_process_is_not_used_again, missing, 0},
		{a_group_with_an_oom_kill_is_not_used_again, missing, 0},
		{a_group_with_memory_left_is_not_used_again, missing, 0},
		{a_group_with_a_process_left_is_not_used_again, missing, 0},
		{no_more_groups_are_kept_than_there_is_room_for, missing, 0},
		{a_busy_group_is_removed_by_a_later_sweep, missing, 0},
		{closing_removes_more_busy_groups_than_the_list_holds, missing, 0},
		{what_a_dead_instance_left_is_ended_and_removed, missing, 0},
		{nothing_of_other_instances_is_cleared, missing, 0},
		{a_place_below_the_mounted_part_is_found_and_no_other, NULL, 0},
		{an_ordinary_user_is_told_the_remedy, NULL, 0},
	};
	Suite *suite = suite_create("cgroup");
	TCase *tests = tcase_create("kernel");
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, NULL);
	suite_add_tcase(suite, tests);
	int skipped = tests_add(tests, all, COUNT(all));
	int status = tests_run(suite, skipped);
	return leftovers_clear(name) < 0 ? 1 : status;
}
