/* forkable.c: preloaded into the Node that becomes a zygote, so that its forks can go on.
 *
 * V8 keeps its pages from forks by MADV_DONTFORK: not here. They lie together, and the heap has room to grow.
 *
 * libuv renews its own descriptors in a fork, but a job's process closes all of them later, when it locks
 * itself down. So handlers for the child alone, which is how libuv does it, wait for forkable_child().
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internals.h"

#define KEPT_MAX 16
#define V8_MAPPING_MAX (16u << 20)	/* there are larger ones for other things */
#define V8_REGION_BYTES ((uintptr_t)64 << 20)

typedef void (*handler)(void);

int __register_atfork(handler prepare, handler parent, handler child, void *library);
void forkable_child(void);

static handler kept[KEPT_MAX];
static size_t kept_count;

int madvise(void *address, size_t length, int advice)
{
	return advice == MADV_DONTFORK ? 0 : (int)syscall(SYS_madvise, address, length, advice);
}

/* V8 asks for each of its pages at an address that it draws, and each then has page tables of its own, which every
 * fork makes and takes apart: here they lie side by side. It asks for as much more as aligning a page may take, and
 * gives that back. */
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	static _Atomic uintptr_t next;
	const size_t slack = V8_PAGE_BYTES - 4096;
	if (address && (flags & MAP_ANONYMOUS) && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) &&
			length > slack && length <= V8_MAPPING_MAX) {
		uintptr_t none = 0;
		atomic_compare_exchange_strong(&next, &none, (uintptr_t)address & -V8_REGION_BYTES);
		address = (void *)atomic_fetch_add(&next, (length - slack + V8_PAGE_BYTES - 1) & -V8_PAGE_BYTES);
	}
	return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

/* What pthread_atfork() is to glibc. */
int __register_atfork(handler prepare, handler parent, handler child, void *library)
{
	int (*next)(handler, handler, handler, void *);
	*(void **)&next = dlsym(RTLD_NEXT, "__register_atfork");
	if (prepare || parent || !child || kept_count == KEPT_MAX)
		return next(prepare, parent, child, library);
	kept[kept_count++] = child;
	return 0;
}

/* Before V8 starts: it maps code wherever there is room near Node's, by chance where the heap is to grow. malloc()
 * would go on elsewhere, and what is looked for in the heap (internals.c) be there. A piece that stays behind those
 * that are given back keeps the room. */
static __attribute__((constructor)) void heap_reserve(void)
{
	enum { PIECE_BYTES = 120 << 10, PIECES = 70 };	/* each too small for a mapping of its own */
	void *volatile pieces[PIECES];	/* or the compiler does without them */
	for (int i = 0; i < PIECES; i++)
		pieces[i] = malloc(PIECE_BYTES);
	for (int i = 0; i < PIECES - 1; i++)
		free(pieces[i]);
#ifdef SANDBOX_TEST_DROP		/* the worst that V8 could do */
	(void)mmap((char *)sbrk(0) + (1 << 20), 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		-1, 0);
#endif
}

void forkable_child(void)
{
	for (size_t i = 0; i < kept_count; i++)
		kept[i]();
}
