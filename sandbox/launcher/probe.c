/* probe.c: the self-test inside a sandbox: not whether calls returned 0, but whether doors are shut.
 * See job.h. It runs in the job's place, locked down as a job would be. */
#include "job.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mount.h"

static const char *own_files(const struct birth *birth)
{
	(void)birth;
	int fd = open(JOB_DIRECTORY "/work/probe", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return "the job's own directory is not writable";
	ssize_t wrote = write(fd, "x", 1);
	close(fd);
	if (wrote != 1 || unlink(JOB_DIRECTORY "/work/probe") < 0)
		return "the job's own directory is not writable";
	return NULL;
}

static const char *identity(const struct birth *birth)
{
	if (getuid() != birth->id || geteuid() != birth->id || getgid() != birth->id)
		return "the job runs under a uid that is not its slot's";
	if (birth->host->own_identity && getgroups(0, NULL) > 0)	/* else they can't be dropped */
		return "the job has supplementary groups";
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return "no_new_privs is not set";
	if (setuid(0) == 0)
		return "the job can become root";
	return NULL;
}

/* Only init and this process. */
static const char *processes(const struct birth *birth)
{
	(void)birth;
	DIR *proc = opendir("/proc");
	if (!proc)
		return "/proc can't be read";
	unsigned count = 0;
	const struct dirent *entry;
	while ((entry = readdir(proc)))
		count += isdigit((unsigned char)entry->d_name[0]) != 0;
	closedir(proc);
	return count == 2 ? NULL : "processes of others are visible";
}

static const char *files(const struct birth *birth)
{
	static const char *const hidden[] = {"/root", "/home", "/var/lib", "/run/user", "/sys/fs"};
	struct stat st;
	if (birth->level == SANDBOX_NONE)
		return NULL;
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (stat(hidden[i], &st) == 0)
			return "files of the host are visible";
	if (open("/usr/probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 || errno == ENOSPC)
		return "the system is writable";
	return NULL;
}

static const char *network(const struct birth *birth)
{
	struct utsname name;
	if (birth->level == SANDBOX_NONE)
		return NULL;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
		return "internet sockets can be made";
	if (birth->level == SANDBOX_STRICT && (uname(&name) < 0 || strcmp(name.nodename, "sandbox")))
		return "the host's name is visible";
	return NULL;
}

const char *probe_effects(const struct birth *birth)
{
	static const char *(*const probes[])(const struct birth *) = {own_files, identity, processes,
		files, network};
	for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
		const char *open_door = probes[i](birth);
		if (open_door && !birth->host->setup.drop)
			return open_door;
	}
	return NULL;
}
