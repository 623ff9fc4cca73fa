/* filter_run.h: a filter's program run over one call, written apart from all that makes filters. seccomp(2). */
#ifndef CODESANDBOX_TEST_FILTER_RUN_H
#define CODESANDBOX_TEST_FILTER_RUN_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct filter_outcome {
	bool is_valid;		/* no unknown instruction was met, no load or jump out of bounds */
	bool has_read_arguments;
	uint32_t verdict;
};

static inline bool filter_jumps(const struct sock_filter *at, uint32_t a, bool *is_valid)
{
	switch (BPF_OP(at->code)) {
	case BPF_JEQ: return a == at->k;
	case BPF_JGT: return a > at->k;
	case BPF_JGE: return a >= at->k;
	case BPF_JSET: return (a & at->k) != 0;
	default: return *is_valid = false;
	}
}

static inline struct filter_outcome filter_run(const struct sock_filter *filter, size_t count,
	const struct seccomp_data *data)
{
	struct filter_outcome outcome = {.is_valid = true};
	uint32_t a = 0;
	for (size_t i = 0; i < count && outcome.is_valid; i++) {
		const struct sock_filter *at = &filter[i];
		if (at->code == (BPF_LD | BPF_W | BPF_ABS) && at->k <= sizeof *data - sizeof a) {
			memcpy(&a, (const char *)data + at->k, sizeof a);
			outcome.has_read_arguments |= at->k >= offsetof(struct seccomp_data, args);
		} else if (at->code == (BPF_ALU | BPF_AND | BPF_K)) {
			a &= at->k;
		} else if (at->code == (BPF_JMP | BPF_JA)) {
			i += at->k;
		} else if (BPF_CLASS(at->code) == BPF_JMP && BPF_SRC(at->code) == BPF_K) {
			i += filter_jumps(at, a, &outcome.is_valid) ? at->jt : at->jf;
		} else if (at->code == (BPF_RET | BPF_K)) {
			outcome.verdict = at->k;
			return outcome;
		} else {
			break;
		}
	}
	outcome.is_valid = false;
	return outcome;
}

#endif
