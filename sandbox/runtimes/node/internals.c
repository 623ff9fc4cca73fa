/* internals.c: see internals.h. The names are those of the Itanium C++ ABI, which GCC and Clang share, and
 * std::function and std::vector are libstdc++'s. */
#include "internals.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../../zygote/zygote.h"

#define OPTION "--single-threaded"	/* the first */
#define ORIGINS_MAX 32
#define STARTED_AGO_US 600e6		/* at most */
#define MILESTONES 6			/* behind the origin: when Node, V8, the loop were up */

static struct {
	void (*idle)(void);
	void *isolate, *environment;
	bool (*flush)(void *platform, void *isolate);
	void *generator;
	void (*seed)(void *generator, int64_t seed);
	int (*entropy)(void);
	uint64_t *started_ns;		/* process.uptime() */
	void *origins[ORIGINS_MAX];	/* 8 bytes each, with one of the next five's values: */
	size_t origin_count;
	uint64_t origin_ns, origin_ns_double, origin_us_double, started_ns_double, origin_ms_double;
	bool in_script;			/* the last of them is a number of JavaScript's, too */
} node;

static uint64_t bits(double number)
{
	uint64_t value;
	memcpy(&value, &number, sizeof value);
	return value;
}

static double number(uint64_t value)
{
	double result;
	memcpy(&result, &value, sizeof result);
	return result;
}

/* ---- the platform */

static void drain(void *platform, void *isolate)
{
	while (node.flush(platform, isolate))
		;
	if (isolate == node.isolate)
		node.idle();
}

/* The caller still owns the task. */
static void drop(void)
{
}

static int entry_replace(void **table, size_t size, const void *from, void *to)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	for (size_t i = 0; from && i < size / sizeof *table; i++) {
		if (table[i] != from)
			continue;
		void *start = (void *)((uintptr_t)&table[i] & ~(page - 1));
		if (mprotect(start, page, PROT_READ | PROT_WRITE) < 0)
			return -1;
		table[i] = to;
		return mprotect(start, page, PROT_READ);
	}
	return -1;
}

static void *either(const char *first, const char *second)
{
	void *found = dlsym(RTLD_DEFAULT, first);
	return found ? found : dlsym(RTLD_DEFAULT, second);
}

static int platform_change(void)
{
	void *table = dlsym(RTLD_DEFAULT, "_ZTVN4node12NodePlatformE");
	void *delayed = either("_ZN4node12NodePlatform25CallDelayedOnWorkerThread"
		"ESt10unique_ptrIN2v84TaskESt14default_deleteIS3_EEd",
		"_ZN4node12NodePlatform33PostDelayedTaskOnWorkerThreadImpl"
		"EN2v812TaskPriorityESt10unique_ptrINS1_4TaskESt14default_deleteIS4_EEd"
		"RKNS1_14SourceLocationE");
	Dl_info info;
	ElfW(Sym) *symbol;
	*(void **)&node.flush = dlsym(RTLD_DEFAULT,
		"_ZN4node12NodePlatform20FlushForegroundTasksEPN2v87IsolateE");
	if (!node.flush || !table || !dladdr1(table, &info, (void **)&symbol, RTLD_DL_SYMENT))
		return -1;
	if (entry_replace(table, symbol->st_size, dlsym(RTLD_DEFAULT,
			"_ZN4node12NodePlatform10DrainTasksEPN2v87IsolateE"), (void *)drain) < 0)
		return -1;
	return entry_replace(table, symbol->st_size, delayed, (void *)drop);
}

/* ---- the end of the process */

/* A std::function<void(Environment *, int)> that holds nothing. */
struct function {
	void *storage[2];
	bool (*manage)(void *to, const void *from, int operation);
	void (*invoke)(const void *storage, void **environment, int *code);
};

static bool function_manage(void *to, const void *from, int operation)
{
	(void)to;
	(void)from;
	(void)operation;
	return false;
}

_Noreturn void internals_leave(int code)
{
	fflush(NULL);
	zygote_job_leave(code);
}

static void function_invoke(const void *storage, void **environment, int *code)
{
	(void)storage;
	(void)environment;
	internals_leave(*code);
}

static int exit_change(void)
{
	static struct function leave = {.manage = function_manage, .invoke = function_invoke};
	void *(*context_get)(void *), *(*environment_get)(void *);
	void (*handler_set)(void *, struct function *);
	*(void **)&context_get = dlsym(RTLD_DEFAULT, "_ZN2v87Isolate17GetCurrentContextEv");
	*(void **)&environment_get = dlsym(RTLD_DEFAULT,
		"_ZN4node21GetCurrentEnvironmentEN2v85LocalINS0_7ContextEEE");
	*(void **)&handler_set = dlsym(RTLD_DEFAULT, "_ZN4node21SetProcessExitHandler"
		"EPNS_11EnvironmentEOSt8functionIFvS1_iEE");
	if (!context_get || !environment_get || !handler_set)
		return -1;
	node.environment = environment_get(context_get(node.isolate));
	if (node.environment)
		handler_set(node.environment, &leave);
	return node.environment ? 0 : -1;
}

/* ---- the clock's origin */

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool heap_find(uintptr_t *start, uintptr_t *end)
{
	char line[512];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "re");
	while (maps && !found && fgets(line, sizeof line, maps))
		found = strstr(line, "[heap]") && sscanf(line, "%lx-%lx", start, end) == 2;
	if (maps)
		fclose(maps);
	return found;
}

static bool is_in_heap(const void *place)
{
	uintptr_t start, end;
	return heap_find(&start, &end) && (uintptr_t)place >= start && (uintptr_t)place < end;
}

static bool origin_note(uint64_t *place)
{
	if (*place != node.origin_ns && *place != node.origin_ns_double &&
			*place != node.origin_us_double && *place != node.started_ns_double &&
			*place != node.origin_ms_double)
		return true;
	if (node.origin_count == ORIGINS_MAX)
		return false;
	node.origins[node.origin_count++] = place;
	return true;
}

/* Node 18 has it beside the other and by no name: the only number there that is a time of today. */
static double *timestamp_find(double *beside)
{
	enum { WORDS = 32 };
	struct timeval today;
	gettimeofday(&today, NULL);
	double now_us = (double)today.tv_sec * 1e6 + (double)today.tv_usec;
	for (double *place = beside - WORDS; beside && place < beside + WORDS; place++)
		if (*place > now_us - STARTED_AGO_US && *place <= now_us)
			return place;
	return NULL;
}

static int clock_find(void)
{
	uintptr_t start, end;
	uint64_t *origin_ns = either("_ZN4node11performance25performance_process_startE",
		"_ZN4node11performance10timeOriginE");
	double *origin_us = dlsym(RTLD_DEFAULT,
		"_ZN4node11performance35performance_process_start_timestampE");
	node.in_script = !origin_us;
	if (!origin_us)
		origin_us = timestamp_find((double *)origin_ns);
	node.started_ns = dlsym(RTLD_DEFAULT, "_ZN4node11per_process15node_start_timeE");
	if (!origin_ns || !origin_us || !node.started_ns || !heap_find(&start, &end))
		return -1;
	node.origin_ns = *origin_ns;
	node.origin_ns_double = bits((double)*origin_ns);
	node.origin_us_double = bits(*origin_us);
	node.origin_ms_double = bits((double)*origin_ns / 1e6);
	node.started_ns_double = bits((double)*node.started_ns);
	(void)origin_note(origin_ns);	/* workers begin with these */
	(void)origin_note((uint64_t *)origin_us);
	for (uint64_t *place = (uint64_t *)start; place < (uint64_t *)end; place++)
		if (!origin_note(place))
			return -1;
	return 0;
}

/* Where V8 keeps objects: pages of its own, one or more. */
static bool is_script_heap(const char *line, uintptr_t *start, uintptr_t *end)
{
	char rights[5];
	unsigned long inode;
	return sscanf(line, "%lx-%lx %4s %*s %*s %lu", start, end, rights, &inode) == 4 && inode == 0 &&
		strcmp(rights, "rw-p") == 0 && *start % V8_PAGE_BYTES == 0;
}

const char *internals_settle(void)
{
	char line[512];
	uintptr_t start, end;
	size_t before = node.origin_count;
	FILE *maps = node.in_script ? fopen("/proc/self/maps", "re") : NULL;
	bool noted = true;
	while (maps && fgets(line, sizeof line, maps))
		if (is_script_heap(line, &start, &end))
			for (uint64_t *place = (uint64_t *)start; place < (uint64_t *)end; place++)
				if (*place == node.origin_ms_double)
					noted &= origin_note(place);
	if (maps)
		fclose(maps);
	bool found = node.origin_count > before;
	return noted && found == node.in_script ? NULL : "its clock's origin in JavaScript";
}

/* An array of doubles holds the origin, and then the milestones; Node 18's begins with one of these and when
 * Node was started. */
static void milestones_renew(uint64_t *place, double now)
{
	for (int i = *place == node.started_ns_double ? -1 : 1; i <= MILESTONES; i++) {
		double at = number(place[i]);
		if (at >= number(node.origin_ns_double) && at <= now)
			place[i] = bits(now);
	}
}

void internals_renew_clock(void)
{
	struct timeval today;
	uint64_t ns = now_ns();
	gettimeofday(&today, NULL);
	uint64_t us = bits((double)today.tv_sec * 1e6 + (double)today.tv_usec);
	for (size_t i = 0; i < node.origin_count; i++) {
		uint64_t *place = node.origins[i];
		if (*place == node.origin_ns_double || *place == node.started_ns_double)
			milestones_renew(place, (double)ns);
		*place = *place == node.origin_ns ? ns : *place == node.origin_us_double ? us :
			*place == node.origin_ns_double ? bits((double)ns) :
			*place == node.origin_ms_double ? bits((double)ns / 1e6) : *place;
	}
	*node.started_ns = ns;
}

/* ---- arguments */

/* The environment holds a std::vector<std::string> of what stands before the script: workers show it, too. */
static void arguments_hide(void)
{
	enum { STRING_BYTES = 32, OPTIONS_MAX = 8 };
	uintptr_t start, end;
	if (!heap_find(&start, &end))
		return;
	uintptr_t *words = node.environment;
	size_t count = malloc_usable_size(node.environment) / sizeof *words;
	for (size_t i = 0; i + 2 < count; i++) {
		uintptr_t first = words[i], size = words[i + 1] - first;
		if (first < start || words[i + 1] >= end || size == 0 || size % STRING_BYTES != 0 ||
				size > OPTIONS_MAX * STRING_BYTES || words[i + 2] < words[i + 1])
			continue;
		uintptr_t text = *(uintptr_t *)first;
		if (text >= start && text < end - 64 && strcmp((char *)text, OPTION) == 0)
			words[i + 1] = first;
	}
}

/* ---- randomness */

/* MurmurHash3, as V8 makes a generator's state from its seed, */
static uint64_t mixed(uint64_t value)
{
	value ^= value >> 33;
	value *= 0xff51afd7ed558ccd;
	value ^= value >> 33;
	value *= 0xc4ceb9fe1a85ec53;
	return value ^ value >> 33;
}

/* and xorshift128+ goes on: so one that has not been asked often can be told from anything else. */
static bool is_generator(const uint64_t words[3])
{
	uint64_t state[2] = {mixed(words[0])};
	state[1] = mixed(~state[0]);
	for (int i = 0; i < 4096; i++) {
		if (state[0] == words[1] && state[1] == words[2])
			return true;
		uint64_t first = state[0];
		state[0] = state[1];
		first ^= first << 23;
		first ^= first >> 17;
		state[1] = first ^ state[0] ^ state[0] >> 26;
	}
	return false;
}

/* Not every Node exports the isolate's getter. */
static void *generator_find(void)
{
	enum { GENERATOR_BYTES = 24 };
	uintptr_t start, end, *words = node.isolate;
	void *(*get)(void *);
	*(void **)&get = dlsym(RTLD_DEFAULT, "_ZN2v88internal7Isolate23random_number_generatorEv");
	if (get)
		return get(node.isolate);
	if (!heap_find(&start, &end))
		return NULL;
	size_t count = malloc_usable_size(node.isolate) / sizeof *words;
	for (size_t i = 0; i < count; i++)
		if (words[i] >= start && words[i] <= end - GENERATOR_BYTES && words[i] % 16 == 0 &&
				is_generator((uint64_t *)words[i]))
			return (void *)words[i];
	return NULL;
}

static int random_find(void)
{
	node.generator = generator_find();
	*(void **)&node.seed = dlsym(RTLD_DEFAULT, "_ZN2v84base21RandomNumberGenerator7SetSeedEl");
	*(void **)&node.entropy = dlsym(RTLD_DEFAULT, "RAND_poll");
	return node.generator && node.seed && node.entropy ? 0 : -1;
}

/* OpenSSL looks at the process id alone, which is the same in each sandbox. */
void internals_renew_random(void)
{
	int64_t seed;
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed || node.entropy() != 1)
		abort();
	node.seed(node.generator, seed);
}


/* ---- the door */

const char *internals_open(void (*idle)(void))
{
	void *(*isolate_get)(void);
	*(void **)&isolate_get = dlsym(RTLD_DEFAULT, "_ZN2v87Isolate10GetCurrentEv");
	node.idle = idle;
	node.isolate = isolate_get ? isolate_get() : NULL;
	if (!node.isolate)
		return "its isolate";
	if (random_find() < 0)
		return "its random generators";
	if (clock_find() < 0)
		return "its clock's origin";
	if (exit_change() < 0)
		return "its way to end";
	if (platform_change() < 0)
		return "its platform";
	if (!is_in_heap(node.environment))
		return "its memory";
	arguments_hide();
	return NULL;
}
