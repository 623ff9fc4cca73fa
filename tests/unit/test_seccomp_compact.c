/* test_seccomp_compact.c: a filter's short program beside the long one that it stands for.
 *
 * The compactor proves what it writes by its own reading of programs. Here an interpreter that knows nothing of
 * it runs both over calls made of everything that either compares with, and its neighbours.
 */
#include <check.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "../../sandbox/seccomp_compact.h"
#include "filter_run.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define X32 0x40000000u
#define VALUES_MAX 8192
#define RANDOM_CALLS 2000000
#define FILTERS (2 * SANDBOX_LEVELS)

static const uint32_t architectures[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
	AUDIT_ARCH_ARM, AUDIT_ARCH_PPC64LE, 0, 1, ~0u, AUDIT_ARCH_X86_64 - 1, AUDIT_ARCH_X86_64 + 1,
	AUDIT_ARCH_I386 + 1};
static const uint32_t highs[] = {0, 1, ~0u};

struct pair {
	struct seccomp_program plain, compact;
	uint32_t values[VALUES_MAX];	/* what either compares with, and neighbours */
	size_t value_count;
};

static void values_add(struct pair *pair, const struct seccomp_program *program)
{
	for (size_t i = 0; i < program->count; i++)
		for (uint32_t delta = 0; delta < 3; delta++) {
			ck_assert_uint_lt(pair->value_count, VALUES_MAX);
			pair->values[pair->value_count++] = program->filter[i].k + delta - 1;
		}
}

static int value_compare(const void *a, const void *b)
{
	const uint32_t *one = a, *other = b;
	return (*one > *other) - (*one < *other);
}

static void values_sort(struct pair *pair)
{
	size_t kept = 0;
	qsort(pair->values, pair->value_count, sizeof *pair->values, value_compare);
	for (size_t i = 0; i < pair->value_count; i++)
		if (i == 0 || pair->values[i] != pair->values[kept - 1])
			pair->values[kept++] = pair->values[i];
	pair->value_count = kept;
}

/* number: bit 0 memory by rlimit, above it the level. */
static struct pair *pair_make(int number)
{
	struct pair *pair = calloc(1, sizeof *pair);
	struct err err;
	ck_assert_ptr_nonnull(pair);
	ck_assert_int_eq(seccomp_generate((enum sandbox_level)(number >> 1), number & 1, &pair->plain,
		&err), 0);
	ck_assert_int_eq(seccomp_compile((enum sandbox_level)(number >> 1), number & 1, &pair->compact,
		&err), 0);
	values_add(pair, &pair->plain);
	values_add(pair, &pair->compact);
	values_sort(pair);
	return pair;
}

static void pair_clear(struct pair *pair)
{
	seccomp_program_free(&pair->plain);
	seccomp_program_free(&pair->compact);
}

static void pair_free(struct pair *pair)
{
	pair_clear(pair);
	free(pair);
}

/* Returns whether the verdict could hang on arguments. */
static bool compare(const struct pair *pair, const struct seccomp_data *data)
{
	struct filter_outcome plain = filter_run(pair->plain.filter, pair->plain.count, data);
	struct filter_outcome compact = filter_run(pair->compact.filter, pair->compact.count, data);
	if (!plain.is_valid || !compact.is_valid || plain.verdict != compact.verdict)
		ck_abort_msg("arch %#x, call %#x, %#llx %#llx %#llx %#llx: %#x, not %#x", data->arch,
			(unsigned)data->nr, (unsigned long long)data->args[0],
			(unsigned long long)data->args[1], (unsigned long long)data->args[2],
			(unsigned long long)data->args[3], compact.verdict, plain.verdict);
	return plain.has_read_arguments;
}

static void compare_arguments(const struct pair *pair, struct seccomp_data data)
{
	for (size_t argument = 0; argument < COUNT(data.args); argument++)
		for (size_t fill = 0; fill < 2; fill++) {
			memset(data.args, fill ? 0xff : 0, sizeof data.args);
			for (size_t i = 0; i < pair->value_count; i++)
				for (size_t high = 0; high < COUNT(highs); high++) {
					data.args[argument] = (uint64_t)highs[high] << 32 |
						pair->values[i];
					(void)compare(pair, &data);
				}
		}
}

static void compare_call(const struct pair *pair, uint32_t arch, uint32_t number)
{
	struct seccomp_data data = {.nr = (int)number, .arch = arch};
	if (compare(pair, &data))
		compare_arguments(pair, data);
}

START_TEST(each_filter_gets_shorter)
{
	struct pair *pair = pair_make(_i);
	size_t plain = pair->plain.count, compact = pair->compact.count;
	ck_assert_msg(compact < plain, "%zu of %zu", compact, plain);
#ifdef __x86_64__
	if (_i >> 1 == SANDBOX_STRICT)
		ck_assert_msg(compact < plain / 5, "%zu of %zu", compact, plain);
#endif
	pair_free(pair);
}
END_TEST

START_TEST(each_call_keeps_its_verdict_at_every_door)
{
	static const uint32_t bases[] = {0, X32, 0x80000000u, 0u - 1100};
	struct pair *pair = pair_make(_i);
	for (size_t arch = 0; arch < COUNT(architectures); arch++) {
		for (size_t base = 0; base < COUNT(bases); base++)
			for (uint32_t number = 0; number < 1100; number++)
				compare_call(pair, architectures[arch], bases[base] + number);
		for (size_t i = 0; i < pair->value_count; i++)
			compare_call(pair, architectures[arch], pair->values[i]);
	}
	pair_free(pair);
}
END_TEST

START_TEST(no_other_architecture_gets_in)
{
	struct pair *pair = pair_make(_i);
	for (size_t i = 0; i < pair->value_count; i++)
		for (size_t k = 0; k < pair->value_count; k += 7)
			(void)compare(pair, &(struct seccomp_data){.arch = pair->values[i],
				.nr = (int)pair->values[k]});
	pair_free(pair);
}
END_TEST

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1du >> 16;
}

static uint32_t random_word(const struct pair *pair, uint64_t *state)
{
	uint64_t kind = random_next(state) % 8;
	if (kind == 0)
		return (uint32_t)random_next(state);
	if (kind == 1)
		return (uint32_t)(random_next(state) & random_next(state) & random_next(state));
	return pair->values[random_next(state) % pair->value_count];
}

/* Several arguments at once, the pointer into the program, bits of masks. */
START_TEST(random_calls_keep_their_verdict)
{
	struct pair *pair = pair_make(_i);
	uint64_t state = 0x9e3779b97f4a7c15u + (uint64_t)_i;
	for (size_t i = 0; i < RANDOM_CALLS; i++) {
		uint32_t words[sizeof(struct seccomp_data) / 4];
		struct seccomp_data data;
		for (size_t word = 0; word < COUNT(words); word++)
			words[word] = random_word(pair, &state);
		for (size_t word = 5; word < COUNT(words); word += 2)
			words[word] = highs[words[word] % COUNT(highs)];
		memcpy(&data, words, sizeof data);
		if (random_next(&state) % 4)
			data.arch = architectures[random_next(&state) % 2];
		if (random_next(&state) % 2)
			data.nr = (int)(random_next(&state) % 460);
		(void)compare(pair, &data);
	}
	pair_free(pair);
}
END_TEST

/* ---- programs that are no filters of ours */

static struct seccomp_program program_of(const struct sock_filter *filter, size_t count)
{
	struct seccomp_program program = {malloc((count + 1) * sizeof *filter), count};
	ck_assert_ptr_nonnull(program.filter);
	memcpy(program.filter, filter, count * sizeof *filter);
	return program;
}

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define JUMP(operation, k, yes, no) BPF_JUMP(BPF_JMP | BPF_K | (operation), k, yes, no)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)

/* Each would be shorter without its last instructions, were it understood. */
START_TEST(what_is_not_understood_stays_as_it_is)
{
	static const struct sock_filter programs[][5] = {
		{LOAD(0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1), JUMP(BPF_JEQ, 1, 0, 0), RETURN(1)},
		{LOAD(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_X, 0), JUMP(BPF_JEQ, 1, 0, 0), RETURN(1)},
		{LOAD(0), BPF_STMT(BPF_MISC | BPF_TAX, 0), JUMP(BPF_JEQ, 1, 0, 0), RETURN(1)},
		{LOAD(0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 0), RETURN(1)},
		{LOAD(0), BPF_STMT(BPF_RET | BPF_A, 0), RETURN(1)},
		{BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), JUMP(BPF_JEQ, 1, 0, 0), RETURN(1)},
		{BPF_STMT(BPF_LD | BPF_IMM, 0), JUMP(BPF_JEQ, 1, 0, 0), RETURN(1)},
		{BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), JUMP(BPF_JEQ, 1, 0, 0), RETURN(1)},
		{LOAD(2), JUMP(BPF_JEQ, 1, 0, 0), RETURN(1), RETURN(1)},
		{LOAD(64), JUMP(BPF_JEQ, 1, 0, 0), RETURN(1), RETURN(1)},
		{JUMP(BPF_JEQ, 0, 0, 0), RETURN(1), RETURN(1)},
		{LOAD(0), JUMP(BPF_JEQ, 1, 0, 5), RETURN(1), RETURN(1), RETURN(1)},
		{LOAD(0), BPF_STMT(BPF_JMP | BPF_JA, 5), RETURN(1), RETURN(1), RETURN(1)},
		{LOAD(0), BPF_STMT(BPF_JMP | BPF_JA, ~0u), RETURN(1), RETURN(1), RETURN(1)},
		{LOAD(0), LOAD(0), LOAD(0), LOAD(0), LOAD(0)}};
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct seccomp_program program = program_of(programs[i], 5);
		ck_assert_msg(!seccomp_compact(&program), "program %zu", i);
		ck_assert_uint_eq(program.count, 5);
		ck_assert_mem_eq(program.filter, programs[i], sizeof programs[i]);
		seccomp_program_free(&program);
	}
	struct seccomp_program none = {0};
	ck_assert(!seccomp_compact(&none));
}
END_TEST

START_TEST(what_changes_nothing_is_left_out)
{
	static const struct sock_filter filter[] = {LOAD(4), LOAD(0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0), JUMP(BPF_JEQ, 0, 1, 0), RETURN(1), LOAD(16),
		JUMP(BPF_JGT, 7, 0, 1), RETURN(2), RETURN(2)};
	struct seccomp_program program = program_of(filter, COUNT(filter));
	ck_assert(seccomp_compact(&program));
	ck_assert_uint_eq(program.count, 1);
	ck_assert_uint_eq(program.filter[0].k, 2);
	seccomp_program_free(&program);
}
END_TEST

START_TEST(masks_add_up)
{
	static const struct sock_filter filter[] = {LOAD(16), LOAD(16), LOAD(16), LOAD(16),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3c),
		JUMP(BPF_JSET, 0x1f, 2, 0), JUMP(BPF_JGT, 0x1f, 0, 2), RETURN(1), RETURN(2), RETURN(3)};
	struct pair pair = {.plain = program_of(filter, COUNT(filter)),
		.compact = program_of(filter, COUNT(filter))};
	ck_assert(seccomp_compact(&pair.compact));
	for (uint64_t argument = 0; argument < 0x200; argument++)
		(void)compare(&pair, &(struct seccomp_data){.args = {argument}});
	pair_clear(&pair);
}
END_TEST

START_TEST(a_jump_asks_for_what_its_way_has_loaded)
{
	static const struct sock_filter filter[] = {LOAD(16), LOAD(16), LOAD(16), LOAD(16),
		JUMP(BPF_JGT, 5, 0, 1), LOAD(24), JUMP(BPF_JEQ, 3, 0, 1), RETURN(1), RETURN(2)};
	struct pair pair = {.plain = program_of(filter, COUNT(filter)),
		.compact = program_of(filter, COUNT(filter))};
	ck_assert(seccomp_compact(&pair.compact));
	for (uint64_t i = 0; i < 100; i++)
		(void)compare(&pair, &(struct seccomp_data){.args = {i / 10, i % 10}});
	pair_clear(&pair);
}
END_TEST

static void compare_all(struct pair *pair, uint32_t below)
{
	pair->compact = program_of(pair->plain.filter, pair->plain.count);
	ck_assert(seccomp_compact(&pair->compact));
	for (uint32_t number = 0; number < below; number++)
		for (uint64_t argument = 0; argument < 3; argument++)
			(void)compare(pair, &(struct seccomp_data){.nr = (int)number,
				.args = {argument}});
}

/* Of four numbers two have a verdict of their own, the others ask an argument. */
START_TEST(a_long_program_has_everything_within_reach)
{
	enum { PAIRS = 400 };
	struct pair pair = {.plain = {malloc((6 * PAIRS + 5) * sizeof(struct sock_filter)), 0}};
	struct sock_filter *at = pair.plain.filter;
	ck_assert_ptr_nonnull(at);
	*at++ = (struct sock_filter)LOAD(0);
	for (uint32_t i = 0; i < PAIRS; i++) {
		*at++ = (struct sock_filter)JUMP(BPF_JEQ, 4 * i, 1, 0);
		*at++ = (struct sock_filter)JUMP(BPF_JEQ, 4 * i + 1, 0, 1);
		*at++ = (struct sock_filter)RETURN(i % 5);
	}
	*at++ = (struct sock_filter)LOAD(16);
	*at++ = (struct sock_filter)JUMP(BPF_JEQ, 1, 0, 1);
	*at++ = (struct sock_filter)RETURN(100);
	*at++ = (struct sock_filter)RETURN(101);
	pair.plain.count = (size_t)(at - pair.plain.filter);
	compare_all(&pair, 4 * PAIRS + 10);
	ck_assert_uint_gt(pair.compact.count, 2 * 256);
	pair_clear(&pair);
}
END_TEST

/* Whether the number of set bits is odd: as many runs as values, in two instructions a bit. _i: asked for from
 * the lowest up, which already takes too long to read. */
START_TEST(what_would_take_too_many_runs_stays_as_it_is)
{
	struct sock_filter filter[2 * 32 + 4], *at = filter;
	*at++ = (struct sock_filter)LOAD(16);
	*at++ = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0);
	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t mask = _i ? 1u << bit : 1u << 31 >> bit;
		*at++ = (struct sock_filter)JUMP(BPF_JSET, mask, 2, 1);
		*at++ = (struct sock_filter)JUMP(BPF_JSET, mask, 0, 1);
	}
	*at++ = (struct sock_filter)RETURN(0);
	*at++ = (struct sock_filter)RETURN(1);
	struct seccomp_program program = program_of(filter, (size_t)(at - filter));
	ck_assert(!seccomp_compact(&program));
	ck_assert_uint_eq(program.count, COUNT(filter));
	seccomp_program_free(&program);
}
END_TEST

/* One bit matters below, ten above: a run for each value of those in vain, in few nodes. */
START_TEST(what_would_take_too_many_repeated_runs_stays_as_it_is)
{
	static const struct sock_filter filter[] = {LOAD(16), JUMP(BPF_JSET, 1u << 31, 0, 2),
		JUMP(BPF_JSET, 1, 3, 4), RETURN(9), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x1ff800),
		JUMP(BPF_JEQ, 0x1ff800, 0, 1), RETURN(0), RETURN(1)};
	struct seccomp_program program = program_of(filter, COUNT(filter));
	ck_assert(!seccomp_compact(&program));
	ck_assert_uint_eq(program.count, COUNT(filter));
	seccomp_program_free(&program);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("seccomp compact");
	TCase *tests = tcase_create("compact");
	tcase_set_timeout(tests, 20);
	tcase_add_loop_test(tests, each_filter_gets_shorter, 0, FILTERS);
	tcase_add_loop_test(tests, each_call_keeps_its_verdict_at_every_door, 0, FILTERS);
	tcase_add_loop_test(tests, no_other_architecture_gets_in, 0, FILTERS);
	tcase_add_loop_test(tests, random_calls_keep_their_verdict, 0, FILTERS);
	tcase_add_test(tests, what_is_not_understood_stays_as_it_is);
	tcase_add_test(tests, what_changes_nothing_is_left_out);
	tcase_add_test(tests, masks_add_up);
	tcase_add_test(tests, a_jump_asks_for_what_its_way_has_loaded);
	tcase_add_test(tests, a_long_program_has_everything_within_reach);
	tcase_add_loop_test(tests, what_would_take_too_many_runs_stays_as_it_is, 0, 2);
	tcase_add_test(tests, what_would_take_too_many_repeated_runs_stays_as_it_is);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
