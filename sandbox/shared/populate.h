/* populate.h: has pages of memory mapped, or copied where they are shared, before they are touched: MADV_POPULATE_*
 * (madvise(2), Linux 5.14; with an older one nothing is gained and nothing lost). Contents never change by that.
 */
#ifndef CODESANDBOX_POPULATE_H
#define CODESANDBOX_POPULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ		/* headers may be older */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define POPULATE_PAGE ((uintptr_t)4096)	/* or a part of one: then the call comes to nothing */

/* Every page that holds any of size bytes from at on. */
static inline void populate(uintptr_t at, size_t size, bool to_write)
{
	uintptr_t start = at & ~(POPULATE_PAGE - 1);
	(void)madvise((void *)start, at + size - start, to_write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}

#endif
