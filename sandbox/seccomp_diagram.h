/* seccomp_diagram.h: what a filter's program decides, as a binary decision diagram.
 *
 * A diagram's nodes ask one bit of struct seccomp_data each, in one order on every path: arch, nr, then the
 * rest; of a word, the highest bit first. No two nodes are alike and none asks for nothing, so two programs
 * give every call the same verdict exactly if their nodes are the same one.
 * R. E. Bryant, Graph-Based Algorithms for Boolean Function Manipulation, 1986.
 */
#ifndef CODESANDBOX_SECCOMP_DIAGRAM_H
#define CODESANDBOX_SECCOMP_DIAGRAM_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIAGRAM_NONE UINT32_MAX		/* no node */
#define DIAGRAM_WORDS 16		/* of struct seccomp_data */
#define DIAGRAM_NODES (1u << 17)	/* the most that there are */

struct diagram;

/* Returns NULL where there is no memory. */
struct diagram *diagram_new(void);
void diagram_free(struct diagram *diagram);

/* Returns the node that stands for a program, or DIAGRAM_NONE: it has an instruction that the diagram does
 * not know, reads or jumps where it must not, or takes more nodes or time than there are. */
uint32_t diagram_read(struct diagram *diagram, const struct sock_filter *filter, size_t count);

/* A node is a verdict, that is, a filter's return value, or asks a bit of a word (of offset 4 * word). */
bool diagram_is_verdict(const struct diagram *diagram, uint32_t node);
uint32_t diagram_verdict(const struct diagram *diagram, uint32_t node);
unsigned diagram_word(const struct diagram *diagram, uint32_t node);
unsigned diagram_bit(const struct diagram *diagram, uint32_t node);
uint32_t diagram_next(const struct diagram *diagram, uint32_t node, bool is_set);

#endif
