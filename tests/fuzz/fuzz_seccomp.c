/* fuzz_seccomp.c: any program beside what the compactor makes of it.
 *
 * Four bytes an instruction, of the kinds that filters have and one that they have not; the second half of the
 * input is calls, a word a byte. What is replaced must have been whole, and decide as before.
 */
#include <linux/audit.h>
#include <stdlib.h>

#include "../../sandbox/seccomp_compact.h"
#include "../unit/filter_run.h"

#define INSTRUCTIONS_MAX 256
#define WORDS (sizeof(struct seccomp_data) / 4)
#define COUNT(array) (sizeof(array) / sizeof *(array))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t codes[] = {BPF_LD | BPF_W | BPF_ABS, BPF_ALU | BPF_AND | BPF_K, BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JGT | BPF_K, BPF_JMP | BPF_JGE | BPF_K,
	BPF_JMP | BPF_JSET | BPF_K, BPF_RET | BPF_K, BPF_ALU | BPF_ADD | BPF_K};

/* Small numbers, large ones, architectures, and bits at each end of a word. */
static uint32_t value_of(uint8_t byte)
{
	static const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};
	switch (byte >> 5) {
	case 0: return 1u << (byte & 31);
	case 1: return ~0u << (byte & 31);
	case 2: return 0x40000000u + (byte & 31);
	case 3: return archs[byte & 1];
	default: return byte & 127;
	}
}

static struct sock_filter instruction_of(const uint8_t bytes[4])
{
	struct sock_filter made = {.code = codes[bytes[0] % COUNT(codes)], .jt = bytes[1] & 15,
		.jf = bytes[2] & 15, .k = value_of(bytes[3])};
	if (made.code == (BPF_LD | BPF_W | BPF_ABS))
		made.k = bytes[3] % 17 * 4;
	if (made.code == (BPF_JMP | BPF_JA))
		made.k = bytes[3] & 15;
	return made;
}

static void calls_compare(const struct seccomp_program *program, const struct sock_filter *plain,
	size_t plain_count, const uint8_t *bytes, size_t size)
{
	for (; size >= WORDS; bytes += WORDS, size -= WORDS) {
		uint32_t words[WORDS];
		struct seccomp_data data;
		for (size_t i = 0; i < WORDS; i++)
			words[i] = value_of(bytes[i]) + (bytes[i] >> 7 ? 0 : (uint32_t)(size & 1));
		memcpy(&data, words, sizeof data);
		struct filter_outcome before = filter_run(plain, plain_count, &data);
		struct filter_outcome after = filter_run(program->filter, program->count, &data);
		if (!before.is_valid || !after.is_valid || before.verdict != after.verdict)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sock_filter plain[INSTRUCTIONS_MAX];
	size_t count = size / 8 < INSTRUCTIONS_MAX ? size / 8 : INSTRUCTIONS_MAX;
	struct seccomp_program program = {malloc((count + 1) * sizeof *plain), count};
	if (!program.filter)
		return 0;
	for (size_t i = 0; i < count; i++)
		plain[i] = instruction_of(data + 4 * i);
	memcpy(program.filter, plain, count * sizeof *plain);
	if (seccomp_compact(&program)) {
		if (program.count >= count)
			abort();
		calls_compare(&program, plain, count, data + 4 * count, size - 4 * count);
	}
	free(program.filter);
	return 0;
}
