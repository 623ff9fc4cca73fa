/* test_init.c: a sandbox that is being made while its launcher dies. */
#include <check.h>
#include <stdlib.h>

#define job_fail launcher_job_fail	/* the worker has one of that name */
#include "../../sandbox/launcher/init.c"
#include "../../sandbox/launcher/namespace.c"
#include "unreached.h"

#define WAIT_MS 10000

UNREACHED(const char *, mounts_enter, const struct host *a, enum view b, int c)
UNREACHED(int, identity_change, uid_t a)
UNREACHED(int, capabilities_drop, void)
UNREACHED(void, bounding_set_renewed, void)
UNREACHED(_Noreturn void, job_main, const struct birth *a)
UNREACHED(_Noreturn void, job_fail, int a, const char *b)

/* Whether init finds its launcher alive: the launcher dies first where it is to, and nobody has waited for it. */
static _Noreturn void launcher_main(int told_fd, bool dies)
{
	static struct host host;
	const struct birth birth = {.host = &host};
	host.life_fd = pidfd_of(getpid());
	if (host.life_fd < 0)
		abort();
	if (fork() == 0) {
		struct pollfd life = {.fd = host.life_fd, .events = POLLIN};
		if (dies && poll(&life, 1, WAIT_MS) != 1)
			abort();
		death_tie(&birth);
		_exit(write(told_fd, "a", 1) != 1);
	}
	if (!dies)
		wait(NULL);
	_exit(0);
}

static bool finds_it_alive(bool dies)
{
	int ends[2];
	char byte;
	ck_assert_int_eq(pipe(ends), 0);
	pid_t launcher = fork();
	if (launcher == 0)
		launcher_main(ends[1], dies);
	close(ends[1]);
	bool alive = read(ends[0], &byte, 1) == 1;
	ck_assert_int_eq(waitpid(launcher, NULL, 0), launcher);
	close(ends[0]);
	return alive;
}

START_TEST(an_init_whose_launcher_died_before_it_was_tied_ends)
{
	ck_assert(finds_it_alive(false));
	ck_assert(!finds_it_alive(true));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("init");
	TCase *tests = tcase_create("life");
	tcase_add_test(tests, an_init_whose_launcher_died_before_it_was_tied_ends);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
