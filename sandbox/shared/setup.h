/* setup.h: what the library tells the launcher once, at its start, through a sealed memfd.
 *
 * It comes from the caller before anything untrusted was read, so it is trusted; it is fixed from
 * then on. The launcher keeps the memfd mapped: strings and filters point into it.
 */
#ifndef CODESANDBOX_SETUP_H
#define CODESANDBOX_SETUP_H

#include <linux/filter.h>

#include "../sandbox.h"
#include "blob.h"

#define SETUP_MAX_RUNTIMES 64
#define SETUP_MAX_ARGS 64
#define SETUP_MAX_PATHS 64

/* The launcher's descriptors at its start. */
enum launcher_fd { LAUNCHER_SOCKET_FD = 3, LAUNCHER_SETUP_FD = 4 };

struct setup_filter {
	const struct sock_filter *code;
	size_t count;			/* 0: no filter at this level */
};

struct setup_runtime {
	const char *name;
	enum sandbox_runtime_kind kind;
	const char *argv[SETUP_MAX_ARGS + 1];
	const char *extension;
	const char *preload;
};

struct setup {
	unsigned slots;
	unsigned pool;			/* ready sandboxes kept waiting */
	enum sandbox_level floor;
	uint32_t require;
	uint32_t uid_base;
	bool no_cgroup, no_warm;
	uint64_t zygote_jobs;		/* forks after which a zygote is replaced */
	struct sandbox_limits limits;
	const char *run_directory;
	size_t runtime_count;
	struct setup_runtime runtimes[SETUP_MAX_RUNTIMES];
	const char *read_only_paths[SETUP_MAX_PATHS + 1];
	/* [level][1]: for where memory is held by rlimits, without a cgroup */
	struct setup_filter filters[SANDBOX_LEVELS][2];
	const char *drop;		/* test builds: the one mechanism to leave out, or NULL */
};

/* In a build for mutation tests (-DSANDBOX_TEST_DROP) true for the mechanism to leave out. */
#ifdef SANDBOX_TEST_DROP
#define DROPPED(setup, mechanism) \
	((setup)->drop && __builtin_strcmp((setup)->drop, mechanism) == 0)
/* the same for the library's own part, which has the name from the environment */
#define DROPPED_HERE(mechanism) (getenv("CODESANDBOX_DROP") && \
	__builtin_strcmp(getenv("CODESANDBOX_DROP"), mechanism) == 0)
#else
#define DROPPED_HERE(mechanism) 0
#define DROPPED(setup, mechanism) ((void)(setup), (void)(mechanism), 0)
#endif

void setup_write(const struct setup *setup, struct blob_writer *writer);

/* Returns 0, or -1 when the data are not what setup_write makes. */
int setup_read(struct setup *setup, struct blob_reader *reader);

#endif
