/* sandbox.h: runs one untrusted program at a time per slot, and says what became of it.
 *
 * The only door of libcodesandbox. It knows nothing of queues or encodings; it never logs and never
 * exits. sandbox_open() starts a small privileged launcher (a program of its own, with none of the
 * caller's memory); from then on the caller may drop what privileges it has and holds only a socket.
 * Jobs end with the launcher, and the launcher with its caller, by SIGKILL too.
 *
 *	sandbox_open -> { sandbox_start -> sandbox_poll }* -> sandbox_close
 *
 * Not thread-safe: one thread uses a handle. Times are milliseconds on CLOCK_MONOTONIC, sizes bytes.
 */
#ifndef CODESANDBOX_SANDBOX_H
#define CODESANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum sandbox_level { SANDBOX_NONE, SANDBOX_RESTRICTED, SANDBOX_STRICT, SANDBOX_LEVELS };

/* What can stand between a job and the host: bit number, name. Names are part of the results. */
#define SANDBOX_MECHANISMS(X)                                                                 \
	X(PID_NAMESPACE, "pid_namespace")                                                     \
	X(MOUNT_NAMESPACE, "mount_namespace")                                                 \
	X(NETWORK_NAMESPACE, "network_namespace")                                             \
	X(IPC_NAMESPACE, "ipc_namespace")                                                     \
	X(UTS_NAMESPACE, "uts_namespace")                                                     \
	X(USER_NAMESPACE, "user_namespace")                                                   \
	X(IDENTITY, "identity")			/* a host uid of the slot's own */             \
	X(NO_NEW_PRIVS, "no_new_privs")                                                       \
	X(SECCOMP, "seccomp")                                                                 \
	X(LANDLOCK, "landlock")                                                               \
	X(RLIMIT, "rlimit")                                                                   \
	X(CGROUP, "cgroup")			/* memory, pids and CPU, all three */          \
	X(SAMPLING, "sampling")			/* the substitute for CGROUP */

enum sandbox_mechanism {
#define X(id, name) SANDBOX_MECHANISM_##id,
	SANDBOX_MECHANISMS(X)
#undef X
	SANDBOX_MECHANISM_COUNT
};
#define SANDBOX_HAS(mask, id) (((mask) >> SANDBOX_MECHANISM_##id) & 1u)

#define SANDBOX_SLOTS_MAX 256

/* A limit of 0 means "the launcher's own"; one above the launcher's own is lowered to it. */
struct sandbox_limits {
	uint64_t wall_ms;
	uint64_t cpu_ms;		/* of the whole job, all processes together */
	uint64_t memory_bytes;		/* files not counted, they have disk_bytes */
	uint64_t disk_bytes;
	uint64_t processes;		/* threads and processes together */
	uint64_t output_bytes;		/* for stdout, stderr and the value, each on its own */
	uint64_t open_files;		/* per process */
};

enum sandbox_runtime_kind {
	SANDBOX_RUNTIME_EXEC,		/* argv as it stands; "{file}" is the script's path */
	SANDBOX_RUNTIME_PYTHON,		/* argv[0] is the interpreter; main() and its value */
	SANDBOX_RUNTIME_NODE,
};

struct sandbox_runtime {
	const char *name;		/* shell, python, javascript, or the user's own */
	enum sandbox_runtime_kind kind;
	const char *const *argv;	/* NULL-terminated, argv[0] an absolute path */
	const char *extension;		/* of the script's file in the sandbox: ".sh" */
	const char *preload;		/* modules that a warm interpreter loads beforehand, by commas;
					 * NULL: our choice alone */
};

struct sandbox_config {
	int slots;			/* jobs at once, 1 to SANDBOX_SLOTS_MAX */
	enum sandbox_level floor;	/* no job gets less, whatever it asks */
	uint32_t require;		/* mechanisms that every job must have: 1 << id */
	const struct sandbox_runtime *runtimes;
	size_t runtime_count;		/* at most 64 */
	struct sandbox_limits limits;	/* defaults and upper bounds; 0 = sandbox_default_limits */
	uint32_t uid_base;		/* of the first of 64 blocks of 1024 uids and gids, of which
					 * each launcher with this run_directory has one; 0 = 60100 */
	const char *run_directory;	/* locks; NULL = /run/codesandbox, or the user's own */
	const char *const *read_only_paths; /* more host paths to show; NULL-terminated, or NULL */
	int pool;			/* ready sandboxes kept waiting; -1 = two for each slot */
	bool no_cgroup;			/* use the substitutes even where cgroups can be had */
	bool no_warm;			/* start each interpreter anew */
	unsigned zygote_jobs;		/* a warm interpreter is replaced after so many; 0 = 10000 */
};

/* Copied by sandbox_start; the caller keeps all of it. NULL strings are absent. */
struct sandbox_job {
	uint64_t tag;			/* the caller's name for the job, unique among the running */
	size_t runtime;			/* index into sandbox_config.runtimes */
	enum sandbox_level level;
	struct sandbox_limits limits;
	const char *script_name;	/* base name of the script's file, NULL = "script" + extension */
	const char *code;
	size_t code_size;
	const char *compiled;		/* what compiling this very code gave, or NULL; a runtime that
					 * can't use it, for whatever reason, compiles */
	size_t compiled_size;
	size_t compile_bytes;		/* not 0: the code is only compiled and nothing of it run; the
					 * most that its compiled form may have */
	const char *input;		/* JSON text: stdin and CODE_INPUT */
	const char *context;		/* JSON text: CODE_CONTEXT */
	const char *const *environment;	/* "NAME=value", NULL-terminated; filtered by the library */
	const char *working_directory;	/* relative, inside the job's own directory; made if missing */
	/* CODE_THREAD_ID, CODE_NODE_ID, CODE_EXECUTION_ID, CODE_ATTEMPT: set after environment */
	const char *thread_id, *node_id, *execution_id;
	unsigned attempt;
};

enum sandbox_verdict {
	SANDBOX_EXITED,			/* exit_code says how */
	SANDBOX_SIGNALED,		/* of its own making; signal says which */
	SANDBOX_TIMEOUT,		/* wall clock */
	SANDBOX_LIMIT,			/* limit, limit_value, limit_peak */
	SANDBOX_VIOLATION,		/* the filter's kill tier; syscall names it */
	SANDBOX_OUTPUT_INVALID,		/* exit 0, but the value is not JSON; reason */
	SANDBOX_KILLED,			/* by sandbox_kill, or for want of a lease */
	SANDBOX_KILLED_OUTSIDE,		/* a SIGKILL that neither we nor the job sent */
	SANDBOX_FAILED,			/* the sandbox failed, the program did not run; reason */
};

enum sandbox_limit {
	SANDBOX_LIMIT_NONE,
	SANDBOX_LIMIT_CPU,		/* unit ms */
	SANDBOX_LIMIT_MEMORY,		/* bytes */
	SANDBOX_LIMIT_DISK,		/* bytes */
	SANDBOX_LIMIT_PROCESSES,	/* count */
	SANDBOX_LIMIT_OUTPUT,		/* bytes, of the value */
};

struct sandbox_buffer {
	char *data;			/* NUL-terminated behind size; NULL when there is none */
	size_t size;
	bool truncated;			/* more came than output_bytes */
};

struct sandbox_result {
	uint64_t tag;
	enum sandbox_verdict verdict;
	int exit_code;			/* -1 when it did not exit */
	int signal;			/* 0 when no signal ended it */
	enum sandbox_limit limit;
	uint64_t limit_value, limit_peak;
	bool sampled;			/* the limit's evidence is sampled, not counted */
	char syscall[32];		/* of a violation; "unknown" where the kernel can't tell */
	char reason[256];		/* of FAILED (step and cause), of OUTPUT_INVALID */
	struct sandbox_buffer out, err;
	struct sandbox_buffer value;	/* JSON text as the job gave it (valid UTF-8 not ensured
					 * for CODE_OUTPUT); data NULL: no value. Empty unless
					 * the job exited with 0 */
	struct sandbox_buffer compiled;	/* of a job that only compiles: for sandbox_job.compiled of
					 * others of the same runtime, code and script_name, and not to
					 * be looked into. data NULL: there is none */
	uint64_t wall_ms, cpu_ms, memory_peak_bytes, processes_peak;
	char sandbox_id[40];
	enum sandbox_level level;	/* what it really ran with */
	uint32_t mechanisms;
	bool warm;
	int64_t created_at_ms;		/* the sandbox's birth, milliseconds since 1970 */
	struct sandbox_limits limits;	/* as applied */
};

/* What the launcher found when it tried each level, by effect. */
struct sandbox_self_test {
	bool available[SANDBOX_LEVELS];
	uint32_t mechanisms[SANDBOX_LEVELS];
	char reason[SANDBOX_LEVELS][256];	/* why not, and the remedy */
	bool runtime_available[64];		/* interpreter found, index as in the configuration */
	bool runtime_warm[64];			/* jobs are forked from a warm one */
	uint32_t runtime_pages[64];		/* of memory that are made ready in each fork that waits */
	char runtime_reason[64][160];		/* why not, where it was tried */
};


struct sandbox;

extern const struct sandbox_limits sandbox_default_limits;

/* Starts the launcher and waits for its self-test of each level from the floor up (about 0.1 s).
 * config: borrowed for the call. Returns 0 and a handle that the caller closes, or -1 with err set:
 * ERR_INVALID (a field of config), ERR_SYSTEM. A floor that can't be had is no error: look at the
 * self-test; jobs then answer SANDBOX_FAILED. Call it before threads exist and before secrets that
 * descriptors give access to are opened without O_CLOEXEC. */
int sandbox_open(const struct sandbox_config *config, struct sandbox **sandbox, struct err *err);

/* Kills what runs, waits for the launcher's end and frees the handle. NULL is allowed. */
void sandbox_close(struct sandbox *sandbox);

const struct sandbox_self_test *sandbox_self_test(const struct sandbox *sandbox);

/* Whether jobs of the runtime can be told to compile only, and use what that gave. */
bool sandbox_compiles(const struct sandbox *sandbox, size_t runtime);

/* Readable when sandbox_poll has something to do: for poll, select or (level-triggered) epoll. */
int sandbox_fd(const struct sandbox *sandbox);

/* Puts one job into a sandbox and starts it. Returns 0, or -1 with err set: ERR_BUSY (every slot
 * is taken), ERR_INVALID (no such runtime, one that can't compile a job that is to, code or input
 * above 64 MiB together, or what sandbox_job_check refuses), ERR_CLOSED (the launcher is gone). */
int sandbox_start(struct sandbox *sandbox, const struct sandbox_job *job, struct err *err);

/* What sandbox_start refuses with ERR_INVALID whatever the sandbox. Returns 0, or -1 with err set and
 * *member naming the faulty one of struct sandbox_job. */
int sandbox_job_check(const struct sandbox_job *job, const char **member, struct err *err);

/* Collects output, and the next finished job. timeout_ms: 0 does not wait, -1 without end.
 * Returns 1 with a result that the caller frees with sandbox_result_free, 0 when there is none,
 * -1 with err set: ERR_CLOSED (the launcher died; every running job is dead and lost). */
int sandbox_poll(struct sandbox *sandbox, int timeout_ms, struct sandbox_result *result,
		 struct err *err);

/* Ends a job; its result follows with SANDBOX_KILLED unless it ended first. Unknown tags are
 * ignored: the job may just have ended. */
void sandbox_kill(struct sandbox *sandbox, uint64_t tag);

/* For a caller whose jobs may become another's when it falls silent: jobs may run until then, on
 * CLOCK_BOOTTIME in milliseconds, if it does not call again before. Then the launcher, which needs nothing of
 * a caller that is stopped, kills what runs and starts nothing until the next call: SANDBOX_KILLED. Never
 * called: no such end. To be called often; little is told to the launcher. An earlier time than before
 * changes nothing. Returns whether the last one had run out. */
bool sandbox_lease(struct sandbox *sandbox, int64_t until_ms);

/* Jobs started whose results have not been collected. */
int sandbox_running(const struct sandbox *sandbox);

void sandbox_result_free(struct sandbox_result *result);

const char *sandbox_level_name(enum sandbox_level level);	/* none, restricted, strict */
const char *sandbox_mechanism_name(enum sandbox_mechanism mechanism);
const char *sandbox_limit_name(enum sandbox_limit limit);	/* cpu, memory, ... or "none" */
const char *sandbox_signal_name(int signal);			/* "SIGSEGV", or "SIG42" */

#endif
