/* chaos.c: see worker/chaos.h. Linked into test builds only.
 *
 * CHAOS_POINTS: "name:n:action", several apart by commas: at the n-th passing of the point (from 1) the
 * process kills or stops itself (kill, stop), or the thread that passes sleeps (sleep<ms>).
 * CHAOS_OFF: names of safeguards, apart by commas.
 */
#include "../../worker/chaos.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PLANS 8

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

static void act(const char *action)
{
	if (strncmp(action, "kill", 4) == 0) {
		kill(getpid(), SIGKILL);
		pause();
	} else if (strncmp(action, "stop", 4) == 0) {
		kill(getpid(), SIGSTOP);
	} else if (strncmp(action, "sleep", 5) == 0) {
		long ms = strtol(action + 5, NULL, 10);
		nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
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
		if (atomic_fetch_add(&passed[plan], 1) + 1 == wanted)
			act(action + 1);
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
