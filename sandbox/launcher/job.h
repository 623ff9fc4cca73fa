/* job.h: the two processes inside a sandbox, from their side.
 *
 * init is pid 1 of the sandbox and the launcher's child: it enters the namespaces and gives up its
 * privileges. Cold, it forks the job's process before; warm, a zygote forks it into init's namespaces
 * (zygote.h). When the job's process ends its parent writes the wait status to the launcher; init
 * is killed, or ends by itself soon after, and with it the kernel ends everything else in there.
 * The job's process locks itself down, reports ready, and waits for one hand-over message; only
 * then does it see a byte of the job.
 */
#ifndef LAUNCHER_JOB_H
#define LAUNCHER_JOB_H

#include <sys/resource.h>

#include "../shared/record.h"
#include "host.h"
#include "namespace.h"

/* What a sandbox is made from; all descriptors stay the launcher's own. */
struct birth {
	const struct host *host;
	enum sandbox_level level;
	uid_t id;
	const int *namespaces;		/* of the slot; */
	unsigned namespace_count;	/* the first so many are joined */
	int mount_fd;
	const struct cgroup *cgroup;	/* that the job's process joins, and nothing else; NULL: none */
	bool warm;			/* a zygote forks the job's process */
	const char *extension;		/* that the script's file most likely has */
	int control_fd;			/* the sandbox's end: reports out, hand-over in */
	int status_fd;			/* of the job's parent: how the job's process ended */
};

/* From the job's parent to the launcher, once. */
struct job_status {
	int32_t wait_status;
	uint32_t unused;
	uint64_t cpu_us;		/* of the process and what it waited for */
};

static inline uint64_t job_cpu_us(const struct rusage *usage)
{
	return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
		(uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

/* From the sandbox to the launcher. Ready: beside it the filter's listener, and a directory of
 * the sandbox's /proc, each if flagged. Entered: of a warm sandbox's init, with its pid and mount namespaces;
 * a zygote may fork into them. Cold: the job, handed to a warm process, asks for what only a fresh interpreter has. Failed:
 * nothing of the job ran. */
#define JOB_ENTERED_FDS 2		/* pid, mnt */
enum job_report_kind { JOB_FAILED, JOB_ENTERED, JOB_READY, JOB_COLD };

struct job_report {
	uint32_t kind, has_listener, has_proc;
	uint32_t waits_killable;	/* a call that the listener has read is interrupted by nothing but a kill */
	int32_t errnum;
	char step[100];
};

#define RUNTIME_PROBE UINT32_MAX	/* no job: the self-test, inside */

/* From the launcher to the sandbox, with the descriptors of struct record_start (none for the probe). */
struct job_handover {
	struct job_handover_head {
		uint32_t runtime;
		uint32_t payload_size;
		struct sandbox_limits limits;
	} head;
	char payload[PAYLOAD_INLINE_BYTES];	/* as in struct record_start */
};

/* Runs as init; never returns. */
_Noreturn void init_main(const struct birth *birth);

/* Runs as the job's process; never returns. */
_Noreturn void job_main(const struct birth *birth);

/* The job's process up to its hand-over, cold or warm: locks itself down, reports ready, waits. What fails
 * or is not needed any more ends the process. host, setup and the birth are as good afterwards. */
struct job_start {
	int control_fd;			/* close-on-exec; closed when the runtime begins */
	struct job_handover handover;	/* the script points into its payload */
	int fds[START_FDS];		/* -1: none */
};
/* idle: what to do while no job has come yet, or NULL. */
void job_await(const struct birth *birth, void (*idle)(void), struct job_start *start);

/* Reports a failed step (errno) and ends the process. */
_Noreturn void job_fail(int control_fd, const char *step);

/* A job as its runtime is to find it: its files written, its directory entered, its streams in place. */
struct script {
	const struct setup_runtime *runtime;
	char file[300];			/* the script's path */
	const char *code;		/* what stands there; for the life of the process */
	size_t code_size;
	const char **environment;	/* NULL-terminated */
	bool fresh;			/* it sets what an interpreter reads at its start */
	bool compile_only;		/* for a warm interpreter: nothing of it is to be run */
	const char *compiled;		/* for a warm interpreter that knows it as its own; empty: none */
	size_t compiled_size;
};

/* Does ahead what needs no job, in a process without descriptors 0 to 3: makes the files that each has, opens stdin
 * and touches what script_prepare will. Leaves the process in JOB_DIRECTORY. -1 with errno. */
int script_await(const char *extension);

/* Maps the code that script_prepare and the C library consist of, for when nobody waits. */
void script_text_map(void);

/* Once, after script_await: unpacks the payload into the job's files. Returns the failed step with errno, or NULL. */
const char *script_prepare(const struct birth *birth, const struct job_start *start,
	struct script *script);

/* Executes the runtime. Returns only the failed step. */
const char *script_execute(const struct script *script);

/* The self-test inside a locked-down process: tries what must fail. NULL when all is closed, else
 * what was found open. */
const char *probe_effects(const struct birth *birth);

#endif
