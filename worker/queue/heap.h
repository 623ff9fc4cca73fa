/* heap.h: the least of many, in what its members bring along.
 *
 * A pairing heap (Fredman, Sedgewick, Sleator, Tarjan: The pairing heap, 1986): adding takes constant time,
 * removing O(log n) amortised, and neither ever takes memory, so neither can fail. Equals come in the order in
 * which they were added. A zeroed heap is empty, a zeroed node in no heap.
 */
#ifndef CODEWORKER_HEAP_H
#define CODEWORKER_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {			/* embedded in what is ordered */
	struct heap_node *child, *next;
	struct heap_node *before;	/* parent of a first child, else the one before; itself: the root */
	int64_t order;
	uint64_t arrival;
};

struct heap {
	struct heap_node *root;
	uint64_t arrivals;
	size_t count;
};

/* node: in no heap. */
void heap_add(struct heap *heap, struct heap_node *node, int64_t order);
/* Nothing happens to a node that is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
static inline bool heap_has(const struct heap_node *node)
{
	return node->before != NULL;
}

/* The structure that the least node is a member of; NULL: the heap is empty. */
#define heap_first(heap, type, member)                                                           \
	((heap)->root ? (type *)(void *)((char *)(heap)->root - offsetof(type, member)) : NULL)

#endif
