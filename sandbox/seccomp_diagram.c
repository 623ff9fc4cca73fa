/* seccomp_diagram.c: see seccomp_diagram.h.
 *
 * A program is read from its end, so to speak: what a jump decides is one of two nodes, chosen by a third that
 * stands for its comparison. The accumulator only ever holds a word under a mask; what else a program may
 * do is not understood. A program whose diagram grows without bounds costs no more than the limits below.
 */
#include "seccomp_diagram.h"

#include <linux/seccomp.h>
#include <stdlib.h>

#define SLOTS (2 * DIAGRAM_NODES)	/* of the hash table */
#define EFFORT_MAX 1000000
#define VERDICT_LEVEL (DIAGRAM_WORDS * 32)

_Static_assert(sizeof(struct seccomp_data) == DIAGRAM_WORDS * 4, "words of seccomp_data");

struct node {
	uint32_t level;		/* words in their order, then bits from the highest */
	uint32_t next[2];	/* a verdict's first is its value */
};

struct diagram {
	struct node *nodes;
	uint32_t *slots;	/* a node's number + 1, or 0 */
	uint32_t count, effort;
	bool failed;
};

/* The accumulator: a word of the data, and what of it is left. */
struct source {
	unsigned word;		/* DIAGRAM_WORDS: none was loaded */
	uint32_t mask;
};

struct known {
	bool is_known;
	struct source source;
	uint32_t node;
};

struct reading {
	struct diagram *diagram;
	const struct sock_filter *filter;
	size_t count;
	struct known *known;	/* of each instruction */
};

/* The architecture comes before the number: numbers mean nothing without it. */
static unsigned word_rank(unsigned word)
{
	return word < 2 ? !word : word;
}

static uint32_t node_make(struct diagram *diagram, uint32_t level, uint32_t zero, uint32_t one)
{
	if (level != VERDICT_LEVEL && zero == one)
		return zero;
	uint64_t hash = (level * 0x9e3779b97f4a7c15u ^ zero) * 0x9e3779b97f4a7c15u ^ one;
	uint32_t slot = (uint32_t)((hash * 0x9e3779b97f4a7c15u) >> 32) % SLOTS;
	for (; diagram->slots[slot]; slot = (slot + 1) % SLOTS) {
		const struct node *node = &diagram->nodes[diagram->slots[slot] - 1];
		if (node->level == level && node->next[0] == zero && node->next[1] == one)
			return diagram->slots[slot] - 1;
	}
	if (diagram->count == DIAGRAM_NODES) {
		diagram->failed = true;
		return 0;
	}
	diagram->nodes[diagram->count] = (struct node){level, {zero, one}};
	return (diagram->slots[slot] = ++diagram->count) - 1;
}

static uint32_t verdict_make(struct diagram *diagram, uint32_t value)
{
	return node_make(diagram, VERDICT_LEVEL, value, 0);
}

/* What is left of a node where the bit of a level is known. */
static uint32_t given(const struct diagram *diagram, uint32_t node, uint32_t level, bool is_set)
{
	const struct node *at = &diagram->nodes[node];
	return at->level == level && level != VERDICT_LEVEL ? at->next[is_set] : node;
}

static bool take_effort(struct diagram *diagram)
{
	if (++diagram->effort > EFFORT_MAX)
		diagram->failed = true;
	return !diagram->failed;
}

/* The node that is yes where the condition's verdict is 1, no where it is 0. */
static uint32_t choose(struct diagram *diagram, uint32_t condition, uint32_t yes, uint32_t no)
{
	if (diagram->nodes[condition].level == VERDICT_LEVEL)
		return diagram->nodes[condition].next[0] ? yes : no;
	if (yes == no)
		return yes;
	if (!take_effort(diagram))
		return 0;
	const uint32_t of[] = {condition, yes, no};
	uint32_t level = VERDICT_LEVEL, next[2];
	for (int i = 0; i < 3; i++)
		if (diagram->nodes[of[i]].level < level)
			level = diagram->nodes[of[i]].level;
	for (int set = 0; set < 2; set++)
		next[set] = choose(diagram, given(diagram, condition, level, set),
			given(diagram, yes, level, set), given(diagram, no, level, set));
	return node_make(diagram, level, next[0], next[1]);
}

/* One bit more of a comparison whose lower bits came to rest. A bit outside the mask is 0. */
static uint32_t compare_bit(struct diagram *diagram, uint16_t operation, uint32_t level, bool in_mask,
	bool wanted, uint32_t rest)
{
	uint32_t no = verdict_make(diagram, 0), yes = verdict_make(diagram, 1);
	if (operation == BPF_JSET)
		return in_mask && wanted ? node_make(diagram, level, rest, yes) : rest;
	uint32_t above = operation == BPF_JEQ ? no : yes, zero = wanted ? no : rest;
	return in_mask ? node_make(diagram, level, zero, wanted ? rest : above) : zero;
}

static uint32_t compare(struct diagram *diagram, uint16_t operation, struct source source, uint32_t value)
{
	bool equal = operation == BPF_JEQ || operation == BPF_JGE;
	uint32_t result = verdict_make(diagram, equal);
	for (unsigned bit = 0; bit < 32; bit++)
		result = compare_bit(diagram, operation, word_rank(source.word) * 32 + 31 - bit,
			source.mask >> bit & 1, value >> bit & 1, result);
	return result;
}

static uint32_t fail(struct reading *reading)
{
	reading->diagram->failed = true;
	return 0;
}

static bool source_equal(struct source a, struct source b)
{
	return a.word == b.word && a.mask == b.mask;
}

static uint32_t read_from(struct reading *reading, size_t at, struct source source);

static uint32_t read_jump(struct reading *reading, size_t at, struct source source)
{
	const struct sock_filter *jump = &reading->filter[at];
	struct known *known = &reading->known[at];
	uint16_t operation = BPF_OP(jump->code);
	bool is_known_kind = operation == BPF_JEQ || operation == BPF_JGT || operation == BPF_JGE ||
		operation == BPF_JSET;
	if (!is_known_kind || BPF_SRC(jump->code) != BPF_K || source.word == DIAGRAM_WORDS)
		return fail(reading);
	if (known->is_known && source_equal(known->source, source))
		return known->node;
	if (!take_effort(reading->diagram))
		return 0;
	uint32_t yes = read_from(reading, at + 1 + jump->jt, source);
	uint32_t no = read_from(reading, at + 1 + jump->jf, source);
	if (reading->diagram->failed)
		return 0;
	uint32_t node = choose(reading->diagram, compare(reading->diagram, operation, source, jump->k),
		yes, no);
	*known = (struct known){true, source, node};
	return node;
}

/* What the program decides that goes on at an instruction. Every jump is forward: this ends. */
static uint32_t read_from(struct reading *reading, size_t at, struct source source)
{
	for (; at < reading->count && !reading->diagram->failed; at++) {
		const struct sock_filter *instruction = &reading->filter[at];
		uint32_t k = instruction->k;
		if (instruction->code == (BPF_RET | BPF_K))
			return verdict_make(reading->diagram, k);
		if (instruction->code == (BPF_LD | BPF_W | BPF_ABS) && k % 4 == 0 &&
				k < DIAGRAM_WORDS * 4)
			source = (struct source){k / 4, ~0u};
		else if (instruction->code == (BPF_ALU | BPF_AND | BPF_K))
			source.mask &= k;
		else if (instruction->code == (BPF_JMP | BPF_JA) && k < reading->count)
			at += k;
		else if (BPF_CLASS(instruction->code) == BPF_JMP && BPF_OP(instruction->code) != BPF_JA)
			return read_jump(reading, at, source);
		else
			break;
	}
	return fail(reading);
}

uint32_t diagram_read(struct diagram *diagram, const struct sock_filter *filter, size_t count)
{
	struct reading reading = {diagram, filter, count, NULL};
	if (count == 0 || count > BPF_MAXINSNS)
		return DIAGRAM_NONE;
	reading.known = calloc(count, sizeof *reading.known);
	if (!reading.known)
		return DIAGRAM_NONE;
	diagram->failed = false;
	diagram->effort = 0;
	uint32_t node = read_from(&reading, 0, (struct source){DIAGRAM_WORDS, 0});
	free(reading.known);
	return diagram->failed ? DIAGRAM_NONE : node;
}

struct diagram *diagram_new(void)
{
	struct diagram *diagram = calloc(1, sizeof *diagram);
	if (!diagram)
		return NULL;
	diagram->nodes = malloc(DIAGRAM_NODES * sizeof *diagram->nodes);
	diagram->slots = calloc(SLOTS, sizeof *diagram->slots);
	if (diagram->nodes && diagram->slots)
		return diagram;
	diagram_free(diagram);
	return NULL;
}

void diagram_free(struct diagram *diagram)
{
	if (!diagram)
		return;
	free(diagram->nodes);
	free(diagram->slots);
	free(diagram);
}

bool diagram_is_verdict(const struct diagram *diagram, uint32_t node)
{
	return diagram->nodes[node].level == VERDICT_LEVEL;
}

uint32_t diagram_verdict(const struct diagram *diagram, uint32_t node)
{
	return diagram->nodes[node].next[0];
}

unsigned diagram_word(const struct diagram *diagram, uint32_t node)
{
	return word_rank(diagram->nodes[node].level / 32);	/* its own inverse */
}

unsigned diagram_bit(const struct diagram *diagram, uint32_t node)
{
	return 31 - diagram->nodes[node].level % 32;
}

uint32_t diagram_next(const struct diagram *diagram, uint32_t node, bool is_set)
{
	return diagram->nodes[node].next[is_set];
}
