/* working_set.c: see working_set.h. What this uses itself lies in one mapping, which is no part of any set, and
 * nothing is allocated: the interpreter's memory is to look as in a fork that learns nothing. */
#include "working_set.h"

#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../shared/populate.h"

#define PAGE 4096u			/* the set is learned where pages are of this size */
#define IS_PRESENT (1ull << 63)		/* bits of a page's entry in pagemap */
#define IS_OF_FILE (1ull << 61)
#define IS_EXCLUSIVE (1ull << 56)
#define PAGES_MAX (1u << 20)
#define ENTRIES 4096
#define AREA_BYTES (1ull << 30)		/* what is reserved in larger ones would take longer to look at than it is worth */

static struct scratch {
	char maps[256 << 10];
	uint64_t entries[ENTRIES];
	size_t noted_count;
	uint64_t noted[PAGES_MAX];	/* that were copies already */
} *scratch;

struct area {
	uintptr_t start, end;
	bool writable;
};

/* A page that is there. at: for it to go on from. */
typedef void visitor(const struct area *area, uintptr_t page, uint64_t entry, size_t *at, struct working_set *set);

static bool is_copy(uint64_t entry)
{
	return (entry & (IS_EXCLUSIVE | IS_OF_FILE)) == IS_EXCLUSIVE;
}

/* proc_pid_maps(5): start-end rights ... Returns the next line, or NULL at the end. */
static const char *area_parse(const char *line, struct area *area, bool *wanted)
{
	char *end;
	area->start = strtoull(line, &end, 16);
	area->end = *end == '-' ? strtoull(end + 1, &end, 16) : 0;
	if (*end != ' ' || strlen(end) < 6)
		return NULL;
	area->writable = end[2] == 'w';
	*wanted = end[1] == 'r' && end[4] == 'p' && area->end - area->start <= AREA_BYTES &&
		(area->end <= (uintptr_t)scratch || area->start >= (uintptr_t)(scratch + 1));
	const char *next = strchr(end, '\n');
	return next ? next + 1 : NULL;
}

static int file_read(const char *path, char *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = fd < 0 ? -1 : 1;
	while (got > 0 && used < size - 1) {
		got = read(fd, data + used, size - 1 - used);
		used += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	data[used] = '\0';
	return got == 0 ? 0 : -1;		/* all of it, or it is of no use */
}

/* As far as it can be read: the kernel's own areas can't. */
static void area_visit(const struct area *area, int pagemap, visitor *visit, size_t *at, struct working_set *set)
{
	for (uintptr_t start = area->start; start < area->end; start += ENTRIES * PAGE) {
		size_t count = (area->end - start) / PAGE < ENTRIES ? (area->end - start) / PAGE : ENTRIES;
		size_t size = count * sizeof *scratch->entries;
		if (pread(pagemap, scratch->entries, size, (off_t)(start / PAGE * sizeof *scratch->entries)) !=
				(ssize_t)size)
			return;
		for (size_t i = 0; i < count; i++)
			if (scratch->entries[i] & IS_PRESENT)
				visit(area, start / PAGE + i, scratch->entries[i], at, set);
	}
}

static int pages_visit(visitor *visit, struct working_set *set)
{
	size_t at = 0;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int result = pagemap < 0 ? -1 : file_read("/proc/self/maps", scratch->maps, sizeof scratch->maps);
	const char *line = scratch->maps;
	while (result == 0 && line && *line) {
		struct area area;
		bool wanted = false;
		line = area_parse(line, &area, &wanted);
		if (wanted)
			area_visit(&area, pagemap, visit, &at, set);
	}
	if (pagemap >= 0)
		close(pagemap);
	return result;
}

static void page_note(const struct area *area, uintptr_t page, uint64_t entry, size_t *at, struct working_set *set)
{
	(void)area;
	(void)set;
	if (is_copy(entry) && *at < PAGES_MAX)
		scratch->noted[(*at)++] = page;
	scratch->noted_count = *at;
}

static void range_add(struct working_set *set, uintptr_t page, bool written)
{
	struct working_range *last = set->count > 0 ? &set->ranges[set->count - 1] : NULL;
	if (last && last->written == written && last->start + (uintptr_t)last->pages * PAGE == page * PAGE)
		last->pages++;
	else if (set->count < WORKING_SET_RANGES)
		set->ranges[set->count++] = (struct working_range){page * PAGE, 1, written};
}

/* Both walks go up, so what was noted of a page is at hand. A fork has no page of a file at first. */
static void page_compare(const struct area *area, uintptr_t page, uint64_t entry, size_t *at,
	struct working_set *set)
{
	if (entry & IS_OF_FILE)
		range_add(set, page, false);
	if (!area->writable || !is_copy(entry))
		return;
	while (*at < scratch->noted_count && scratch->noted[*at] < page)
		++*at;
	if (*at == scratch->noted_count || scratch->noted[*at] != page)
		range_add(set, page, true);
}

int working_set_begin(void)
{
	if (sysconf(_SC_PAGESIZE) != PAGE)
		return -1;
	void *memory = mmap(NULL, sizeof *scratch, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -1;
	scratch = memory;
	if (pages_visit(page_note, NULL) == 0 && scratch->noted_count < PAGES_MAX)
		return 0;
	munmap(scratch, sizeof *scratch);
	scratch = NULL;
	return -1;
}

void working_set_end(struct working_set *set)
{
	set->count = 0;
	if (scratch && pages_visit(page_compare, set) < 0)
		set->count = 0;
}

uint32_t working_set_pages(const struct working_set *set)
{
	uint32_t pages = 0;
	for (size_t i = 0; i < set->count; i++)
		pages += set->ranges[i].pages;
	return pages;
}

void working_set_populate(const struct working_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct working_range *range = &set->ranges[i];
		populate(range->start, (size_t)range->pages * PAGE, range->written);
	}
}
