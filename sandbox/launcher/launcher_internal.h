/* launcher_internal.h: shared by the files launcher*.c: the loop's parts, which all run in its one thread. */
#ifndef LAUNCHER_LAUNCHER_INTERNAL_H
#define LAUNCHER_LAUNCHER_INTERNAL_H

#include "launcher.h"
#include "lease.h"
#include "pool.h"
#include "zygotes.h"

enum event_kind { EVENT_CALLER, EVENT_INIT, EVENT_CONTROL, EVENT_LISTENER, EVENT_STATUS, EVENT_ZYGOTE,
	EVENT_ZYGOTE_END, EVENT_LEASE };

struct waiting {
	struct record_start start;
	int fds[START_FDS];
};

/* What carries payloads, in memory that no child of the launcher gets (MADV_WIPEONFORK). */
struct passing {
	union record record;		/* just received */
	struct waiting queue[];		/* at most slots, in the order of arrival */
};

struct answer {
	struct record_outcome outcome;
	int output_fd;			/* -1: none */
};

struct launcher {
	const struct host *host;
	int caller, epoll;
	bool ended;			/* the caller is gone or broke the protocol */
	struct cell *cells;
	unsigned cell_count;
	struct passing *passing;
	struct waiting *queue;		/* in there */
	unsigned queued;
	struct answer *answers;		/* not yet sent; at most slots, as each holds one */
	unsigned answer_count;
	uint64_t serial;
	struct pool pool;
	struct zygotes zygotes;
	struct lease lease;
	struct expected expected;
	int64_t rest_us;		/* until then jobs and their answers come first, not the pool */
	bool resting;			/* in this turn of the loop */
	int64_t pool_retry_us;		/* no new sandbox for the pool before: the last try failed */
	bool available[SANDBOX_LEVELS];
	char reason[SANDBOX_LEVELS][256];
};

static inline unsigned cells_count(const struct launcher *launcher, enum cell_state state)
{
	unsigned count = 0;
	for (unsigned i = 0; i < launcher->cell_count; i++)
		count += launcher->cells[i].state == state;
	return count;
}

static inline bool launcher_is_full(const struct launcher *launcher)
{
	return cells_count(launcher, CELL_RUNNING) >= launcher->host->setup.slots;
}

/* ---- launcher.c */

/* Has the loop take a descriptor that can be read for an event of that kind. index: the cell's or the
 * zygote's. -1 with errno. */
int launcher_watch(struct launcher *launcher, int fd, enum event_kind kind, unsigned index);

/* Has it forget one; -1 is none. */
void launcher_unwatch(struct launcher *launcher, int fd);

/* ---- launcher_jobs.c */

/* Puts a job into the queue, which has room, with the level and limits that it will have. fds: the queue's
 * from then on. */
void job_accept(struct launcher *launcher, const struct record_start *start, const int *fds);

/* Ends the job of that tag, wherever it is; no such job: nothing. */
void job_kill(struct launcher *launcher, uint64_t tag);

/* Nothing runs beyond the caller's lease, and nothing starts. */
void jobs_lease_enforce(struct launcher *launcher);

/* Jobs that the caller has no answer to, at most slots of them. */
unsigned jobs_held(const struct launcher *launcher);

/* What a job is to run in. */
struct kind job_kind(const struct launcher *launcher, const struct record_start *start);

/* Hands jobs over as long as there are ready sandboxes of their kinds. */
void jobs_dispatch(struct launcher *launcher);

/* Answers the oldest waiting job of a level, if there is one: no sandbox can be made for it. */
void waiting_fail(struct launcher *launcher, enum sandbox_level level, const char *reason);

/* Sends an answer, or keeps it until the caller's socket takes it. output_fd: the launcher's from then on;
 * -1: none. */
void answer(struct launcher *launcher, const struct record_outcome *outcome, int output_fd);

/* Sends what is kept. */
void answers_flush(struct launcher *launcher);

/* ---- launcher_refill.c */

/* Starts making at most one sandbox, for a waiting job first, for the pool else. Returns whether more are to
 * be made at once. */
bool refill(struct launcher *launcher);

/* Ends the sandboxes whose jobs have been answered. They wait with the pool: the kernel's work with them would come
 * before whoever waits for the answer. */
void cells_dismiss(struct launcher *launcher);

/* Whether the pool is to wait, until rest_us. */
bool refill_rests(const struct launcher *launcher);

/* A sandbox of the pool could not be made: the next try waits. */
void refill_put_off(struct launcher *launcher);

#endif
