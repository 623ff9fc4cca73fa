/* test_instance.c: what launchers that share a run directory leave to each other. */
#include <check.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "../../sandbox/launcher/instance.c"
#include "../../sandbox/launcher/lock.c"

static char directory[64], claims[80];
static int directory_fd;

static void set_up(void)
{
	snprintf(directory, sizeof directory, "/tmp/test_instance-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(claims, sizeof claims, "%s/.claims", directory);
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(directory_fd, 0);
}

static void tear_down(void)
{
	char command[128];
	close(directory_fd);
	snprintf(command, sizeof command, "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static unsigned files_count(void)
{
	unsigned count = 0;
	DIR *entries = opendir(directory);
	ck_assert_ptr_nonnull(entries);
	const struct dirent *entry;
	while ((entry = readdir(entries)))
		count += entry->d_name[0] != '.';
	closedir(entries);
	return count;
}

static struct instance opened(void)
{
	struct instance instance;
	struct err err = {0};
	ck_assert_msg(instance_open(&instance, directory, &err) == 0, "%s", err.text);
	return instance;
}

/* As by SIGKILL. */
static void die(struct instance *instance)
{
	close(instance->lock_fd);
	close(instance->directory_fd);
	if (instance->ids_fd >= 0)
		close(instance->ids_fd);
}

START_TEST(a_lock_is_taken_once)
{
	int fd = lock_take(directory_fd, "lock", false);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(lock_take(directory_fd, "lock", false), -1);
	ck_assert_int_eq(errno, EWOULDBLOCK);
	lock_remove(directory_fd, "lock", fd);
	ck_assert_uint_eq(files_count(), 0);
	fd = lock_take(directory_fd, "lock", false);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

static bool awaits_lock(pid_t pid)
{
	char line[256], wanted[64];
	bool found = false;
	FILE *locks = fopen("/proc/locks", "re");
	ck_assert_ptr_nonnull(locks);
	snprintf(wanted, sizeof wanted, "WRITE %d ", (int)pid);
	while (!found && fgets(line, sizeof line, locks))
		found = strstr(line, "-> FLOCK") && strstr(line, wanted);
	fclose(locks);
	return found;
}

START_TEST(a_lock_that_its_owner_removed_is_not_the_lock)
{
	int status, fd = lock_take(directory_fd, "lock", false);
	pid_t pid = fork();
	if (pid == 0) {
		close(fd);	/* the lock is of the description, which has two descriptors now */
		int own = lock_take(directory_fd, "lock", true);
		_exit(own >= 0 && is_there(directory_fd, "lock", own) ? 0 : 1);
	}
	while (!awaits_lock(pid))
		ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	lock_remove(directory_fd, "lock", fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(instances_that_live_have_blocks_of_their_own)
{
	struct instance first = opened(), second = opened();
	uint32_t base[3] = {60100, 60100, 60100};
	struct err err;
	ck_assert_int_eq(instance_claim_ids(&first, claims, &base[0], &err), 0);
	ck_assert_int_eq(instance_claim_ids(&second, claims, &base[1], &err), 0);
	ck_assert_uint_eq(base[0], 60100);
	ck_assert_uint_eq(base[1], 60100 + INSTANCE_IDS);
	instance_close(&first);
	first = opened();
	ck_assert_int_eq(instance_claim_ids(&first, claims, &base[2], &err), 0);
	ck_assert_uint_eq(base[2], 60100);
	instance_close(&first);
	instance_close(&second);
	ck_assert_uint_eq(files_count(), 0);
}
END_TEST

static unsigned claim_refused(const char *where)
{
	struct instance instance = opened();
	uint32_t base = 60100;
	struct err err = {0};
	int result = instance_claim_ids(&instance, where, &base, &err);
	instance_close(&instance);
	return result < 0 ? err.code : 0;
}

START_TEST(claims_where_others_can_write_count_for_nothing)
{
	ck_assert_int_eq(mkdir(claims, 0700), 0);
	ck_assert_uint_eq(claim_refused(claims), 0);
	ck_assert_int_eq(chmod(claims, 0777), 0);
	ck_assert_uint_eq(claim_refused(claims), ERR_INVALID);
	ck_assert_uint_eq(claim_refused("/nowhere/claims"), 0);	/* then in the run directory */
	ck_assert_uint_eq(files_count(), 0);
}
END_TEST

START_TEST(no_block_has_nobody_in_it)
{
	static const uint32_t bases[] = {65534, 65535, 65534 - INSTANCE_IDS + 2, 65000};
	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
		struct instance instance = opened();
		uint32_t base = bases[i];
		struct err err;
		ck_assert_int_eq(instance_claim_ids(&instance, claims, &base, &err), 0);
		ck_assert_uint_eq(base, bases[i] + INSTANCE_IDS);
		instance_close(&instance);
	}
}
END_TEST

START_TEST(blocks_run_out)
{
	static struct instance instances[INSTANCE_BLOCKS + 1];
	struct err err;
	for (unsigned i = 0; i <= INSTANCE_BLOCKS; i++) {
		uint32_t base = 100000;
		instances[i] = opened();
		ck_assert_int_eq(instance_claim_ids(&instances[i], claims, &base, &err),
			i < INSTANCE_BLOCKS ? 0 : -1);
	}
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	for (unsigned i = 0; i <= INSTANCE_BLOCKS; i++)
		instance_close(&instances[i]);
}
END_TEST

static char cleared[256];
static int clear_result;

static int clear(const char *name, const char *path)
{
	strcat(strcat(cleared, name), path);
	return clear_result;
}

START_TEST(what_a_dead_instance_noted_is_cleared)
{
	struct instance living = opened(), dead = opened(), next = opened();
	uint32_t base = 60100;
	char wanted[256];
	struct err err;
	ck_assert_int_eq(instance_note(&living, "/c", &err), 0);
	ck_assert_int_eq(instance_note(&dead, "/a", &err), 0);
	ck_assert_int_eq(instance_note(&dead, "/b", &err), 0);
	ck_assert_int_eq(instance_claim_ids(&dead, claims, &base, &err), 0);
	snprintf(wanted, sizeof wanted, "%s/a%s/b", dead.name, dead.name);
	die(&dead);
	clear_result = -1;
	instance_clear_dead(&next, clear);
	ck_assert_str_eq(cleared, wanted);
	cleared[0] = '\0';
	clear_result = 0;
	instance_clear_dead(&next, clear);
	ck_assert_str_eq(cleared, wanted);
	ck_assert_uint_eq(files_count(), 2);	/* of the living */
	instance_close(&living);
	instance_close(&next);
	ck_assert_uint_eq(files_count(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("instance");
	TCase *tests = tcase_create("run directory");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_lock_is_taken_once);
	tcase_add_test(tests, a_lock_that_its_owner_removed_is_not_the_lock);
	tcase_add_test(tests, instances_that_live_have_blocks_of_their_own);
	tcase_add_test(tests, claims_where_others_can_write_count_for_nothing);
	tcase_add_test(tests, no_block_has_nobody_in_it);
	tcase_add_test(tests, blocks_run_out);
	tcase_add_test(tests, what_a_dead_instance_noted_is_cleared);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
