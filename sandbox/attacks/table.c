/* table.c: the attacks as data. attacks.def is the one list; the programs are carried in the binary, each
 * behind its language's prelude. Paths are relative to the project's root, where make runs. */
#include "attacks.h"

#define FILE_CARRY(name, extension)                                                           \
	__asm__(".section .rodata\n.balign 16\nattack_code_" #name ":\n"                      \
		".incbin \"sandbox/attacks/prelude." #extension "\"\n"                         \
		".incbin \"sandbox/attacks/" #name "." #extension "\"\n"                       \
		".byte 0\n.previous\n");
#define ATTACK(name, extension, mechanism, level, end, needs, description)                    \
	FILE_CARRY(name, extension)
#include "attacks.def"
#undef ATTACK

#define ATTACK(name, extension, mechanism, level, end, needs, description)                    \
	extern const char attack_code_##name[];
#include "attacks.def"
#undef ATTACK

#define RUNTIME_sh "shell"
#define RUNTIME_py "python"
#define RUNTIME_js "javascript"
#define NEEDS_NOTHING 0
#define NEEDS(id) (1u << SANDBOX_MECHANISM_##id)

#define ATTACK(name, extension, mechanism, level, end, needs, description)                    \
	{#name, RUNTIME_##extension, #mechanism, description, SANDBOX_##level,                \
		ATTACK_ENDS_##end, needs, attack_code_##name},
const struct attack attack_table[] = {
#include "attacks.def"
};
#undef ATTACK

const size_t attack_count = sizeof attack_table / sizeof *attack_table;
