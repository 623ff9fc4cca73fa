/* huge_text.c: see huge_text.h. */
#include "huge_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES ((uintptr_t)2 << 20)
#define RANGES_MAX 8

/* Mappings of the executable that nobody may write to, side by side. */
struct range {
	uintptr_t begin, end;
	uintptr_t code_begin, code_end;	/* where in it there is code */
};

static void range_grow(struct range *range, uintptr_t begin, uintptr_t end, bool is_code)
{
	range->end = end;
	if (!is_code)
		return;
	if (!range->code_end)
		range->code_begin = begin;
	range->code_end = end;
}

/* proc_pid_maps(5). The executable is what is mapped first, at the lowest addresses. Returns how many. */
static size_t ranges_find(struct range ranges[RANGES_MAX])
{
	char line[4400], name[4096], executable[4096] = "";
	size_t count = 0;
	FILE *maps = fopen("/proc/self/maps", "re");
	while (maps && fgets(line, sizeof line, maps)) {
		unsigned long begin, end;
		char rights[5];
		if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %4095s", &begin, &end, rights, name) != 4)
			continue;
		if (!executable[0])
			strcpy(executable, name);
		if (strcmp(name, executable) != 0 || rights[0] != 'r' || rights[1] != '-')
			continue;
		if (count == 0 || ranges[count - 1].end != begin) {
			if (count == RANGES_MAX)
				break;
			ranges[count++] = (struct range){.begin = begin, .end = begin};
		}
		range_grow(&ranges[count - 1], begin, end, rights[2] == 'x');
	}
	if (maps)
		fclose(maps);
	return count;
}

/* Whether the kernel gave a huge page: one of small ones would be worse than the file's. */
static bool is_huge(uintptr_t at)
{
	char line[4400];
	bool here = false, huge = false;
	unsigned long begin, end, kib;
	FILE *maps = fopen("/proc/self/smaps", "re");
	while (maps && !huge && fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			here = begin <= at && at < end;
		else if (here && sscanf(line, "AnonHugePages: %lu", &kib) == 1)
			huge = kib > 0;
	}
	if (maps)
		fclose(maps);
	return huge;
}

/* Whether nothing was mapped in the rest of the huge page: now we have it. */
static bool rest_take(uintptr_t end, size_t size)
{
	if (size == 0)
		return true;
	void *rest = mmap((void *)end, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (rest != MAP_FAILED && rest != (void *)end)	/* a kernel that does not know the flag */
		munmap(rest, size);
	return rest == (void *)end;
}

/* size: of what is to be moved, up to a huge page. Returns whether it worked. */
static bool move(uintptr_t at, size_t size, bool check)
{
	void *space = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (space == MAP_FAILED)
		return false;
	uintptr_t copy = ((uintptr_t)space + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	bool moved = madvise((void *)copy, HUGE_BYTES, MADV_HUGEPAGE) == 0;
	if (moved) {
		memcpy((void *)copy, (const void *)at, size);
		moved = (!check || is_huge(copy)) &&
			mprotect((void *)copy, HUGE_BYTES, PROT_READ | PROT_EXEC) == 0 &&
			mremap((void *)copy, HUGE_BYTES, HUGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED,
				(void *)at) != MAP_FAILED;
	}
	munmap(space, 2 * HUGE_BYTES);	/* with a hole where the copy was */
	return moved;
}

void huge_text_make(void)
{
	struct range ranges[RANGES_MAX];
	size_t count = ranges_find(ranges);
	bool first = true;
	for (size_t i = 0; i < count; i++) {
		const struct range *range = &ranges[i];
		uintptr_t at = (range->begin + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
		for (; at < range->end; at += HUGE_BYTES) {
			const size_t left = range->end - at, size = left < HUGE_BYTES ? left : HUGE_BYTES;
			if (at + HUGE_BYTES <= range->code_begin || at >= range->code_end ||
					!rest_take(at + size, HUGE_BYTES - size))
				continue;
			if (!move(at, size, first))
				return;
			first = false;
		}
	}
}
