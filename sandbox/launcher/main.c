/* main.c: the launcher, a static program that the library carries and starts from a sealed memfd.
 *
 * It holds what privilege a sandbox takes to make, has no network, no threads and none of the
 * caller's memory, and parses nothing that comes from a job. See sandbox.h for the caller's side.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../shared/huge_text.h"
#include "../shared/record.h"
#include "instance.h"
#include "launcher.h"
#include "namespace.h"

static int setup_open(struct setup *setup)
{
	struct stat st;
	if (fstat(LAUNCHER_SETUP_FD, &st) < 0 || st.st_size <= 0)
		return -1;
	struct blob_reader reader = {.size = (size_t)st.st_size};
	reader.data = mmap(NULL, reader.size, PROT_READ, MAP_PRIVATE, LAUNCHER_SETUP_FD, 0);
	if (fcntl(LAUNCHER_SETUP_FD, F_SETFD, FD_CLOEXEC) < 0)
		return -1;		/* kept open: zygotes read it, too */
	return reader.data == MAP_FAILED ? -1 : setup_read(setup, &reader);
}

/* What the caller ignored outlives exec; what it blocked it has set back itself. Ours is a broken pipe, which is
 * an error here, and which a job's process sets back. */
static int signals_settle(void)
{
	static const char by_default[64];	/* the kernel's struct sigaction; the C library keeps two for itself */
	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		if (syscall(SYS_rt_sigaction, signal_number, by_default, NULL, (size_t)(NSIG - 1) / 8) < 0 &&
				errno != EINVAL)
			return -1;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static void descriptors_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Until the caller closes. */
static void refuse_jobs(const struct err *err)
{
	union record record;
	int fds[START_FDS];
	size_t fd_count;
	long got;
	while ((got = record_receive(LAUNCHER_SOCKET_FD, &record, sizeof record, fds, START_FDS,
			&fd_count)) > 0) {
		while (fd_count > 0)
			close(fds[--fd_count]);
		if (got < (long)offsetof(struct record_start, payload) || record.header.type != RECORD_START)
			continue;
		struct record_outcome outcome = {.header = {RECORD_MAGIC, RECORD_OUTCOME},
			.tag = record.start.tag, .verdict = SANDBOX_FAILED, .level = record.start.level,
			.exit_code = -1, .limits = record.start.limits};
		snprintf(outcome.reason, sizeof outcome.reason, "%.255s", err->text);
		if (record_send(LAUNCHER_SOCKET_FD, &outcome, sizeof outcome, NULL, 0) < 0)
			return;
	}
}

/* Where nothing can work at all, the caller is told as for a failed self-test of every level. */
static void hopeless(const struct err *err)
{
	struct record_hello hello = {.header = {RECORD_MAGIC, RECORD_HELLO}};
	for (int level = 0; level < SANDBOX_LEVELS; level++)
		snprintf(hello.self_test.reason[level], sizeof hello.self_test.reason[level],
			"%.255s", err->text);
	/* Nothing was looked for; it is not the runtimes that are missing. */
	memset(hello.self_test.runtime_available, true, sizeof hello.self_test.runtime_available);
	(void)record_send(LAUNCHER_SOCKET_FD, &hello, sizeof hello, NULL, 0);
	refuse_jobs(err);
}

static int places_note(struct instance *instance, struct err *err)
{
	char places[CGROUP_CONTROLLERS][512];
	cgroups_places(instance->name, places);
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		if (places[i][0] && instance_note(instance, places[i], err) < 0)
			return -1;
	return 0;
}

static void cgroups_start(struct host *host, struct instance *instance)
{
	struct err err = {0};
	if (host->setup.no_cgroup) {
		snprintf(host->no_cgroup_reason, sizeof host->no_cgroup_reason, "switched off");
		return;
	}
	host->have_cgroup = places_note(instance, &err) == 0 &&
		cgroups_open(&host->cgroups, instance->name, &err) == 0;
	if (host->have_cgroup)
		cgroups_sweeper_start(&host->cgroups);
	else
		snprintf(host->no_cgroup_reason, sizeof host->no_cgroup_reason, "%.255s", err.text);
}

static int start(struct host *host, struct instance *instance, struct err *err)
{
	for (int view = 0; view < VIEWS; view++)
		host->view_ns[view] = -1;
	instance_clear_dead(instance, cgroups_clear_leftovers);
	if (namespace_privileged() && instance_claim_ids(instance, INSTANCE_IDS_DIRECTORY,
			&host->setup.uid_base, err) < 0)
		return -1;
	cgroups_start(host, instance);
	return host_open(host, err);
}

static int serve(struct host *host)
{
	struct err err = {0};
	struct launcher *launcher = launcher_new(host, LAUNCHER_SOCKET_FD, &err);
	if (!launcher)
		return -1;
	int result = launcher_greet(launcher, &err);
	if (result == 0 && fcntl(LAUNCHER_SOCKET_FD, F_SETFL, O_NONBLOCK) == 0)
		launcher_serve(launcher);
	launcher_free(launcher);
	return result;
}

int main(void)
{
	static struct host host;
	struct instance instance;
	struct err err = {0};
	if (setup_open(&host.setup) < 0)
		return 1;
	if (fcntl(LAUNCHER_SOCKET_FD, F_SETFD, FD_CLOEXEC) < 0 || signals_settle() < 0)
		return 1;
	prctl(PR_SET_NAME, "codesandbox");
	huge_text_make();
	umask(077);
	descriptors_raise();
	if (instance_open(&instance, host.setup.run_directory, &err) < 0) {
		hopeless(&err);
		return 1;
	}
	int result = start(&host, &instance, &err);
	if (result < 0)
		hopeless(&err);
	else
		result = serve(&host);
	host_close(&host);
	if (host.have_cgroup)
		cgroups_close(&host.cgroups);
	instance_close(&instance);
	return result < 0;
}
