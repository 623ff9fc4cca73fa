/* bait.h: what attacks reach for, laid outside of the sandbox, and whether it was touched.
 *
 * Files: one anyone may read (it holds what an attack prints when it gets through), one anyone
 * may write and one that only the caller may read, the latter two in a directory that every sandbox
 * shows read-only. Sockets: a TCP listener on loopback and an abstract AF_UNIX one. A SysV shared
 * memory segment. A descriptor without close-on-exec.
 */
#ifndef CODESANDBOX_ATTACK_BAIT_H
#define CODESANDBOX_ATTACK_BAIT_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "../err.h"

#define BAIT_VARIABLES 16

struct bait {
	char directory[64];		/* below /var/tmp, not shown to jobs but for shown */
	char hidden[128];		/* a file that anyone may read */
	char shown[128];		/* a directory for read_only_paths */
	char writable[160];		/* in there: a file that anyone may write */
	char secret[160];		/* in there: a file that only the caller may read */
	int tcp_fd, abstract_fd, leaked_fd, segment;
	struct timespec written;	/* the writable file's time */
	char environment[BAIT_VARIABLES][200];
	size_t variables;
};

/* -1 with err set; nothing is left then. */
int bait_lay(struct bait *bait, struct err *err);
void bait_remove(struct bait *bait);

/* Whether something reached it from inside since the last call; what says how. */
bool bait_touched(struct bait *bait, const char **what);

/* Whether a process runs on this machine with mark in its command line. */
bool bait_process_left(const char *mark);

#endif
