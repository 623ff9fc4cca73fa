/* chaos.c: see worker/chaos.h. Linked into test builds only.
 *
 * CHAOS_POINTS: "name:n:action", several apart by commas: at the n-th passing of the point (from 1) the
 * process kills or stops itself (kill, stop), or the thread that passes sleeps (sleep<ms>) or waits until
 * there is a file CHAOS_RELEASE (hold). Before and after, the log is told:
 * "chaos: <name> reached <monotonic seconds>" and "chaos: <name> left <monotonic seconds>".
 * CHAOS_OFF: names of safeguards, apart by commas.
 */
#include "../../worker/chaos.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PLANS 8
#define POLL_MS 10

static atomic_int passed[PLANS];	/* by the plan's place in the list */

/* The next item of a list apart by commas; NULL at its end. */
static const char *item_next(const char **list, size_t *size)
{
	const char *item = *list;
	if (!item || !*item)
		return NULL;
	*size = strcspn(item, ",");
	*list = item + *size + (item[*size] == ',');
	return item;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* The harness reads it: without it no trial could tell that what it is about has happened. */
static void tell(const char *name, const char *what)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (dprintf(STDERR_FILENO, "chaos: %s %s %lld.%03ld\n", name, what, (long long)now.tv_sec,
			now.tv_nsec / 1000000) < 0)
		abort();
}

static void act(const char *action)
{
	if (strncmp(action, "kill", 4) == 0) {
		kill(getpid(), SIGKILL);
		pause();
	} else if (strncmp(action, "stop", 4) == 0) {
		raise(SIGSTOP);	/* one sent to the process would let this thread run on for a while */
	} else if (strncmp(action, "sleep", 5) == 0) {
		pause_ms(strtol(action + 5, NULL, 10));
	} else if (strncmp(action, "hold", 4) == 0 && getenv("CHAOS_RELEASE")) {
		while (access(getenv("CHAOS_RELEASE"), F_OK) != 0)
			pause_ms(POLL_MS);
	} else {
		abort();
	}
}

void chaos_point(const char *name)
{
	const char *list = getenv("CHAOS_POINTS"), *item;
	size_t size, length = strlen(name);
	for (int plan = 0; plan < PLANS && (item = item_next(&list, &size)); plan++) {
		if (strncmp(item, name, length) != 0 || item[length] != ':')
			continue;
		char *action;
		long wanted = strtol(item + length + 1, &action, 10);
		if (atomic_fetch_add(&passed[plan], 1) + 1 != wanted)
			continue;
		tell(name, "reached");
		act(action + 1);
		tell(name, "left");
	}
}

bool chaos_off(const char *safeguard)
{
	const char *list = getenv("CHAOS_OFF"), *item;
	size_t size;
	while ((item = item_next(&list, &size)))
		if (strlen(safeguard) == size && strncmp(item, safeguard, size) == 0)
			return true;
	return false;
}
