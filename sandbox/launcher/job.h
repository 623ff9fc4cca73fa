/* job.h: the two processes inside a sandbox, from their side.
 *
 * init is pid 1 of the sandbox and the launcher's child: it enters the namespaces, forks the job's
 * process, gives up its privileges and then only reaps; when the job's process ends it writes the
 * wait status to the launcher and ends, and with it the kernel ends everything else in there.
 * The job's process locks itself down, reports ready, and waits for one hand-over message; only
 * then does it see a byte of the job.
 */
#ifndef LAUNCHER_JOB_H
#define LAUNCHER_JOB_H

#include "host.h"
#include "namespace.h"

/* What a sandbox is made from; all descriptors stay the launcher's own. */
struct birth {
	const struct host *host;
	enum sandbox_level level;
	uid_t id;
	const int *namespaces;		/* of the slot; NULL: none at this level */
	bool only_net;			/* of those, the network's alone */
	int mount_fd;
	const struct cgroup *cgroup;	/* NULL: none */
	int control_fd;			/* the sandbox's end: reports out, hand-over in */
	int status_fd;			/* init's: the wait status of the job's process */
};

/* From the sandbox to the launcher. Ready: beside it the filter's listener, and a directory of
 * the sandbox's /proc, each if flagged. Failed: nothing of the job ran. */
struct job_report {
	uint32_t ready, has_listener, has_proc;
	int32_t errnum;
	char step[100];
};

#define RUNTIME_PROBE UINT32_MAX	/* no job: the self-test, inside */

/* From the launcher to the sandbox, with the descriptors of enum start_fd (none for the probe). */
struct job_handover {
	uint32_t runtime;
	struct sandbox_limits limits;
};

/* Runs as init; never returns. */
_Noreturn void init_main(const struct birth *birth);

/* Runs as the job's process; never returns. */
_Noreturn void job_main(const struct birth *birth);

/* Reports a failed step (errno) and ends the process. */
_Noreturn void job_fail(int control_fd, const char *step);

/* Unpacks the payload into the job's files and executes the runtime. Returns the failed step. */
const char *script_execute(const struct birth *birth, const struct job_handover *handover,
	const int *fds);

/* The self-test inside a locked-down process: tries what must fail. NULL when all is closed, else
 * what was found open. */
const char *probe_effects(const struct birth *birth);

#endif
