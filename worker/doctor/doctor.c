/* doctor.c: see doctor.h. */
#include "doctor.h"

#include <pwd.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../config/sandbox_settings.h"

#define PATIENCE_MS 20000

static const char namespaces_remedy[] =
	"run as root, or allow user namespaces: user.max_user_namespaces above 0, "
	"kernel.unprivileged_userns_clone=1 (Debian), kernel.apparmor_restrict_unprivileged_userns=0 "
	"(Ubuntu); in a container also a seccomp profile that allows unshare and mount";

static const char *const remedies[SANDBOX_MECHANISM_COUNT] = {
	[SANDBOX_MECHANISM_PID_NAMESPACE] = namespaces_remedy,
	[SANDBOX_MECHANISM_MOUNT_NAMESPACE] = namespaces_remedy,
	[SANDBOX_MECHANISM_NETWORK_NAMESPACE] = namespaces_remedy,
	[SANDBOX_MECHANISM_IPC_NAMESPACE] = namespaces_remedy,
	[SANDBOX_MECHANISM_UTS_NAMESPACE] = namespaces_remedy,
	[SANDBOX_MECHANISM_USER_NAMESPACE] = namespaces_remedy,
	[SANDBOX_MECHANISM_IDENTITY] =
		"run as root: an ordinary user has one id on the host, and every job shares it",
	[SANDBOX_MECHANISM_NO_NEW_PRIVS] = "a kernel from 3.5 on",
	[SANDBOX_MECHANISM_SECCOMP] =
		"a kernel from 5.0 on with CONFIG_SECCOMP_FILTER; in a container a profile that "
		"allows seccomp",
	[SANDBOX_MECHANISM_LANDLOCK] =
		"a kernel from 5.19 on with CONFIG_SECURITY_LANDLOCK, and landlock in the list of lsm= "
		"on its command line (see /sys/kernel/security/lsm)",
	[SANDBOX_MECHANISM_RLIMIT] = "nothing: every kernel has it",
	[SANDBOX_MECHANISM_CGROUP] = "the memory, pids and cpu controllers, writable for the worker",
	[SANDBOX_MECHANISM_SAMPLING] = "nothing: it stands in for cgroups",
};

bool doctor_has(const struct doctor *doctor, enum sandbox_mechanism mechanism)
{
	uint32_t any = 0;
	for (int level = SANDBOX_NONE; level < SANDBOX_LEVELS; level++)
		if (doctor->found.available[level])
			any |= doctor->found.mechanisms[level];
	return any >> mechanism & 1;
}

bool doctor_needs(const struct doctor *doctor, enum sandbox_mechanism mechanism)
{
	if (mechanism == SANDBOX_MECHANISM_SAMPLING)
		return !doctor_has(doctor, SANDBOX_MECHANISM_CGROUP);
	if (mechanism == SANDBOX_MECHANISM_USER_NAMESPACE)
		return !doctor_has(doctor, SANDBOX_MECHANISM_IDENTITY);
	return true;
}

const char *doctor_remedy(const struct doctor *doctor, enum sandbox_mechanism mechanism)
{
	if (mechanism == SANDBOX_MECHANISM_CGROUP && doctor->settings.no_cgroup)
		return "sandbox.cgroup: true";
	if (mechanism == SANDBOX_MECHANISM_CGROUP && doctor->cgroup_reason[0])
		return doctor->cgroup_reason;
	return remedies[mechanism];
}

bool doctor_is_content(const struct doctor *doctor)
{
	uint32_t missing = doctor->settings.require & ~doctor->found.mechanisms[doctor->floor];
	return doctor->found.available[doctor->floor] && missing == 0;
}

static void examine_host(struct doctor *doctor)
{
	struct utsname host;
	const struct passwd *entry = getpwuid(geteuid());
	if (uname(&host) == 0)
		snprintf(doctor->kernel, sizeof doctor->kernel, "%.*s",
			(int)sizeof doctor->kernel - 1, host.release);
	if (entry)
		snprintf(doctor->user, sizeof doctor->user, "%s", entry->pw_name);
	else
		snprintf(doctor->user, sizeof doctor->user, "%u", (unsigned)geteuid());
}

/* The self-test tells why a mechanism can't be had when it is required. */
static int ask_for_cgroup(struct doctor *doctor, struct err *err)
{
	struct sandbox_config settings = doctor->settings;
	struct sandbox *sandbox;
	if (doctor_has(doctor, SANDBOX_MECHANISM_CGROUP) || settings.no_cgroup)
		return 0;
	settings.require = 1u << SANDBOX_MECHANISM_CGROUP;
	settings.no_warm = true;
	if (sandbox_open(&settings, &sandbox, err) != 0)
		return -1;
	static const char lead[] = "can't be had: ";
	const char *reason = sandbox_self_test(sandbox)->reason[SANDBOX_NONE];
	const char *cause = strstr(reason, lead);
	snprintf(doctor->cgroup_reason, sizeof doctor->cgroup_reason, "%s",
		cause ? cause + strlen(lead) : reason);
	sandbox_close(sandbox);
	return 0;
}

/* A job that prints the version; NULL: no way to ask. */
static const char *question(const struct sandbox_runtime *runtime)
{
	if (runtime->kind == SANDBOX_RUNTIME_PYTHON)
		return "import platform; print(platform.python_version())";
	if (runtime->kind == SANDBOX_RUNTIME_NODE)
		return "console.log(process.version)";
	return strcmp(runtime->name, "shell") == 0 ? "readlink -f /bin/sh" : NULL;
}

static void note_answer(struct doctor_runtime *runtime, const struct sandbox_result *result)
{
	runtime->works = result->verdict == SANDBOX_EXITED && result->exit_code == 0;
	if (runtime->works && result->out.data) {
		snprintf(runtime->version, sizeof runtime->version, "%.*s",
			(int)strcspn(result->out.data, "\n"), result->out.data);
		return;
	}
	const char *text = result->reason[0] ? result->reason :
		result->err.data ? result->err.data : "";
	snprintf(runtime->problem, sizeof runtime->problem, "does not work inside (exit code %d, "
		"signal %d) %.*s", result->exit_code, result->signal, (int)strcspn(text, "\n"),
		text);
}

static int ask_runtime(struct doctor *doctor, struct sandbox *sandbox, size_t index,
	enum sandbox_level level, struct err *err)
{
	const char *code = question(&doctor->settings.runtimes[index]);
	struct doctor_runtime *runtime = &doctor->runtimes[index];
	struct sandbox_result result;
	runtime->available = doctor->found.runtime_available[index];
	runtime->works = runtime->available;
	if (!runtime->available || !code)
		return 0;
	const struct sandbox_job job = {.tag = index + 1, .runtime = index, .level = level,
		.limits.wall_ms = PATIENCE_MS, .code = code, .code_size = strlen(code),
		.thread_id = "local", .node_id = "doctor", .execution_id = "doctor", .attempt = 1};
	if (sandbox_start(sandbox, &job, err) != 0 ||
		sandbox_poll(sandbox, PATIENCE_MS + 5000, &result, err) != 1)
		return -1;
	note_answer(runtime, &result);
	sandbox_result_free(&result);
	return 0;
}

static int ask_runtimes(struct doctor *doctor, struct sandbox *sandbox, struct err *err)
{
	int level = SANDBOX_STRICT;
	while (level >= SANDBOX_NONE && !doctor->found.available[level])
		level--;
	for (size_t i = 0; i < doctor->settings.runtime_count; i++) {
		doctor->runtimes[i].available = doctor->found.runtime_available[i];
		if (level >= SANDBOX_NONE && ask_runtime(doctor, sandbox, i,
			(enum sandbox_level)level, err) != 0)
			return -1;
	}
	return 0;
}

int doctor_examine(const struct config *config, struct doctor *doctor, struct err *err)
{
	struct sandbox *sandbox;
	*doctor = (struct doctor){.config = config};
	if (sandbox_settings(config, &doctor->settings, err) != 0)
		return -1;
	doctor->floor = doctor->settings.floor;
	examine_host(doctor);
	struct sandbox_config open = doctor->settings;
	open.floor = SANDBOX_NONE;	/* every level is tried from the floor up */
	open.require = 0;
	open.slots = 1;
	open.pool = 1;
	if (sandbox_open(&open, &sandbox, err) != 0)
		return -1;
	doctor->found = *sandbox_self_test(sandbox);
	int answer = ask_runtimes(doctor, sandbox, err);
	sandbox_close(sandbox);
	doctor->settings.slots = doctor->settings.pool = 1;
	doctor->settings.floor = SANDBOX_NONE;
	return answer == 0 ? ask_for_cgroup(doctor, err) : -1;
}
