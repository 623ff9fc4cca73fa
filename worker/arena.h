/* arena.h: memory that is freed all at once, with a bound.
 *
 * A request, its result and its error event each live in one arena: decoders allocate as they go and
 * never free piecemeal, and hostile input can't take more than the bound.
 */
#ifndef CODEWORKER_ARENA_H
#define CODEWORKER_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* limit_bytes: the most that may be handed out. NULL when there is no memory. */
struct arena *arena_new(size_t limit_bytes);
void arena_free(struct arena *arena);		/* NULL allowed */

/* Zeroed, aligned for anything. NULL when the bound or memory is reached. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy of length bytes. NULL as above. */
char *arena_copy(struct arena *arena, const char *data, size_t length);
char *arena_string(struct arena *arena, const char *string);	/* NULL stays NULL */
char *arena_format(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

size_t arena_used(const struct arena *arena);
size_t arena_size(const struct arena *arena);	/* of memory that it takes */

/* Whether an allocation was refused by the bound: the input asks too much, as opposed to a
 * machine without memory. */
bool arena_full(const struct arena *arena);

/* For tests: as if memory ran out after so many more allocations. Negative: never. */
void arena_fail_after(struct arena *arena, long allocations);

#endif
