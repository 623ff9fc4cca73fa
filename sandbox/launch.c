/* launch.c: see launch.h. The launcher's program is carried in the library (launcher_image.S) and
 * executed from a sealed memfd, so no file on disk can be put in its place, and a job can't write to
 * it through /proc; it gets an empty environment and two descriptors. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher_image.h"
#include "memfd.h"
#include "seccomp.h"
#include "shared/record.h"
#include "shared/setup.h"

#define GREETING_MS 30000
#define END_MS 10000
#define POOL_MAX 256
#define DEFAULT_UID_BASE 60100
#define ZYGOTE_JOBS 10000

static int runtime_copy(const struct sandbox_runtime *from, struct setup_runtime *to, struct err *err)
{
	size_t count = 0;
	while (from->argv && from->argv[count] && count < SETUP_MAX_ARGS) {
		to->argv[count] = from->argv[count];
		count++;
	}
	if (count == 0 || (from->argv[count] != NULL) || from->argv[0][0] != '/')
		return err_set(err, ERR_INVALID, "the runtime %s needs an argv of 1 to %d words that "
			"begins with an absolute path", from->name, SETUP_MAX_ARGS);
	to->name = from->name;
	to->kind = from->kind;
	to->extension = from->extension ? from->extension : "";
	to->preload = from->preload ? from->preload : "";
	return 0;
}

static int paths_copy(const char *const *from, const char **to, struct err *err)
{
	for (size_t i = 0; from && from[i]; i++) {
		if (i == SETUP_MAX_PATHS || from[i][0] != '/' || strstr(from[i], ".."))
			return err_set(err, ERR_INVALID, "a read-only path must be absolute and "
				"without '..', and there may be %d: %s", SETUP_MAX_PATHS, from[i]);
		to[i] = from[i];
	}
	return 0;
}

static void limits_default(struct sandbox_limits *limits)
{
	uint64_t *values = (uint64_t *)limits;
	const uint64_t *defaults = (const uint64_t *)&sandbox_default_limits;
	for (size_t i = 0; i < sizeof *limits / sizeof *values; i++)
		if (values[i] == 0)
			values[i] = defaults[i];
}

/* directory: room for the default, which is the caller's own. */
static const char *run_directory(const struct sandbox_config *config, char directory[200])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (config->run_directory)
		return config->run_directory;
	if (geteuid() == 0)
		snprintf(directory, 200, "/run/codesandbox");
	else if (runtime && *runtime == '/' && access(runtime, W_OK) == 0)
		snprintf(directory, 200, "%.150s/codesandbox", runtime);
	else
		snprintf(directory, 200, "/tmp/codesandbox-%u", (unsigned)geteuid());
	return directory;
}

static int filters_make(struct setup *setup, struct seccomp_program programs[SANDBOX_LEVELS][2],
	struct err *err)
{
	for (int level = setup->floor; level < SANDBOX_LEVELS; level++)
		for (int variant = 0; variant < 2; variant++) {
			if (seccomp_compile((enum sandbox_level)level, variant == 1,
					&programs[level][variant], err) < 0)
				return -1;
			setup->filters[level][variant] = (struct setup_filter){
				programs[level][variant].filter, programs[level][variant].count};
		}
	return 0;
}

/* One for each job that ends now, and as many on the way. */
static int pool_default(int slots)
{
	return 2 * slots < POOL_MAX ? 2 * slots : POOL_MAX;
}

static int setup_fill(const struct sandbox_config *config, const struct sandbox_limits *limits,
	struct setup *setup, struct err *err)
{
	if (config->slots < 1 || config->slots > SANDBOX_SLOTS_MAX)
		return err_set(err, ERR_INVALID, "slots must be 1 to %d, not %d", SANDBOX_SLOTS_MAX,
			config->slots);
	if (config->runtime_count < 1 || config->runtime_count > SETUP_MAX_RUNTIMES)
		return err_set(err, ERR_INVALID, "there must be 1 to %d runtimes", SETUP_MAX_RUNTIMES);
	if (config->floor >= SANDBOX_LEVELS || config->pool > POOL_MAX)
		return err_set(err, ERR_INVALID, "unknown floor, or a pool above %d", POOL_MAX);
	setup->slots = (unsigned)config->slots;
	setup->pool = (unsigned)(config->pool < 0 ? pool_default(config->slots) : config->pool);
	if (setup->pool == 0)
		setup->pool = 1;
	setup->floor = config->floor;
	setup->require = config->require;
	setup->uid_base = config->uid_base ? config->uid_base : DEFAULT_UID_BASE;
	setup->no_cgroup = config->no_cgroup;
	setup->no_warm = config->no_warm;
	setup->zygote_jobs = config->zygote_jobs ? config->zygote_jobs : ZYGOTE_JOBS;
	setup->limits = *limits;
	setup->runtime_count = config->runtime_count;
#ifdef SANDBOX_TEST_DROP
	setup->drop = getenv("CODESANDBOX_DROP");
#endif
	for (size_t i = 0; i < config->runtime_count; i++)
		if (runtime_copy(&config->runtimes[i], &setup->runtimes[i], err) < 0)
			return -1;
	return paths_copy(config->read_only_paths, setup->read_only_paths, err);
}

static int setup_memfd(const struct sandbox_config *config, struct sandbox_limits *limits,
	struct err *err)
{
	struct setup *setup = calloc(1, sizeof *setup);
	struct seccomp_program programs[SANDBOX_LEVELS][2] = {0};
	struct blob_writer writer = {0};
	char directory[200];
	int fd = -1;
	if (!setup)
		return err_set(err, ERR_MEMORY, "no memory");
	limits_default(limits);
	if (setup_fill(config, limits, setup, err) == 0 && filters_make(setup, programs, err) == 0) {
		setup->run_directory = run_directory(config, directory);
		setup_write(setup, &writer);
		if (writer.failed)
			err_set(err, ERR_MEMORY, "no memory for the launcher's set-up");
		else
			fd = memfd_sealed("setup", writer.data, writer.size, false, err);
	}
	for (int i = 0; i < SANDBOX_LEVELS * 2; i++)
		seccomp_program_free(&programs[i / 2][i % 2]);
	free(writer.data);
	free(setup);
	return fd;
}

/* Between fork and exec: only calls that are safe there. Descriptors are first moved out of the way
 * of their places. */
static _Noreturn void become_launcher(int image, int socket, int setup)
{
	char name[] = "codesandbox-launcher", *argv[] = {name, NULL}, *environment[] = {NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high_image = fcntl(image, F_DUPFD_CLOEXEC, 10), high_socket = fcntl(socket, F_DUPFD, 11),
		high_setup = fcntl(setup, F_DUPFD, 12), high_null = fcntl(null, F_DUPFD, 13);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (high_image < 0 || high_socket < 0 || high_setup < 0 || high_null < 0)
		_exit(126);
	for (int fd = 0; fd < 3; fd++)
		if (dup2(high_null, fd) < 0)
			_exit(126);
	if (dup2(high_socket, LAUNCHER_SOCKET_FD) < 0 || dup2(high_setup, LAUNCHER_SETUP_FD) < 0 ||
			dup3(high_image, 5, O_CLOEXEC) < 0 ||
			(!DROPPED_HERE("fd_close") && close_range(6, ~0u, 0) < 0))
		_exit(126);
	if (setsid() < 0 || chdir("/") < 0)
		_exit(126);
	syscall(SYS_execveat, 5, "", argv, environment, AT_EMPTY_PATH);
	_exit(127);
}

static int greeting_receive(int socket, struct sandbox_self_test *self_test, struct err *err)
{
	struct record_hello hello;
	size_t fd_count;
	struct pollfd wanted = {.fd = socket, .events = POLLIN};
	int got;
	do
		got = poll(&wanted, 1, GREETING_MS);
	while (got < 0 && errno == EINTR);
	if (got == 1 && record_receive(socket, &hello, sizeof hello, NULL, 0, &fd_count) ==
			sizeof hello && hello.header.type == RECORD_HELLO) {
		*self_test = hello.self_test;
		return 0;
	}
	return err_set(err, ERR_SYSTEM, "the sandbox launcher did not start (where vm.memfd_noexec "
		"is 2, set it to 1)");
}

static int spawn(int image, int setup, pid_t *launcher, int *socket, struct err *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_system(err, "socketpair");
	*launcher = fork();
	if (*launcher == 0)
		become_launcher(image, ends[1], setup);
	close(ends[1]);
	*socket = ends[0];
	if (*launcher < 0) {
		close(ends[0]);
		return err_system(err, "fork");
	}
	return 0;
}

int launch(const struct sandbox_config *config, struct sandbox_limits *limits, pid_t *launcher,
	int *socket, struct sandbox_self_test *self_test, struct err *err)
{
	int setup = setup_memfd(config, limits, err);
	if (setup < 0)
		return -1;
	int image = memfd_sealed("codesandbox-launcher", codesandbox_launcher_image,
		(size_t)(codesandbox_launcher_image_end - codesandbox_launcher_image), true, err);
	int result = image < 0 ? -1 : spawn(image, setup, launcher, socket, err);
	if (image >= 0)
		close(image);
	close(setup);
	if (result < 0)
		return -1;
	if (greeting_receive(*socket, self_test, err) < 0 ||
			fcntl(*socket, F_SETFL, O_NONBLOCK) < 0) {
		launch_end(*launcher, *socket);
		return -1;
	}
	return 0;
}

void launch_end(pid_t launcher, int socket)
{
	close(socket);
	int pidfd = (int)syscall(SYS_pidfd_open, launcher, 0);
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	if (pidfd >= 0) {
		if (poll(&end, 1, END_MS) == 0)
			(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		close(pidfd);
	}
	while (waitpid(launcher, NULL, 0) < 0 && errno == EINTR)
		continue;
}
