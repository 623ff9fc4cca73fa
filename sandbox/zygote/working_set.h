/* working_set.h: the pages of memory that jobs touch, learned once and made ready in each fork that waits.
 *
 * A fork shares its parent's pages until it writes to them, and finds those of mapped files one fault at a time.
 * Nearly all of what a short job touches is the interpreter's, at the same addresses in every fork. So a trial (zygote.c)
 * tells which pages these are, and a fork that waits for its job has them copied and mapped in few calls, when
 * nobody waits. Contents never change by that. /proc/PID/pagemap (proc(5)); MADV_POPULATE_WRITE (madvise(2), Linux
 * 5.14; with an older one nothing is gained and nothing lost).
 */
#ifndef ZYGOTE_WORKING_SET_H
#define ZYGOTE_WORKING_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKING_SET_RANGES 512

struct working_set {
	size_t count;
	struct working_range {
		uintptr_t start;
		uint32_t pages;
		bool written;			/* else only read */
	} ranges[WORKING_SET_RANGES];
};

/* In a fork: notes which pages it has for itself by now. -1: it can't be told here. */
int working_set_begin(void);

/* What it has touched since, and the pages of files that it has; as much as there is room for, none without a
 * begin. */
void working_set_end(struct working_set *set);

uint32_t working_set_pages(const struct working_set *set);

/* Touches all of it. What is not mapped in this process any more is left out. */
void working_set_populate(const struct working_set *set);

#endif
