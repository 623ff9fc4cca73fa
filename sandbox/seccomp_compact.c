/* seccomp_compact.c: see seccomp_compact.h.
 *
 * The kernel checks, translates and tries a filter anew for each process that installs it, so each
 * instruction costs each job. libseccomp asks for every system call by itself, and for an argument's ranges
 * prefix by prefix. Here the program is read into a diagram and written anew from it, one word after the
 * other: load it, mask what matters, and find its value among runs of values with the same consequence, which
 * is a verdict or the next word. What was written is read again: only the same diagram will do.
 *
 * Jumps are forward and conditional ones short, so a program is written from its end: wherever a jump leads
 * is there already, and what has got out of reach is repeated (a verdict) or passed on (by BPF_JA).
 */
#include "seccomp_compact.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "seccomp_diagram.h"

#define RUNS_MAX 1024		/* of one word; the policy's longest has some 120 */
#define REACH (UINT8_MAX - 1)	/* one more may be written between looking and jumping */
#define SINGLES_MAX 4		/* asked for one by one before a range is halved */

struct run {
	uint32_t start, node;
	bool is_single;		/* one value, for which BPF_JEQ can ask */
	bool is_kept;		/* not asked for by itself */
	uint32_t cost, before;	/* of the best choice that keeps this run, and the one kept before it */
};

/* Neighbours with one consequence, but for single values among them. */
struct segment {
	size_t first, end;	/* its runs */
	uint32_t start, node;
};

struct word {
	uint32_t mask;
	size_t run_count, segment_count;
	struct run runs[RUNS_MAX];
	struct segment segments[RUNS_MAX];
};

/* Places count instructions from the program's end; the last one's is 1, and 0 is none. */
struct writer {
	struct diagram *diagram;
	struct sock_filter *code;	/* backwards */
	size_t capacity, used;
	uint32_t *places;		/* of each node that was written, or 0 */
	bool failed;
};

/* ---- the runs of a word */

static bool asks(const struct diagram *diagram, uint32_t node, unsigned word)
{
	return !diagram_is_verdict(diagram, node) && diagram_word(diagram, node) == word;
}

/* The bits of a word that a node and those below it ask for. Each visit is to values that have a run of
 * their own, so more visits than there may be runs are in vain. */
static uint32_t bits_asked(const struct diagram *diagram, uint32_t node, unsigned word, unsigned *visits)
{
	if (!asks(diagram, node, word) || ++*visits > RUNS_MAX)
		return 0;
	return 1u << diagram_bit(diagram, node) |
		bits_asked(diagram, diagram_next(diagram, node, false), word, visits) |
		bits_asked(diagram, diagram_next(diagram, node, true), word, visits);
}

static bool run_add(struct word *word, uint32_t start, uint32_t node)
{
	if (word->run_count > 0 && word->runs[word->run_count - 1].node == node)
		return true;
	if (word->run_count == RUNS_MAX)
		return false;
	word->runs[word->run_count++] = (struct run){.start = start, .node = node};
	return true;
}

/* Those of the values that begin with the bits of start above bit. */
static bool runs_find(const struct diagram *diagram, uint32_t node, unsigned number, struct word *word,
	uint32_t start, unsigned bit)
{
	if (!asks(diagram, node, number))
		return run_add(word, start, node);
	while (!(word->mask >> --bit & 1))
		continue;
	bool is_asked = diagram_bit(diagram, node) == bit;
	for (int set = 0; set < 2; set++)
		if (!runs_find(diagram, is_asked ? diagram_next(diagram, node, set) : node, number, word,
				start | (uint32_t)set << bit, bit))
			return false;
	return true;
}

/* Where all bits down to the lowest that matters do, the word is compared as it is. */
static uint32_t mask_needed(uint32_t asked)
{
	return (asked | (asked - 1)) == ~0u ? ~0u : asked;
}

static void singles_mark(struct word *word)
{
	for (size_t i = 0; i + 1 < word->run_count; i++) {
		struct run *run = &word->runs[i];
		run->is_single = (((run->start | ~word->mask) + 1) & word->mask) == run[1].start;
	}
	struct run *last = &word->runs[word->run_count - 1];
	last->is_single = last->start == word->mask;
}

/* ---- which single values are asked for by themselves */

/* The fewest instructions with run i as the last one kept so far: one for each bound between
 * kept runs that differ, one for each run between them that is not. */
static void run_weigh(struct word *word, size_t i)
{
	struct run *runs = word->runs;
	runs[i].cost = UINT32_MAX;
	for (size_t k = i; k > 0; k--) {
		uint32_t cost = runs[k - 1].cost + (uint32_t)(i - k) + (runs[k - 1].node != runs[i].node);
		if (cost < runs[i].cost) {
			runs[i].cost = cost;
			runs[i].before = (uint32_t)k;	/* + 1: 0 is none */
		}
		if (!runs[k - 1].is_single)
			return;
	}
	if (i < runs[i].cost) {
		runs[i].cost = (uint32_t)i;
		runs[i].before = 0;
	}
}

static void runs_keep(struct word *word)
{
	size_t best = word->run_count - 1;
	for (size_t i = 0; i < word->run_count; i++)
		run_weigh(word, i);
	for (size_t i = word->run_count; i-- > 0; ) {
		if (word->runs[i].cost + (word->run_count - 1 - i) <
				word->runs[best].cost + (word->run_count - 1 - best))
			best = i;
		if (!word->runs[i].is_single)
			break;
	}
	for (size_t kept = best + 1; kept > 0; kept = word->runs[kept - 1].before)
		word->runs[kept - 1].is_kept = true;
}

static void segments_make(struct word *word)
{
	struct segment *last = NULL;
	size_t singles = 0;
	for (size_t i = 0; i < word->run_count; i++) {
		const struct run *run = &word->runs[i];
		if (!run->is_kept) {
			singles++;
		} else if (!last || last->node != run->node || singles >= SINGLES_MAX) {
			last = &word->segments[word->segment_count++];
			*last = (struct segment){i, i, run->start, run->node};
			singles = 0;
		}
		if (last)
			last->end = i + 1;
	}
	word->segments[0].first = 0;	/* singles before it are its own */
}

/* ---- writing */

static size_t write_one(struct writer *writer, uint16_t code, uint32_t k, size_t yes, size_t no)
{
	size_t jt = writer->used - yes, jf = writer->used - no;
	if (writer->used == writer->capacity || jt > UINT8_MAX || jf > UINT8_MAX) {
		writer->failed = true;
		return writer->used;
	}
	writer->code[writer->used] = (struct sock_filter){code, (uint8_t)jt, (uint8_t)jf, k};
	return ++writer->used;
}

static size_t write_plain(struct writer *writer, uint16_t code, uint32_t k)
{
	return write_one(writer, code, k, writer->used, writer->used);
}

/* The place, or one within reach from which it goes on there. */
static size_t near(struct writer *writer, size_t place)
{
	if (writer->used - place <= REACH || writer->failed)
		return place;
	const struct sock_filter *there = &writer->code[place - 1];
	if (there->code == (BPF_RET | BPF_K))
		return write_plain(writer, there->code, there->k);
	return write_plain(writer, BPF_JMP | BPF_JA, (uint32_t)(writer->used - place));
}

static size_t write_jump(struct writer *writer, uint16_t operation, uint32_t value, size_t yes, size_t no)
{
	yes = near(writer, yes);
	no = near(writer, no);
	return write_one(writer, BPF_JMP | BPF_K | operation, value, yes, no);
}

static size_t write_node(struct writer *writer, uint32_t node);

static size_t write_segment(struct writer *writer, const struct word *word, const struct segment *segment)
{
	size_t place = write_node(writer, segment->node);
	for (size_t i = segment->end; i-- > segment->first; )
		if (!word->runs[i].is_kept)
			place = write_jump(writer, BPF_JEQ, word->runs[i].start,
				write_node(writer, word->runs[i].node), place);
	return place;
}

static size_t write_segments(struct writer *writer, const struct word *word, size_t first, size_t end)
{
	if (end - first == 1)
		return write_segment(writer, word, &word->segments[first]);
	size_t middle = first + (end - first) / 2;
	size_t above = write_segments(writer, word, middle, end);
	size_t below = write_segments(writer, word, first, middle);
	return write_jump(writer, BPF_JGE, word->segments[middle].start, above, below);
}

static bool word_fill(const struct diagram *diagram, uint32_t node, struct word *word)
{
	unsigned number = diagram_word(diagram, node), visits = 0;
	word->mask = mask_needed(bits_asked(diagram, node, number, &visits));
	if (visits > RUNS_MAX || !runs_find(diagram, node, number, word, 0, 32))
		return false;
	singles_mark(word);
	runs_keep(word);
	segments_make(word);
	return true;
}

/* Whether any bit of the mask is set is one instruction. */
static bool is_any_bit(const struct word *word)
{
	return word->mask != ~0u && word->run_count == 2 && word->runs[0].is_single;
}

static size_t write_word(struct writer *writer, uint32_t node)
{
	struct word *word = calloc(1, sizeof *word);
	size_t place = 0;
	if (!word || !word_fill(writer->diagram, node, word)) {
		writer->failed = true;
	} else if (is_any_bit(word)) {
		size_t yes = write_node(writer, word->runs[1].node);
		size_t no = write_node(writer, word->runs[0].node);
		(void)write_jump(writer, BPF_JSET, word->mask, yes, no);
	} else {
		(void)write_segments(writer, word, 0, word->segment_count);
		if (word->mask != ~0u)
			(void)write_plain(writer, BPF_ALU | BPF_AND | BPF_K, word->mask);
	}
	if (!writer->failed)
		place = write_plain(writer, BPF_LD | BPF_W | BPF_ABS,
			4 * diagram_word(writer->diagram, node));
	free(word);
	return place;
}

/* Returns the place of what a node stands for, written where it is not yet. */
static size_t write_node(struct writer *writer, uint32_t node)
{
	size_t place = writer->places[node];
	if (writer->failed)
		return writer->used;
	if (place)
		place = near(writer, place);
	else if (diagram_is_verdict(writer->diagram, node))
		place = write_plain(writer, BPF_RET | BPF_K, diagram_verdict(writer->diagram, node));
	else
		place = write_word(writer, node);
	writer->places[node] = (uint32_t)place;
	return place;
}

static bool write_all(struct writer *writer, uint32_t root, struct sock_filter *filter)
{
	(void)write_node(writer, root);
	for (size_t i = 0; i < writer->used && !writer->failed; i++)
		filter[i] = writer->code[writer->used - 1 - i];
	return !writer->failed;
}

static size_t compact(struct diagram *diagram, const struct seccomp_program *program,
	struct sock_filter *filter)
{
	uint32_t root = diagram_read(diagram, program->filter, program->count);
	if (root == DIAGRAM_NONE)
		return 0;
	struct writer writer = {.diagram = diagram, .capacity = program->count - 1,
		.code = calloc(program->count, sizeof *filter),
		.places = calloc(DIAGRAM_NODES, sizeof *writer.places)};
	bool done = writer.code && writer.places && write_all(&writer, root, filter) &&
		diagram_read(diagram, filter, writer.used) == root;
	free(writer.code);
	free(writer.places);
	return done ? writer.used : 0;
}

bool seccomp_compact(struct seccomp_program *program)
{
	struct diagram *diagram = diagram_new();
	struct sock_filter *filter = calloc(program->count, sizeof *filter);
	size_t count = diagram && filter ? compact(diagram, program, filter) : 0;
	diagram_free(diagram);
	if (count == 0) {
		free(filter);
		return false;
	}
	free(program->filter);
	*program = (struct seccomp_program){.filter = filter, .count = count};
	return true;
}
