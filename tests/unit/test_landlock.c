/* test_landlock.c: what a process can still do to files, ports and signals once it is restricted. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../sandbox/launcher/landlock.c"
#include "skips.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* DIRECTORY/{read,write,noexec,closed}, each with a file and a program that exits with 0. */
static char directory[64];
static const char *const rooms[] = {"read", "write", "write/inner", "noexec", "closed"};

static void file_make(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void set_up(void)
{
	char path[128];
	snprintf(directory, sizeof directory, "/tmp/test_landlock-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	for (size_t i = 0; i < COUNT(rooms); i++) {
		snprintf(path, sizeof path, "%s/%s", directory, rooms[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
		snprintf(path, sizeof path, "%s/%s/file", directory, rooms[i]);
		file_make(path, "text", 0600);
		snprintf(path, sizeof path, "%s/%s/program", directory, rooms[i]);
		file_make(path, "#!/bin/sh\nexit 0\n", 0700);
	}
}

static void tear_down(void)
{
	static const char *const names[] = {"file", "program", "new", "moved"};
	char path[128];
	for (size_t i = COUNT(rooms); i-- > 0;) {
		for (size_t k = 0; k < COUNT(names); k++) {
			snprintf(path, sizeof path, "%s/%s/%s", directory, rooms[i], names[k]);
			unlink(path);
		}
		snprintf(path, sizeof path, "%s/%s", directory, rooms[i]);
		ck_assert_int_eq(rmdir(path), 0);
	}
	ck_assert_int_eq(rmdir(directory), 0);
}

/* Relative to the set-up's directory: its lists are paths, the tests' own are, too. */
static void restrict_self(struct landlock_policy policy)
{
	static const char *const read_execute[] = {"/bin", "/usr", "/lib", "/lib64", "read", "missing",
		NULL};
	static const char *const read_write[] = {"write", NULL}, *const noexec[] = {"noexec", NULL};
	policy.read_execute = read_execute;
	policy.read_write = read_write;
	policy.read_write_noexec = noexec;
	if (chdir(directory) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			landlock_restrict(&policy, landlock_abi()) < 0)
		_exit(100);
}

/* Runs act in a restricted process and returns its answer: 0, or an errno. */
static int restricted(int (*act)(const void *argument), const void *argument,
	struct landlock_policy policy)
{
	int status;
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		restrict_self(policy);
		_exit(act(argument) == 0 ? 0 : errno);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_ne(WEXITSTATUS(status), 100);
	return WEXITSTATUS(status);
}

struct opening {
	const char *path;
	int flags;
};

static int act_open(const void *argument)
{
	const struct opening *opening = argument;
	int fd = open(opening->path, opening->flags | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int act_execute(const void *path)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		execl(path, path, NULL);
		_exit(errno);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static int act_rename(const void *argument)
{
	const char *const *paths = argument;
	return rename(paths[0], paths[1]);
}

static int act_truncate(const void *path)
{
	return truncate(path, 0);
}

START_TEST(files_open_as_their_directory_allows)
{
	static const struct {
		struct opening opening;
		int errnum;
	} cases[] = {{{"read/file", O_RDONLY}, 0}, {{"read/file", O_WRONLY}, EACCES},
		{{"read/new", O_WRONLY | O_CREAT}, EACCES}, {{"read", O_RDONLY | O_DIRECTORY}, 0},
		{{"write/file", O_RDWR | O_TRUNC}, 0}, {{"write/new", O_WRONLY | O_CREAT}, 0},
		{{"noexec/file", O_RDWR}, 0}, {{"noexec/new", O_WRONLY | O_CREAT}, 0},
		{{"closed/file", O_RDONLY}, EACCES}, {{"closed/file", O_WRONLY}, EACCES},
		{{"closed/new", O_WRONLY | O_CREAT}, EACCES},
		{{"closed", O_RDONLY | O_DIRECTORY}, EACCES}, {{"/etc/hostname", O_RDONLY}, EACCES},
		{{"read/../closed/file", O_RDONLY}, EACCES}};
	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(restricted(act_open, &cases[i].opening, (struct landlock_policy){0}) ==
			cases[i].errnum, "%s", cases[i].opening.path);
}
END_TEST

START_TEST(programs_run_as_their_directory_allows)
{
	static const struct {
		const char *path;
		int errnum;
	} cases[] = {{"read/program", 0}, {"write/program", 0}, {"noexec/program", EACCES},
		{"closed/program", EACCES}};
	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(restricted(act_execute, cases[i].path, (struct landlock_policy){0}) ==
			cases[i].errnum, "%s", cases[i].path);
}
END_TEST

/* Below ABI 2 every rename into another directory is EXDEV. */
START_TEST(files_move_between_writable_directories_only)
{
	static const char *const good[] = {"write/file", "write/inner/moved"},
		*const across[] = {"noexec/file", "write/moved"},
		*const out[] = {"closed/file", "write/moved"}, *const in[] = {"read/file", "write/moved"};
	ck_assert_int_eq(restricted(act_rename, good, (struct landlock_policy){0}), 0);
	/* into a directory where it could be executed: more than it had */
	ck_assert_int_ne(restricted(act_rename, across, (struct landlock_policy){0}), 0);
	ck_assert_int_ne(restricted(act_rename, out, (struct landlock_policy){0}), 0);
	ck_assert_int_ne(restricted(act_rename, in, (struct landlock_policy){0}), 0);
}
END_TEST

START_TEST(files_are_cut_in_writable_directories_only)
{
	ck_assert_int_eq(restricted(act_truncate, "write/file", (struct landlock_policy){0}), 0);
	ck_assert_int_eq(restricted(act_truncate, "read/file", (struct landlock_policy){0}), EACCES);
	ck_assert_int_eq(restricted(act_truncate, "closed/file", (struct landlock_policy){0}), EACCES);
}
END_TEST

static int act_bind(const void *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = *(const in_port_t *)port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address);
}

START_TEST(ports_open_only_where_the_network_is_not_denied)
{
	const in_port_t any = 0;
	ck_assert_int_eq(restricted(act_bind, &any, (struct landlock_policy){0}), 0);
	ck_assert_int_eq(restricted(act_bind, &any, (struct landlock_policy){.deny_network = true}),
		EACCES);
}
END_TEST

static int act_signal(const void *pid)
{
	return kill(*(const pid_t *)pid, 0);
}

START_TEST(signals_stay_inside_their_scope)
{
	const pid_t outside = getpid(), own = 0;
	ck_assert_int_eq(restricted(act_signal, &outside, (struct landlock_policy){0}), 0);
	ck_assert_int_eq(restricted(act_signal, &outside,
		(struct landlock_policy){.scope_signals = true}), EPERM);
	ck_assert_int_eq(setpgid(0, 0), 0);
	ck_assert_int_eq(restricted(act_signal, &own,
		(struct landlock_policy){.scope_signals = true}), 0);
}
END_TEST

static socklen_t abstract_address(struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "%s", directory);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static int act_connect(const void *argument)
{
	struct sockaddr_un address;
	socklen_t length = abstract_address(&address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)argument;
	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, length);
}

START_TEST(abstract_sockets_of_others_are_out_of_scope)
{
	struct sockaddr_un address;
	socklen_t length = abstract_address(&address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	ck_assert_int_eq(restricted(act_connect, NULL, (struct landlock_policy){0}), 0);
	ck_assert_int_eq(restricted(act_connect, NULL,
		(struct landlock_policy){.scope_abstract_sockets = true}), EPERM);
	close(fd);
}
END_TEST

/* Each version knows fewer rights: none of them may be refused as unknown. */
START_TEST(every_version_up_to_the_kernels_own_is_served)
{
	static const char *const read_write[] = {"/tmp", NULL};
	for (int abi = LANDLOCK_ABI_MIN; abi <= landlock_abi(); abi++) {
		int status;
		pid_t pid = fork();
		if (pid == 0) {
			struct landlock_policy policy = {.read_write = read_write, .scope_signals = true,
				.scope_abstract_sockets = true, .deny_network = true};
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
					landlock_restrict(&policy, abi) < 0)
				_exit(1);
			_exit(open("/etc", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 2);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

static const char *missing_below(int needed)
{
	static const char *const reasons[] = {"Landlock", "Landlock", "Landlock ABI 2",
		"Landlock ABI 3 (Linux 6.2)", "Landlock ABI 4 (Linux 6.7)", "Landlock ABI 5",
		"Landlock ABI 6 (Linux 6.12)"};
	/* not asked of the code under test: if that finds none, its tests fail */
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= needed ? NULL : reasons[needed];
}

int main(void)
{
	const struct test_needing all[] = {
		{files_open_as_their_directory_allows, missing_below(LANDLOCK_ABI_MIN), 0},
		{programs_run_as_their_directory_allows, missing_below(LANDLOCK_ABI_MIN), 0},
		{files_move_between_writable_directories_only, missing_below(LANDLOCK_ABI_MIN), 0},
		{files_are_cut_in_writable_directories_only, missing_below(3), 0},
		{ports_open_only_where_the_network_is_not_denied, missing_below(4), 0},
		{signals_stay_inside_their_scope, missing_below(LANDLOCK_ABI_SCOPES), 0},
		{abstract_sockets_of_others_are_out_of_scope, missing_below(LANDLOCK_ABI_SCOPES), 0},
		{every_version_up_to_the_kernels_own_is_served, missing_below(LANDLOCK_ABI_MIN), 0},
	};
	Suite *suite = suite_create("landlock");
	TCase *tests = tcase_create("kernel");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	suite_add_tcase(suite, tests);
	int skipped = tests_add(tests, all, COUNT(all));
	return tests_run(suite, skipped);
}
