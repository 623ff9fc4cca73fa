/* zygote.h: warm interpreters, from which jobs are forked.
 *
 * A zygote is a stock interpreter that has loaded what most scripts load, and a small library of ours
 * (sandbox/zygote/), through which it waits for the launcher. For each job it forks into a sandbox that
 * is there already: setns(2) to the pid namespace of the sandbox's init, libc's fork(), and the child
 * joins init's other namespaces and the cgroup, locks itself down and waits for its hand-over, by the
 * same code as a cold one (job.c). The zygote reads nothing of any job; it runs in the jobs' own read-only
 * root, without network, under a uid of its own, with the capabilities that this takes and no other.
 *
 *	DOWN -> STARTING -> UP -> (enough forks, or failures) -> LEAVING -> DOWN
 *
 * One that leaves forks no more and ends when the last of its jobs has. One that dies takes its jobs with it.
 */
#ifndef LAUNCHER_ZYGOTE_H
#define LAUNCHER_ZYGOTE_H

#include "host.h"
#include "namespace.h"

#define ZYGOTE_SOCKET_FD 3		/* in the zygote, at its start; records of the two kinds below */
#define ZYGOTE_SETUP_FD 4
#define ZYGOTE_VARIABLE "CODESANDBOX_ZYGOTE"	/* in its environment: modules to load beforehand */

/* First record to a zygote: what the launcher found on this machine. */
struct zygote_facts {
	uint32_t runtime;		/* whose zygote it is */
	uint32_t user_namespace, own_identity, have_cgroup, core_piped;
	int32_t landlock_abi;
};

/* The zygote's only record: it is up. */
struct zygote_up {
	uint32_t pages;			/* that it has ready in each fork that waits (zygote/working_set.h) */
};

/* Each further record: one fork. Beside it these descriptors, then those of the slot's namespaces, then,
 * grouped, the cgroup.procs of the sandbox's groups. */
enum zygote_fd { ZYGOTE_CONTROL, ZYGOTE_STATUS, ZYGOTE_PID, ZYGOTE_MNT, ZYGOTE_MORE,
	ZYGOTE_FDS = ZYGOTE_MORE + SLOT_NAMESPACES + CGROUP_CONTROLLERS };

struct zygote_fork {
	uint32_t level, id;
	uint32_t slotted;		/* how many of the slot's namespaces */
	uint32_t grouped;
	uint32_t idle;			/* there is time for what is best done ahead of the job */
};

enum zygote_state { ZYGOTE_DOWN, ZYGOTE_STARTING, ZYGOTE_UP, ZYGOTE_LEAVING };

struct zygote {
	enum zygote_state state;
	uint32_t runtime;		/* index into the set-up's table */
	unsigned index;
	pid_t pid;
	int pid_fd, socket, output_fd;	/* -1: none. output: what it printed */
	uint32_t pages;			/* as it told */
	uint64_t forks;
	unsigned failures;		/* in a row */
	int64_t deadline_us;		/* of STARTING */
	int64_t retry_us;		/* DOWN: not before; */
	int64_t pause_us;		/* doubled with each start that came to nothing */
	char reason[160];		/* why it is not UP */
};

/* Whether a language's jobs could be forked here at all: kind, interpreter, our library for it. */
bool zygote_possible(const struct host *host, uint32_t runtime);

/* Starts one: STARTING, watched by pid_fd and socket. -1 with reason set. */
int zygote_start(struct zygote *zygote, const struct host *host, uint32_t runtime);

/* Reads its socket: it has come up, or the end. True when it is UP now. */
bool zygote_read(struct zygote *zygote);

/* Asks for a fork. fds: borrowed. -1 with errno: it is gone or does not read. */
int zygote_fork(struct zygote *zygote, const struct zygote_fork *fork, const int *fds,
	size_t fd_count);

/* No more forks: LEAVING; it ends with its last job. */
void zygote_leave(struct zygote *zygote);

void zygote_kill(struct zygote *zygote);

/* After its death: reaps it and lets go of its descriptors: DOWN, not to be started again before
 * retry_us. */
void zygote_end(struct zygote *zygote, int64_t now_us);

#endif
