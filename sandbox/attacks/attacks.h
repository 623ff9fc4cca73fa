/* attacks.h: programs that try to break out of a sandbox, and a ground to let them loose on.
 *
 * Each attack is a file beside this one; attacks.def says what it tries, which mechanism stops it,
 * from which level up, and how its run must end. An attack that gets through prints one line that
 * begins with ATTACK_SUCCEEDED, or touches the bait; even then it does no harm: it opens the door
 * and does not walk through, bounded in size and time. Built on sandbox.h alone: they run the way
 * jobs do.
 */
#ifndef CODESANDBOX_ATTACKS_H
#define CODESANDBOX_ATTACKS_H

#include "../sandbox.h"

#define ATTACK_SUCCEEDED "ATTACK-SUCCEEDED"

/* How a stopped attack's run ends. ANY: as it likes, as long as it did not get through. */
enum attack_end {
	ATTACK_ENDS_ANY, ATTACK_ENDS_EXIT, ATTACK_ENDS_TIMEOUT, ATTACK_ENDS_VIOLATION,
	ATTACK_ENDS_OUTPUT, ATTACK_ENDS_CPU, ATTACK_ENDS_MEMORY, ATTACK_ENDS_DISK,
	ATTACK_ENDS_PROCESSES, ATTACK_ENDS_OUTPUT_LIMIT,
};

struct attack {
	const char *name;
	const char *runtime;		/* shell, python or javascript */
	const char *mechanism;		/* what stops it */
	const char *description;
	enum sandbox_level level;	/* the lowest at which it must be stopped */
	enum attack_end end;
	uint32_t needs;			/* mechanisms (1 << id) without which it proves nothing */
	const char *code;		/* NUL-terminated */
};

extern const struct attack attack_table[];
extern const size_t attack_count;

enum attack_outcome {
	ATTACK_STOPPED,
	ATTACK_GOT_THROUGH,
	ATTACK_ENDED_OTHERWISE,		/* it did not get through, but ended not as declared */
	ATTACK_SKIPPED,			/* detail names what is missing here */
};

struct attack_report {
	enum attack_outcome outcome;
	char detail[256];
};

struct attack_ground;

/* Lays the bait (files, sockets, a shared memory segment, all of them removed at close) and opens a
 * sandbox of one slot with limits that make attacks short. base: borrowed for the call; its
 * runtimes, floor, uid_base, run_directory, require and no_cgroup are used. -1 with err set. */
int attack_ground_open(const struct sandbox_config *base, struct attack_ground **ground,
	struct err *err);
void attack_ground_close(struct attack_ground *ground);

const struct sandbox_self_test *attack_ground_self_test(const struct attack_ground *ground);

/* Runs one attack at one level. Returns 0 and a report, or -1 with err set: the sandbox is gone. */
int attack_try(struct attack_ground *ground, const struct attack *attack, enum sandbox_level level,
	struct attack_report *report, struct err *err);

const char *attack_outcome_name(enum attack_outcome outcome);

#endif
