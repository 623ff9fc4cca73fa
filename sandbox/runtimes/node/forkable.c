/* forkable.c: preloaded into the Node that becomes a zygote, so that its forks can go on.
 *
 * V8 keeps its pages from forks by MADV_DONTFORK: not here.
 *
 * libuv renews its own descriptors in a fork, but a job's process closes all of them later, when it locks
 * itself down. So handlers for the child alone, which is how libuv does it, wait for forkable_child().
 */
#include <dlfcn.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT_MAX 16

typedef void (*handler)(void);

int __register_atfork(handler prepare, handler parent, handler child, void *library);
void forkable_child(void);

static handler kept[KEPT_MAX];
static size_t kept_count;

int madvise(void *address, size_t length, int advice)
{
	return advice == MADV_DONTFORK ? 0 : (int)syscall(SYS_madvise, address, length, advice);
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

void forkable_child(void)
{
	for (size_t i = 0; i < kept_count; i++)
		kept[i]();
}
