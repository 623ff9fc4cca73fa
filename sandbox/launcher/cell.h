/* cell.h: one sandbox, from the launcher's side: made ahead, handed one job, ended, never reused.
 *
 *	FREE -> PREPARING -> READY -> RUNNING [-> ENDING] -> (init is dead) -> FREE
 *
 * A job whose process has ended and left nothing but init is answered at once: ENDING. Else what it left
 * must be dead first, as it is when init is.
 *
 * A cell owns a uid and a set of namespaces that its sandboxes use one after another, and every
 * descriptor of the sandbox it holds now.
 */
#ifndef LAUNCHER_CELL_H
#define LAUNCHER_CELL_H

#include "../shared/record.h"
#include "job.h"
#include "sampling.h"
#include "zygote.h"

enum cell_state { CELL_FREE, CELL_PREPARING, CELL_READY, CELL_RUNNING, CELL_ENDING };

/* Why the launcher ended a job. Noted before the signal is sent; the first one stands. */
enum cause { CAUSE_NONE, CAUSE_TIMEOUT, CAUSE_CPU, CAUSE_MEMORY, CAUSE_PROCESSES, CAUSE_VIOLATION,
	CAUSE_DISK, CAUSE_KILLED, CAUSE_LEASE, CAUSE_FAILED };

struct cell {
	enum cell_state state;
	unsigned index;
	uint64_t serial;		/* of the sandbox in it now */
	enum sandbox_level level;
	int runtime;			/* of a warm one; -1: cold, for any */
	int zygote;			/* that forked it: index; -1: none yet */
	uint32_t mechanisms;
	bool slot_made;
	int namespaces[SLOT_NAMESPACES];
	int64_t created_at_ms;		/* since 1970 */
	int64_t prepare_end_us;		/* PREPARING no longer than that */

	pid_t init;
	int init_fd, control_fd, status_fd, listener_fd, mount_fd, proc_fd; /* -1: none */
	int child_control_fd, child_status_fd;	/* a warm one's, until its zygote has them; */
	int entered_fds[JOB_ENTERED_FDS];	/* init's namespaces, likewise */
	bool has_cgroup;
	struct cgroup cgroup;
	uint64_t disk_bytes;		/* the size of its tmpfs now */

	bool warm;			/* the job runs in a fork of a warm interpreter */
	uint64_t tag;			/* from here on: of the job, while RUNNING */
	struct sandbox_limits limits;
	int64_t started_us, wall_end_us, check_us;	/* CLOCK_MONOTONIC */
	enum cause cause;
	bool waits_killable;		/* see job_report */
	bool left;			/* its process is in its last call (shared/leave.h); */
	int left_status;		/* the wait status that it would have had */
	int64_t end_us;			/* its init is to be dead by then, if it was told to end */
	uint64_t cause_peak;
	uint32_t syscall_arch;
	int syscall_number;
	int failed_errno;		/* of CAUSE_FAILED; */
	char failed_step[100];
	struct sampling sampling;
};

/* Whether a zygote forks the job's process into it. */
static inline bool cell_is_forked(const struct cell *cell)
{
	return cell->runtime >= 0;
}

int64_t clock_us(void);			/* CLOCK_MONOTONIC */

/* What the next job is most likely like: a sandbox is made ready for that, and goes on to be for any. */
struct expected {
	struct sandbox_limits limits;
	uint32_t cold_runtime;		/* of a job that no zygote is there for */
};

/* Starts making a sandbox: PREPARING, and a report follows on control_fd. runtime: whose zygote is to
 * fork into it, -1 for a cold one. On failure the cell is FREE again. */
int cell_prepare(struct cell *cell, const struct host *host, enum sandbox_level level, int runtime,
	uint64_t serial, const struct expected *expected, struct err *err);

enum cell_news { CELL_NO_NEWS, CELL_ENTERED, CELL_IS_READY, CELL_HAS_FAILED, CELL_STARTED };

/* Reads control_fd: ENTERED (a warm one may be forked into: cell_fork), IS_READY (the cell is READY,
 * listener_fd and proc_fd set), HAS_FAILED (killed, failed_step and failed_errno set), STARTED (the socket
 * closed at exec, when a warm job began, or with the process). */
enum cell_news cell_read_control(struct cell *cell);

/* Has the zygote fork the job's process into a cell that was ENTERED. idle: processors are free for what is best
 * done ahead. -1 with errno: the zygote is gone. */
int cell_fork(struct cell *cell, const struct host *host, struct zygote *zygote, bool idle);

/* status_fd is readable, or the job has left: its process has ended. Returns true with the outcome when nothing
 * is left of the job: the cell is ENDING. */
bool cell_finish(struct cell *cell, const struct host *host, struct record_outcome *outcome, int *output_fd);

/* Then all of the sandbox is to end. Apart from cell_finish because a dying sandbox takes the processor from
 * the answer. */
void cell_dismiss(struct cell *cell);

/* listener_fd is readable. A call of the kill tier: notes which, and kills. The last call of all that is left
 * of the job: returns true, the job has left. listener_fd stays open until cell_release, since calls that
 * nobody listens to would fail and go on. */
bool cell_read_listener(struct cell *cell);

/* Gives a READY cell its job and starts the clocks. fds: those of the record, borrowed; NULL for the probe. -1 with
 * err: the job did not get in, the cell is no use any more; ERR_CLOSED: the cell was dead already, and the job can
 * have another. */
int cell_hand_over(struct cell *cell, const struct host *host, const struct record_start *start, const int *fds,
	struct err *err);

/* Ends everything in the sandbox; its init's death follows. The first cause stands. */
void cell_kill(struct cell *cell, enum cause cause);

/* Looks at the clocks and counts of a RUNNING cell; kills it when a limit is passed. */
void cell_check(struct cell *cell, const struct host *host, int64_t now_us);

/* Whether it was told to end and does not: a zygote that reaps no more holds its init. */
bool cell_is_stuck(const struct cell *cell, int64_t now_us);

/* When cell_check or cell_is_stuck is next needed (INT64_MAX: never). */
int64_t cell_next_check_us(const struct cell *cell);

/* After init's death: reaps it, and fills outcome when a job ran and is not yet answered (returns true;
 * *output_fd is the job's CODE_OUTPUT or -1, and the caller's). */
bool cell_end(struct cell *cell, const struct host *host, struct record_outcome *outcome,
	int *output_fd);

/* Lets go of what the sandbox had: the cell is FREE. Apart from cell_end because it may take a
 * while (groups and mounts are torn down), and the answer need not wait for it. */
void cell_release(struct cell *cell, const struct host *host);

#endif
