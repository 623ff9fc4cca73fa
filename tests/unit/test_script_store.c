/* test_script_store.c: no name gets out of the directory, and only sound text is read. */
#include "../../worker/script_store.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64], directory[80];
static struct script_store *store;
static struct arena *arena;
static struct err err;
static const char *code;
static size_t size;

static void put(const char *name, const char *text, size_t length)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, length), (ssize_t)length);
	close(fd);
}

static const char *below(const char *name)
{
	static char path[200];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static void set_up(void)
{
	strcpy(root, "/tmp/test-scripts-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(directory, sizeof directory, "%s/scripts", root);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	ck_assert_int_eq(mkdir(below("sub"), 0755), 0);
	put("../outside.py", "secret", 6);
	put("report.py", "print(1)\n", 9);
	put("sub/deep.sh", "ls\n", 3);
	arena = arena_new(8u << 20);
	err = (struct err){0};
	ck_assert_int_eq(script_store_new(directory, &store, &err), 0);
}

static void tear_down(void)
{
	char command[100];
	script_store_free(store);
	arena_free(arena);
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

static int get(const char *name, const char *extension)
{
	code = NULL;
	return script_store_read(store, arena, name, extension, &code, &size, &err);
}

static void absent(const char *name)
{
	ck_assert_msg(get(name, NULL) == 1, "%s", name);
	ck_assert_msg(get(name, ".py") == 1, "%s", name);
	ck_assert_ptr_null(code);
}

START_TEST(a_script_is_read_whole)
{
	ck_assert_int_eq(get("report.py", NULL), 0);
	ck_assert_str_eq(code, "print(1)\n");
	ck_assert_uint_eq(size, 9);
	ck_assert_int_eq(get("sub/deep.sh", NULL), 0);
	ck_assert_int_eq(get("./sub/../report.py", NULL), 0);
	put("empty.sh", "", 0);
	ck_assert_int_eq(get("empty.sh", NULL), 0);
	ck_assert_uint_eq(size, 0);
	ck_assert_str_eq(code, "");
}
END_TEST

START_TEST(the_extension_is_tried_behind_the_name)
{
	ck_assert_int_eq(get("report", NULL), 1);
	ck_assert_int_eq(get("report", ".sh"), 1);
	ck_assert_int_eq(get("report", ".py"), 0);
	ck_assert_str_eq(code, "print(1)\n");
	put("report", "exact", 5);
	ck_assert_int_eq(get("report", ".py"), 0);
	ck_assert_str_eq(code, "exact");
}
END_TEST

START_TEST(a_directory_of_the_name_does_not_hide_the_script)
{
	put("sub.py", "found", 5);
	ck_assert_int_eq(get("sub", ".py"), 0);
	ck_assert_str_eq(code, "found");
}
END_TEST

START_TEST(no_name_gets_out)
{
	char absolute[120];
	snprintf(absolute, sizeof absolute, "%s/report.py", directory);
	absent("../outside.py");
	absent("../outside");
	absent("sub/../../outside.py");
	absent("/etc/passwd");
	absent(absolute);
	absent("..");
	absent(".");
	absent("");
	absent("/");
}
END_TEST

START_TEST(links_are_not_followed)
{
	ck_assert_int_eq(symlink("/etc/passwd", below("absolute.py")), 0);
	ck_assert_int_eq(symlink("../outside.py", below("relative.py")), 0);
	ck_assert_int_eq(symlink("report.py", below("inside.py")), 0);
	ck_assert_int_eq(symlink("/tmp", below("dir")), 0);
	ck_assert_int_eq(symlink("/proc/self/root/etc/passwd", below("magic.py")), 0);
	absent("absolute.py");
	absent("relative.py");
	absent("inside.py");
	absent("magic.py");
	absent("dir/x");
}
END_TEST

START_TEST(only_regular_files_are_scripts)
{
	ck_assert_int_eq(mkfifo(below("fifo.py"), 0644), 0);
	absent("sub");
	absent("fifo.py");	/* and does not wait for a writer */
	absent("report.py/x");
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%.100s", below("socket.py"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	absent("socket.py");
	close(fd);
	if (mknod(below("device.py"), S_IFCHR | 0644, makedev(1, 5)) == 0)
		absent("device.py");
}
END_TEST

START_TEST(long_names_are_absent)
{
	char name[2001];
	memset(name, 'x', sizeof name - 1);
	for (size_t length = 200; length < sizeof name; length += 37) {
		name[length] = '\0';
		absent(name);
		name[length] = 'x';
	}
}
END_TEST

static void unfit(const char *name, const char *why)
{
	err = (struct err){0};
	ck_assert_msg(get(name, NULL) == -1, "%s", name);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_msg(strstr(err.text, why) && strstr(err.text, name), "%s", err.text);
}

START_TEST(what_is_no_text_is_an_error)
{
	put("nul.py", "a\0b", 3);
	put("latin.py", "caf\xe9", 4);
	put("cut.py", "\xe2\x82", 2);
	put("good.py", "caf\xc3\xa9", 5);
	unfit("nul.py", "UTF-8");
	unfit("latin.py", "UTF-8");
	unfit("cut.py", "UTF-8");
	ck_assert_int_eq(get("good.py", NULL), 0);
}
END_TEST

START_TEST(a_script_has_a_bound)
{
	char *text = malloc(SCRIPT_MAX_BYTES + 1);
	ck_assert_ptr_nonnull(text);
	memset(text, 'x', SCRIPT_MAX_BYTES + 1);
	put("large.py", text, SCRIPT_MAX_BYTES);
	ck_assert_int_eq(get("large.py", NULL), 0);
	ck_assert_uint_eq(size, SCRIPT_MAX_BYTES);
	put("large.py", text, SCRIPT_MAX_BYTES + 1);
	unfit("large.py", "larger");
	free(text);
}
END_TEST

START_TEST(memory_that_runs_out_is_an_error)
{
	arena_fail_after(arena, 0);
	ck_assert_int_eq(get("report.py", NULL), -1);
	ck_assert_int_eq(err.code, ERR_MEMORY);
}
END_TEST

START_TEST(the_directory_is_held_open)
{
	char moved[100];
	snprintf(moved, sizeof moved, "%s/moved", root);
	ck_assert_int_eq(rename(directory, moved), 0);
	ck_assert_int_eq(get("report.py", NULL), 0);
}
END_TEST

START_TEST(without_a_directory_there_are_no_scripts)
{
	struct script_store *none;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(script_store_new(i ? "" : NULL, &none, &err), 0);
		ck_assert_int_eq(script_store_read(none, arena, "report.py", NULL, &code, &size,
			&err), 1);
		script_store_free(none);
	}
	script_store_free(NULL);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_named)
{
	struct script_store *none = NULL;
	ck_assert_int_eq(script_store_new("/no/such/directory", &none, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "scripts.directory /no/such/directory"));
	ck_assert_int_eq(script_store_new(below("report.py"), &none, &err), -1);
	ck_assert_ptr_null(none);
}
END_TEST

/* As a user who owns none of it. */
static int check_as_another(void)
{
	pid_t child = fork();
	int status;
	if (child == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(99);
		_exit(script_store_check(store, &err) == 0 ? 0 : strstr(err.text, "report.py") ? 1 : 2);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

START_TEST(what_dropped_privileges_can_not_read_is_named)
{
	ck_assert_int_eq(chmod(root, 0755), 0);
	ck_assert_int_eq(check_as_another(), 0);
	ck_assert_int_eq(chmod(below("report.py"), 0), 0);
	ck_assert_int_eq(check_as_another(), 1);
	ck_assert_int_eq(chmod(directory, 0), 0);
	ck_assert_int_eq(check_as_another(), 2);
	ck_assert_int_eq(chmod(directory, 0700), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("script_store");
	TCase *cases = tcase_create("script_store");
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_script_is_read_whole);
	tcase_add_test(cases, the_extension_is_tried_behind_the_name);
	tcase_add_test(cases, a_directory_of_the_name_does_not_hide_the_script);
	tcase_add_test(cases, no_name_gets_out);
	tcase_add_test(cases, links_are_not_followed);
	tcase_add_test(cases, only_regular_files_are_scripts);
	tcase_add_test(cases, long_names_are_absent);
	tcase_add_test(cases, what_is_no_text_is_an_error);
	tcase_add_test(cases, a_script_has_a_bound);
	tcase_add_test(cases, memory_that_runs_out_is_an_error);
	tcase_add_test(cases, the_directory_is_held_open);
	tcase_add_test(cases, without_a_directory_there_are_no_scripts);
	tcase_add_test(cases, a_directory_that_is_not_there_is_named);
	tcase_add_test(cases, what_dropped_privileges_can_not_read_is_named);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
