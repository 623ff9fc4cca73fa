/* bait.c: see bait.h. */
#include "bait.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MARKER "\"ATTACK-SUCCEEDED: a file of the host was read\"\n"

static void variable(struct bait *bait, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (bait->variables < BAIT_VARIABLES)
		vsnprintf(bait->environment[bait->variables++], sizeof bait->environment[0], format,
			arguments);
	va_end(arguments);
}

static int file_lay(const char *path, mode_t mode, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool made = fd >= 0 && write(fd, MARKER, sizeof MARKER - 1) == sizeof MARKER - 1 &&
		fchmod(fd, mode) == 0;
	int result = made ? 0 : err_system(err, "the bait %s", path);
	if (fd >= 0)
		close(fd);
	return result;
}

/* Past the time of anything that touches it from now on, so that a touch shows. */
static int time_set(struct bait *bait, struct err *err)
{
	struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	if (utimensat(AT_FDCWD, bait->writable, times, 0) < 0)
		return err_system(err, "utimensat of the bait");
	bait->written = times[1];
	return 0;
}

static int files_lay(struct bait *bait, struct err *err)
{
	snprintf(bait->directory, sizeof bait->directory, "/var/tmp/codesandbox-bait-XXXXXX");
	if (!mkdtemp(bait->directory)) {
		bait->directory[0] = '\0';
		return err_system(err, "a directory for bait in /var/tmp");
	}
	snprintf(bait->hidden, sizeof bait->hidden, "%s/marker", bait->directory);
	snprintf(bait->shown, sizeof bait->shown, "%s/shown", bait->directory);
	snprintf(bait->writable, sizeof bait->writable, "%s/writable", bait->shown);
	snprintf(bait->secret, sizeof bait->secret, "%s/secret", bait->shown);
	if (mkdir(bait->shown, 0755) < 0 || chmod(bait->directory, 0755) < 0 ||
			chmod(bait->shown, 0755) < 0)
		return err_system(err, "the bait's directories");
	if (file_lay(bait->hidden, 0644, err) < 0 || file_lay(bait->writable, 0666, err) < 0 ||
			file_lay(bait->secret, 0600, err) < 0)
		return -1;
	return time_set(bait, err);
}

/* The kernel picks the port. */
static int tcp_lay(struct bait *bait, struct err *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	bait->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bait->tcp_fd < 0 || bind(bait->tcp_fd, (struct sockaddr *)&address, size) < 0 ||
			listen(bait->tcp_fd, 8) < 0 ||
			getsockname(bait->tcp_fd, (struct sockaddr *)&address, &size) < 0)
		return err_system(err, "a listener on loopback");
	variable(bait, "BAIT_PORT=%u", ntohs(address.sin_port));
	return 0;
}

static int abstract_lay(struct bait *bait, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
		"codesandbox-bait-%d", (int)getpid());
	bait->abstract_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bait->abstract_fd < 0 || bind(bait->abstract_fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			(size_t)length)) < 0 || listen(bait->abstract_fd, 8) < 0)
		return err_system(err, "an abstract socket");
	variable(bait, "BAIT_ABSTRACT=%s", address.sun_path + 1);
	return 0;
}

static void variables_set(struct bait *bait)
{
	char name[65] = "";
	gethostname(name, sizeof name - 1);
	variable(bait, "BAIT_HIDDEN=%s", bait->hidden);
	variable(bait, "BAIT_SHOWN=%s", bait->shown);
	variable(bait, "BAIT_SEGMENT=%d", bait->segment);
	variable(bait, "BAIT_PID=%d", (int)getpid());
	variable(bait, "BAIT_UID=%u", (unsigned)getuid());
	variable(bait, "BAIT_HOST=%s", name);
	/* what the library must leave out of a job's environment */
	variable(bait, "LD_PRELOAD=/job/work/attack.so");
	variable(bait, "PYTHONSTARTUP=/job/work/attack.py");
	variable(bait, "NODE_OPTIONS=--title=attack");
	variable(bait, "CODE_OUTPUT=/tmp/attack");
}

int bait_lay(struct bait *bait, struct err *err)
{
	*bait = (struct bait){.tcp_fd = -1, .abstract_fd = -1, .leaked_fd = -1, .segment = -1};
	bait->segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0666);
	bait->leaked_fd = open("/dev/null", O_RDONLY);
	if (files_lay(bait, err) < 0 || tcp_lay(bait, err) < 0 || abstract_lay(bait, err) < 0) {
		bait_remove(bait);
		return -1;
	}
	variables_set(bait);
	return 0;
}

void bait_remove(struct bait *bait)
{
	const int fds[] = {bait->tcp_fd, bait->abstract_fd, bait->leaked_fd};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (bait->segment >= 0)
		(void)shmctl(bait->segment, IPC_RMID, NULL);
	if (!bait->directory[0])
		return;
	(void)unlink(bait->writable);
	(void)unlink(bait->secret);
	(void)unlink(bait->hidden);
	(void)rmdir(bait->shown);
	(void)rmdir(bait->directory);
}

static bool connected(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool bait_touched(struct bait *bait, const char **what)
{
	struct stat st;
	*what = NULL;
	if (stat(bait->writable, &st) < 0 || st.st_mtim.tv_sec != bait->written.tv_sec ||
			st.st_size != sizeof MARKER - 1)
		*what = "a file of the host was changed";
	else if (connected(bait->tcp_fd))
		*what = "a TCP port of the host was reached";
	else if (connected(bait->abstract_fd))
		*what = "an abstract socket of the host was reached";
	if (*what)
		(void)time_set(bait, NULL);
	return *what != NULL;
}

static bool command_has(const char *pid, const char *mark)
{
	char path[300], command[4096];
	snprintf(path, sizeof path, "/proc/%.200s/cmdline", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, command, sizeof command);
	if (fd >= 0)
		close(fd);
	return size > 0 && memmem(command, (size_t)size, mark, strlen(mark)) != NULL;
}

bool bait_process_left(const char *mark)
{
	DIR *proc = opendir("/proc");
	bool found = false;
	const struct dirent *entry;
	while (proc && !found && (entry = readdir(proc)))
		found = isdigit((unsigned char)entry->d_name[0]) && command_has(entry->d_name, mark);
	if (proc)
		closedir(proc);
	return found;
}
