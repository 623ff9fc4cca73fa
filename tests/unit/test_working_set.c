/* test_working_set.c: which pages a process is found to touch, and that they can be touched ahead. */
#include <check.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../../sandbox/zygote/working_set.c"

#define PAGES 64

static char *heap;			/* written to before any fork */
static struct working_set *set;		/* shared with forks */

static void setup(void)
{
	heap = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	set = mmap(NULL, sizeof *set, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(heap != MAP_FAILED && set != MAP_FAILED);
	(void)madvise(heap, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
	memset(heap, 1, (size_t)PAGES * PAGE);
}

/* Without a table: this program's own constants would be found one page at a time, too. */
static void touch(char *memory)
{
	for (int page = 3; page <= 5; page++)
		memory[page * PAGE + 17]++;
	memory[40 * PAGE + 17]++;
	(void)*(volatile char *)&memory[20 * PAGE];	/* reading takes no copy */
}

static void in_fork(void (*function)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		function();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void learn(void)
{
	memset(heap, 2, PAGE);			/* before: no part of it */
	if (working_set_begin() < 0)
		_exit(1);
	touch(heap);
	working_set_end(set);
}

static const struct working_range *range_of(uintptr_t page)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->ranges[i].start <= page &&
				page < set->ranges[i].start + (uintptr_t)set->ranges[i].pages * PAGE)
			return &set->ranges[i];
	return NULL;
}

START_TEST(pages_that_were_written_to_are_told)
{
	in_fork(learn);
	for (int page = 0; page < PAGES; page++) {
		const struct working_range *range = range_of((uintptr_t)heap + (size_t)page * PAGE);
		ck_assert_msg((range != NULL) == ((page >= 3 && page <= 5) || page == 40), "page %d", page);
		ck_assert(!range || range->written);
	}
	ck_assert_uint_eq(range_of((uintptr_t)heap + 3 * PAGE)->pages, 3);
	ck_assert_ptr_nonnull(range_of((uintptr_t)heap + 40 * PAGE));
}
END_TEST

static long faults(void)
{
	struct rusage usage;
	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static void populated_touch(void)
{
	char kept[PAGES];
	for (int page = 0; page < PAGES; page++)
		kept[page] = heap[page * PAGE + 17];
	(void)faults();
	working_set_populate(set);
	long before = faults();
	for (int page = 0; page < PAGES; page++)
		if (heap[page * PAGE + 17] != kept[page])
			_exit(1);
	touch(heap);
	_exit(faults() == before ? 0 : 2);
}

START_TEST(what_was_populated_takes_no_fault)
{
	in_fork(learn);
	in_fork(populated_touch);
}
END_TEST

/* What a set names may be gone, or be nobody's to write to. */
static void populate_in_vain(void)
{
	munmap(heap + 3 * PAGE, PAGE);
	if (mprotect(heap + 40 * PAGE, PAGE, PROT_READ) < 0)
		_exit(1);
	working_set_populate(set);
	if (heap[4 * PAGE + 17] != 1)
		_exit(2);
}

START_TEST(what_is_gone_is_left_out)
{
	in_fork(learn);
	in_fork(populate_in_vain);
}
END_TEST

START_TEST(there_is_no_end_without_a_begin)
{
	set->count = 9;
	working_set_end(set);
	ck_assert_uint_eq(set->count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("working_set");
	TCase *cases = tcase_create("working_set");
	tcase_add_checked_fixture(cases, setup, NULL);
	tcase_add_test(cases, pages_that_were_written_to_are_told);
	tcase_add_test(cases, what_was_populated_takes_no_fault);
	tcase_add_test(cases, what_is_gone_is_left_out);
	tcase_add_test(cases, there_is_no_end_without_a_begin);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
