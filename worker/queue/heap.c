/* heap.c: see heap.h. Children are a list; the root's are paired, then merged from the right, when it goes. */
#include "heap.h"

static bool precedes(const struct heap_node *a, const struct heap_node *b)
{
	return a->order < b->order || (a->order == b->order && a->arrival < b->arrival);
}

/* Two roots become one; either may be NULL. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
	if (!a || !b)
		return a ? a : b;
	if (precedes(b, a)) {
		struct heap_node *swapped = a;
		a = b;
		b = swapped;
	}
	b->next = a->child;
	if (a->child)
		a->child->before = b;
	b->before = a;
	a->child = b;
	return a;
}

static struct heap_node *children_merge(struct heap_node *child)
{
	struct heap_node *pairs = NULL, *root = NULL;
	while (child) {
		struct heap_node *first = child, *second = child->next;
		child = second ? second->next : NULL;
		first->next = NULL;
		if (second)
			second->next = NULL;
		first = meld(first, second);
		first->next = pairs;
		pairs = first;
	}
	while (pairs) {
		struct heap_node *pair = pairs;
		pairs = pair->next;
		pair->next = NULL;
		root = meld(root, pair);
	}
	return root;
}

static void root_set(struct heap *heap, struct heap_node *root)
{
	heap->root = root;
	if (root)
		root->before = root;
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t order)
{
	*node = (struct heap_node){.order = order, .arrival = heap->arrivals++};
	root_set(heap, meld(heap->root, node));
	heap->count++;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	if (!heap_has(node))
		return;
	struct heap_node *orphans = children_merge(node->child);
	if (node == heap->root) {
		root_set(heap, orphans);
	} else {
		if (node->before->child == node)
			node->before->child = node->next;
		else
			node->before->next = node->next;
		if (node->next)
			node->next->before = node->before;
		root_set(heap, meld(heap->root, orphans));
	}
	heap->count--;
	*node = (struct heap_node){0};
}
